"""The command line that pipelines of one view and of several share: options, run directory, stages in their order.

A stage that RUN already holds is not run again; one that was interrupted goes on where it stopped. Where the
environment has Keras Tuner's KERASTUNER_TUNER_ID, KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT, the search has a
chief and workers, both of them this command; see docs/search.md.
"""

import argparse
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.cli import quiet_tensorflow
from pipelines.config_file import option_overrides, read_config_file
from pipelines.progress import console
from pipelines.run_directory import RunDirectory
from splitnets_tf.errors import UserError
from splitnets_tf.supernet import STRATEGIES

__all__ = ["Application", "main"]

VERBS = ("train", "search", "export", "report")
_SEEDS = ("seed", "train.seed", "search.seed", "fine_tune.seed")
_SEEDS_BEHIND_TRAINING = ("search.seed", "fine_tune.seed")
"""What --seed sets where another run's supernet is searched: data and training are settled."""
_BATCH_SIZES = ("train.batch_size", "fine_tune.batch_size", "export.batch_size")
_OPTIONS = {
    "dataset": "data.dataset",
    "data_dir": "data.data_dir",
    "image_size": "data.image_size",
    "max_images": "data.max_images",
    "space": "space",
    "system": "system",
    "strategy": "strategy",
    "precision": "precision",
    "epochs": "train.epochs",
    "fine_tune_epochs": "fine_tune.epochs",
    "qat_epochs": "export.qat_epochs",
    "quantization": "export.method",
    "population": "search.population",
    "generations": "search.generations",
    "constraint": "constraints",
    "pick": "selection.picks",
    "rerank": "selection.rerank",
    "supernet": "supernet_run",
}
"""Command-line option -> key of the configuration."""
_READ_BY = {"fine_tune": ("selection.", "fine_tune.", "plain_cnn"), "export": ("export.",)}
"""Stage -> beginnings of the keys that it is the first to read."""
_LIMITS = {
    "max_latency_ms": ("selection.max_latency_ms", "selection.max_latencies_ms"),
    "min_accuracy": ("selection.min_accuracy", "selection.min_accuracies"),
}
"""Command-line option -> key for a single limit, which decides the chosen network, and key for several."""
_ALWAYS_OPEN = ("full", "selection.picks", "selection.max_latencies_ms", "selection.min_accuracies")
"""Keys that add stages and change none: a finished run may take them up."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Application:
    """What one pipeline has of its own. Nothing here imports TensorFlow until a stage runs."""

    module: str
    """What stands behind `python -m`."""
    description: str
    """First paragraph of the help."""
    dataset_help: str
    """Help of --dataset."""
    data_dir_help: str
    """Help of --data-dir."""
    full_help: str
    """What --full adds."""
    base_config: Callable[[bool], Any]
    """Whether it is a smoke run -> the configuration without any option."""
    open_context: Callable[..., Any]
    """(configuration, output directory, checkpoint_minutes=) -> context, everything checked."""
    finish: Callable[[Any, Any], None]
    """What follows the export, with the context and the trained supernet: comparisons and the report."""
    add_arguments: Callable[[argparse.ArgumentParser], Mapping[str, str]] = lambda parser: {}
    """Adds options of its own; returns option -> key of the configuration."""
    folder_dataset: str | None = None
    """Data set that --data-dir names by itself; None for a folder of images."""
    always_open: tuple[str, ...] = ()
    """Keys of its own that add stages and change none: a finished run may take them up."""


def _parser(application: Application) -> tuple[argparse.ArgumentParser, dict[str, str]]:
    """The parser, and the key of the configuration that each option sets."""
    parser = argparse.ArgumentParser(prog=f"python -m {application.module}", description=application.description)
    name = application.module.rpartition(".")[2]
    parser.add_argument("verb", nargs="?", choices=VERBS, default="report", help="last stage to run (default: all)")
    run = parser.add_argument_group("run")
    run.add_argument("--output-dir", type=Path, default=Path("runs", name), metavar="RUN", help="run directory")
    run.add_argument("--overwrite", action="store_true", help="remove what RUN holds and start afresh")
    run.add_argument("--smoke", action="store_true", help="every stage for real on little data, for tests")
    run.add_argument("--full", action="store_true", help=application.full_help)
    run.add_argument(
        "--supernet", metavar="RUN", help="search with the trained supernet of another run, without training"
    )
    run.add_argument(
        "--config",
        metavar="NAME|FILE",
        help="a shipped configuration, imagenet or components, or a YAML file with keys of the configuration",
    )
    run.add_argument("--seed", type=int, help="seed of everything random")
    data = parser.add_argument_group("data and hardware")
    data.add_argument("--dataset", help=application.dataset_help)
    data.add_argument("--data-dir", metavar="DIR", help=application.data_dir_help)
    data.add_argument("--image-size", type=int, metavar="PIXELS", help="side at which images are kept")
    data.add_argument("--max-images", type=int, metavar="N", help="use at most N images of each split")
    data.add_argument("--space", help="search space: a preset or a YAML file")
    data.add_argument("--system", help="system: a preset or a YAML file")
    train = parser.add_argument_group("training")
    train.add_argument(
        "--strategy",
        choices=STRATEGIES,
        help="devices of supernet training: one; all GPUs of this machine; all machines of TF_CONFIG, each of which "
        "runs this command; a TPU (untested)",
    )
    train.add_argument(
        "--precision",
        choices=("mixed_bfloat16",),
        help="train the supernet in bfloat16 with float32 weights, on accelerators that have it (default: float32)",
    )
    train.add_argument(
        "--deterministic", action="store_true", help="deterministic operations only: repeatable on GPUs too, but slower"
    )
    train.add_argument(
        "--checkpoint-minutes",
        type=float,
        default=10.0,
        metavar="MIN",
        help="minutes between two checkpoints within an epoch of supernet training (default: 10)",
    )
    train.add_argument("--epochs", type=int, help="epochs of supernet training")
    train.add_argument("--batch-size", type=int, help="images per step")
    train.add_argument("--fine-tune-epochs", type=int, help="epochs of float fine-tuning")
    train.add_argument("--qat-epochs", type=int, help="epochs of quantisation-aware training")
    train.add_argument(
        "--quantization",
        choices=("qat", "ptq"),
        help="how the network becomes int8: quantisation-aware training (default), or calibration images alone",
    )
    search = parser.add_argument_group("search and selection")
    search.add_argument("--population", type=int, help="candidates of a generation")
    search.add_argument("--generations", type=int, help="generations")
    search.add_argument("--constraint", action="append", metavar="EXPR", help="hard constraint, e.g. 'latency_ms <= 1'")
    search.add_argument(
        "--max-latency-ms",
        type=_numbers,
        metavar="MS[,MS...]",
        help="choose the most accurate network within this latency; several limits build one network more for each; "
        "none takes an earlier limit back",
    )
    search.add_argument(
        "--min-accuracy",
        type=_numbers,
        metavar="FRACTION[,...]",
        help="choose the fastest network of this validation accuracy; several and none: as above",
    )
    search.add_argument(
        "--rerank",
        choices=("vela",),
        help="choose by the latencies of Arm's Vela for all evaluated candidates, not by multiply-accumulates",
    )
    search.add_argument(
        "--pick",
        type=_integers,
        metavar="N[,N...]",
        help="build these rows of search/pareto.csv too (1 is the fastest)",
    )
    return parser, _OPTIONS | dict(application.add_arguments(parser))


def _numbers(text: str) -> list[float | None]:
    return [None] if text == "none" else [float(part) for part in text.split(",")]


def _integers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def main(application: Application, argv: Sequence[str] | None = None) -> int:
    """Run the stages up to the verb.

    Args:
        application: The pipeline.
        argv: Arguments without the program's name.

    Returns:
        Exit code 0.

    Raises:
        UserError: Something in the arguments, files or data is wrong.
    """
    parser, options = _parser(application)
    arguments = parser.parse_args(argv)

    def resolve() -> Any:
        return _resolve(application, arguments, options)

    quiet_tensorflow()
    from splitnets_tf.search import read_role

    role = read_role()
    if role.kind == "worker":
        from pipelines.imagenet.worker import work_for_chief

        work_for_chief(arguments.output_dir, arguments.verb, arguments.overwrite, role, resolve)
        return 0
    context = resolve()
    if not context.is_chief:
        from pipelines.imagenet.train import train_as_worker

        train_as_worker(context, overwrite=arguments.overwrite)
        return 0
    with context.run.lock():
        _prepare(application, context, overwrite=arguments.overwrite)
        console().print(f"space {context.space.name}: {context.space.count():,} architectures")
        if context.config.smoke:
            console().print("a smoke run: its accuracies mean nothing; --overwrite without --smoke starts a real one")
        _run_stages(application, context, arguments.verb)
    return 0


def _prepare(application: Application, context: Any, *, overwrite: bool) -> None:
    """What no stage has read yet may still be changed on the command line."""
    from splitnets_tf.hardware import system_to_yaml

    begun = {} if overwrite else context.run.provenance()["stages"]
    open_keys = _ALWAYS_OPEN + application.always_open
    open_keys += tuple(key for stage, keys in _READ_BY.items() if stage not in begun for key in keys)
    context.run.prepare(
        context.config.to_dict(),
        system_to_yaml(context.system),
        overwrite=overwrite,
        pipeline=application.module,
        open_keys=open_keys,
        defaults=application.base_config(context.config.smoke).to_dict(),
    )


def _resolve(application: Application, arguments: argparse.Namespace, options: Mapping[str, str]) -> Any:
    """Check everything; nothing is written before all is known to be right."""
    from pipelines.imagenet.config import with_overrides
    from pipelines.imagenet.other_supernet import inherited_config
    from pipelines.imagenet.rerank import check_rerank

    run = RunDirectory(arguments.output_dir)
    stored = None if arguments.overwrite else run.stored_config(pipeline=application.module)
    base = application.base_config(arguments.smoke)
    if stored is None and arguments.supernet is not None:
        stored = inherited_config(Path(arguments.supernet))
    if stored is not None:
        base = with_overrides(base, stored)
    trained_elsewhere = arguments.supernet is not None or base.supernet_run is not None
    seeds = _SEEDS_BEHIND_TRAINING if trained_elsewhere else _SEEDS
    config = with_overrides(base, _overrides(application, arguments, options, seeds))
    check_rerank(config.selection.rerank)
    return application.open_context(config, arguments.output_dir, checkpoint_minutes=arguments.checkpoint_minutes)


def _overrides(
    application: Application, arguments: argparse.Namespace, options: Mapping[str, str], seeds: tuple[str, ...]
) -> dict[str, Any]:
    overrides = option_overrides(
        arguments,
        _config_file(arguments.config) if arguments.config else {},
        options=options,
        flags=("smoke", "full", "deterministic"),
        seeds=seeds,
        batch_sizes=_BATCH_SIZES,
        folder_dataset=application.folder_dataset,
    )
    for option, (single, several) in _LIMITS.items():
        limits = getattr(arguments, option)
        if limits is not None:
            overrides[several if len(limits) > 1 else single] = limits if len(limits) > 1 else limits[0]
    return overrides


def _config_file(name: str) -> dict[str, Any]:
    from pipelines.imagenet.config import named_config

    path = named_config(name) or Path(name)
    if not path.is_file():
        raise UserError(f"--config {name}: no such file, and no shipped configuration; those are imagenet, components")
    return read_config_file(path)


def _run_stages(application: Application, context: Any, verb: str) -> None:
    """Import each stage when its turn comes: TensorFlow takes seconds to load."""
    from pipelines.imagenet.train import TrainedEvaluator, train

    if context.config.supernet_run is None:
        train(context)
    if verb == "train":
        return
    from pipelines.imagenet.search import search, show_front

    trained = TrainedEvaluator(context)
    search(context, trained)
    from pipelines.imagenet.rerank import rerank

    rerank(context)
    if verb == "search":
        show_front(context)
        return
    from pipelines.imagenet.export import export
    from pipelines.imagenet.networks import fine_tune
    from pipelines.imagenet.picks import build_picks

    fine_tune(context, trained)
    export(context)
    build_picks(context, trained)
    if verb != "export":
        application.finish(context, trained)
