"""Command line of JMSNAS: one network searched and split over a chain or a mesh of devices.

    python -m pipelines.mec                                          # the chain, the embedded data set
    python -m pipelines.mec --topology mesh --latency-ms 5 --output-dir runs/mesh-5

A stage that RUN already holds is not run again; one that was interrupted goes on where it stopped.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipelines.cli import quiet_tensorflow, run_command
from pipelines.config_file import option_overrides, read_config_file
from pipelines.run_directory import RunDirectory

VERBS = ("search", "train", "export", "report", "baselines")
_MODULE = "pipelines.mec"
_OPTIONS = {
    "topology": "topology",
    "latency_ms": "latency_ms",
    "dataset": "data.dataset",
    "image_size": "data.image_size",
    "max_images": "data.max_images",
    "space": "space",
    "system": "system",
    "bits": "bits",
    "times": "times",
    "warmup_epochs": "search.warmup_epochs",
    "epochs": "search.epochs",
    "train_epochs": "train.epochs",
    "qat_epochs": "export.qat_epochs",
    "latency_weight": "search.latency_weight",
    "warmup_run": "warmup_run",
    "baselines_run": "baselines_run",
}
"""Command-line option -> key of the configuration."""
_SEEDS = ("seed", "search.seed", "train.seed")
_BATCH_SIZES = ("search.batch_size", "train.batch_size", "export.batch_size")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m {_MODULE}", description=__doc__.splitlines()[0])
    parser.add_argument(
        "verb",
        nargs="?",
        choices=VERBS,
        default="report",
        help="last stage to run, or the baselines alone (default: all)",
    )
    run = parser.add_argument_group("run")
    run.add_argument("--output-dir", type=Path, metavar="RUN", help="run directory (default: runs/mec-TOPOLOGY)")
    run.add_argument("--overwrite", action="store_true", help="remove what RUN holds and start afresh")
    run.add_argument("--smoke", action="store_true", help="every stage for real on little data")
    run.add_argument("--config", type=Path, metavar="FILE", help="YAML file with keys of the configuration")
    run.add_argument("--seed", type=int, help="seed of everything random")
    where = parser.add_argument_group("devices")
    where.add_argument("--topology", choices=("chain", "mesh"), help="which presets to take (default: chain)")
    where.add_argument("--latency-ms", type=float, metavar="T", help="T_const (default: 1.25 x the fastest network)")
    where.add_argument("--space", help="layered space: a preset or a YAML file")
    where.add_argument("--system", help="system: a preset or a YAML file")
    where.add_argument("--bits", type=int, choices=(4, 8, 16, 32), help="bits of an element on the links, in the price")
    where.add_argument(
        "--times", action="append", metavar="PROCESSOR=FILE", help="table of pipelines.profile, measured on PROCESSOR"
    )
    where.add_argument("--outer-search", action="store_true", help="choose each device's number of layers first")
    data = parser.add_argument_group("data")
    data.add_argument("--dataset", help="components (default), image-folder or imagenet2012")
    data.add_argument("--data-dir", metavar="DIR", help="folder of the images")
    data.add_argument("--image-size", type=int, metavar="PIXELS", help="side at which images are kept")
    data.add_argument("--max-images", type=int, metavar="N", help="use at most N images of each split")
    train = parser.add_argument_group("training")
    train.add_argument("--warmup-epochs", type=int, help="epochs of the search in which weights are trained alone")
    train.add_argument("--epochs", type=int, help="epochs of the search in which both are trained")
    train.add_argument("--train-epochs", type=int, help="epochs of the derived network")
    train.add_argument("--qat-epochs", type=int, help="epochs of quantisation-aware training")
    train.add_argument("--batch-size", type=int, help="images per step")
    train.add_argument("--warmup-run", metavar="OTHER", help="start from the warm-up of another run")
    train.add_argument("--baselines-run", metavar="OTHER", help="compare the MobileNets that another run has trained")
    train.add_argument("--latency-weight", type=float, help="lambda 2")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the stages up to the verb.

    Returns:
        Exit code 0.

    Raises:
        UserError: Something in the arguments, files or data is wrong.
    """
    arguments = _parser().parse_args(argv)
    quiet_tensorflow()
    context = _resolve(arguments)
    run_stages(context, arguments.verb, overwrite=arguments.overwrite)
    return 0


def _resolve(arguments: argparse.Namespace) -> Any:
    """Check everything; nothing is written before all is known to be right."""
    from pipelines.imagenet.config import with_overrides
    from pipelines.mec.config import DEMO, SMOKE
    from pipelines.mec.context import open_mec

    output_dir = arguments.output_dir or Path(f"runs/mec-{arguments.topology or 'chain'}")
    stored = None if arguments.overwrite else RunDirectory(output_dir).stored_config(pipeline=_MODULE)
    base = SMOKE if arguments.smoke else DEMO
    if stored is not None:
        base = with_overrides(base, stored)
    return open_mec(with_overrides(base, _overrides(arguments)), output_dir)


def _overrides(arguments: argparse.Namespace) -> dict[str, Any]:
    return option_overrides(
        arguments,
        read_config_file(arguments.config) if arguments.config else {},
        options=_OPTIONS,
        flags=("smoke", "outer_search"),
        seeds=_SEEDS,
        batch_sizes=_BATCH_SIZES,
        folder_dataset=None,
    )


def run_stages(context: Any, verb: str = "report", *, overwrite: bool = False) -> None:
    """Run what the run directory does not hold yet, up to a stage.

    Args:
        context: The run.
        verb: One of `VERBS`.
        overwrite: Remove what the directory holds first.
    """
    from pipelines.progress import console
    from splitnets_tf.hardware import system_to_yaml

    with context.run.lock():
        system = system_to_yaml(context.system)
        context.run.prepare(context.config.to_dict(), system, overwrite=overwrite, pipeline=_MODULE)
        layers = len(context.latency.operation_ms)
        from pipelines.mec.networks import train_baselines, train_chosen

        if verb == "baselines":
            train_baselines(context)
            return
        console().print(f"space {context.space.name}: {layers} layers, T_const {context.limit_ms:.3g} ms")
        from pipelines.mec.search import search

        search(context)
        if verb == "search":
            return
        train_chosen(context)
        if verb == "train":
            return
        from pipelines.mec.export import export

        export(context)
        if verb == "export":
            return
        train_baselines(context)
        from pipelines.mec.report import report

        report(context)


if __name__ == "__main__":
    sys.exit(run_command(main))
