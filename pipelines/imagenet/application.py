"""What a pipeline over sensor and aggregator is made of, and its command line."""

import argparse
import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from splitnets_tf.supernet import STRATEGIES

__all__ = ["VERBS", "Application", "application_parser"]

VERBS = ("train", "search", "export", "report")
"""Stages behind which a call may stop."""
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
    unit: str = "images"
    """What is counted: what one label belongs to."""
    folder_dataset: str | None = None
    """Data set that --data-dir names by itself; None for a folder of images."""
    always_open: tuple[str, ...] = ()
    """Keys of its own that add stages and change none: a finished run may take them up."""


def application_parser(application: Application) -> tuple[argparse.ArgumentParser, dict[str, str]]:
    """The parser of a pipeline's command line, and the key of the configuration that each option sets."""
    parser = argparse.ArgumentParser(prog=f"python -m {application.module}", description=application.description)
    parser.add_argument("verb", nargs="?", choices=VERBS, default="report", help="last stage to run (default: all)")
    _add_run(parser.add_argument_group("run"), application)
    _add_data(parser.add_argument_group("data and hardware"), application)
    _add_training(parser.add_argument_group("training"), application)
    _add_search(parser.add_argument_group("search and selection"))
    return parser, _OPTIONS | dict(application.add_arguments(parser))


def _add_run(run: argparse._ArgumentGroup, application: Application) -> None:
    name = application.module.rpartition(".")[2]
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


def _add_data(data: argparse._ArgumentGroup, application: Application) -> None:
    data.add_argument("--dataset", help=application.dataset_help)
    data.add_argument("--data-dir", metavar="DIR", help=application.data_dir_help)
    data.add_argument("--image-size", type=int, metavar="PIXELS", help="side at which images are kept")
    data.add_argument("--max-images", type=int, metavar="N", help=f"use at most N {application.unit} of each split")
    data.add_argument("--space", help="search space: a preset or a YAML file")
    data.add_argument("--system", help="system: a preset or a YAML file")


def _add_training(train: argparse._ArgumentGroup, application: Application) -> None:
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
    train.add_argument("--batch-size", type=int, help=f"{application.unit} per step")
    train.add_argument("--fine-tune-epochs", type=int, help="epochs of float fine-tuning")
    train.add_argument("--qat-epochs", type=int, help="epochs of quantisation-aware training")
    train.add_argument(
        "--quantization",
        choices=("qat", "ptq"),
        help="how the network becomes int8: quantisation-aware training (default), or calibration images alone",
    )


def _add_search(search: argparse._ArgumentGroup) -> None:
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


def _numbers(text: str) -> list[float | None]:
    return [None] if text == "none" else [float(part) for part in text.split(",")]


def _integers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]
