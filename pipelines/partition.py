"""Splits a network that exists already: `python -m pipelines.partition keras.applications:MobileNetV2 --method all`.

MODEL is keras.applications:NAME (built without weights), a .keras file or a .tflite file. Prints what each method
answers and latency over the cut position; takes a few seconds. With --export it writes the two halves.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pipelines.cli import quiet_tensorflow, run_command

__all__ = ["main"]

_METHODS = (
    "all",
    "all-on-sensor",
    "all-on-aggregator",
    "neurosurgeon",
    "neurosurgeon-no-limit",
    "dads",
    "hivemind",
    "hivemind-bottleneck",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Partitions one model.

    Args:
        arguments: Command line without the program's name; None takes the process's.

    Returns:
        Exit code 0.

    Raises:
        UserError: If model, system or a path is wrong, or the exported halves do not equal the whole.
    """
    options = _parser().parse_args(arguments)
    quiet_tensorflow()
    from pipelines.partitioning.command import run_partition

    return run_partition(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.partition", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", metavar="MODEL", help="keras.applications:NAME, a .keras file or a .tflite file")
    parser.add_argument("--system", default="hmd", help="name of a preset or a YAML file (default: hmd)")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--method", default="all", choices=_METHODS, help="default: all")
    choice.add_argument("--at", metavar="LAYER", help="cut behind this layer instead of asking a method")
    parser.add_argument("--bits", type=int, default=8, choices=(4, 8, 16, 32), help="bits of a feature on the link")
    parser.add_argument("--image-size", type=int, metavar="PIXELS", help="for keras.applications: height and width")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to FILE")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw latency over the cut (.png, .svg, .pdf)")
    parser.add_argument(
        "--export",
        type=Path,
        metavar="DIR",
        help="write the parts to DIR: two halves of a Keras model, or the parts of a .tflite file",
    )
    parser.add_argument(
        "--representative-data",
        type=Path,
        metavar="PATH",
        help="with --export: images for int8 calibration, a folder or an .npy file of model inputs",
    )
    parser.add_argument(
        "--pixel-range",
        default="0..255",
        choices=("0..255", "0..1", "-1..1"),
        help="values that the model expects of image files (default: 0..255)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(run_command(main))
