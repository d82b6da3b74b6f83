"""The command line that pipelines of one view and of several share: options, run directory, stages in their order.

A stage that RUN already holds is not run again; one that was interrupted goes on where it stopped. Where the
environment has Keras Tuner's KERASTUNER_TUNER_ID, KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT, the search has a
chief and workers, both of them this command; see docs/search.md.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.cli import quiet_tensorflow
from pipelines.config_file import option_overrides, read_config_file
from pipelines.imagenet.application import Application, application_parser
from pipelines.progress import console
from pipelines.run_directory import RunDirectory
from splitnets_tf.errors import UserError

__all__ = ["main"]

_SEEDS = ("seed", "train.seed", "search.seed", "fine_tune.seed")
_SEEDS_BEHIND_TRAINING = ("search.seed", "fine_tune.seed")
"""What --seed sets where another run's supernet is searched: data and training are settled."""
_BATCH_SIZES = ("train.batch_size", "fine_tune.batch_size", "export.batch_size")
_READ_BY = {"fine_tune": ("selection.", "fine_tune.", "plain_cnn"), "export": ("export.",)}
"""Stage -> beginnings of the keys that it is the first to read."""
_LIMITS = {
    "max_latency_ms": ("selection.max_latency_ms", "selection.max_latencies_ms"),
    "min_accuracy": ("selection.min_accuracy", "selection.min_accuracies"),
}
"""Command-line option -> key for a single limit, which decides the chosen network, and key for several."""
_ALWAYS_OPEN = ("full", "selection.picks", "selection.max_latencies_ms", "selection.min_accuracies")
"""Keys that add stages and change none: a finished run may take them up."""


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
    parser, options = application_parser(application)
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
