"""Splits a .tflite file: `python -m tflite_export.split MODEL.tflite --at TENSOR|--auto|--list [--system S]`.

Cuts the file itself, from whatever framework it came, into parts that together equal it bit for bit, which is checked
before anything is written. Exit code 2: the file cannot be read, run or cut there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tflite_export.command_line import positive_whole_number, run_command, writable_file

if TYPE_CHECKING:
    from tflite_export.file_parts import SplitFile

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tflite_export.split", description="Cut a .tflite file into parts that together equal it."
    )
    parser.add_argument("model", type=Path, help="the .tflite file")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--at",
        action="append",
        metavar="TENSOR",
        help="cut behind the operation that makes TENSOR (its name or a telling part of it); repeat it for more parts",
    )
    where.add_argument("--auto", action="store_true", help="take the fastest cut that fits the system's memory")
    where.add_argument("--list", action="store_true", help="show the legal cuts and write no parts")
    parser.add_argument("--system", default="hmd", help="name of a preset or a YAML file (default: hmd)")
    parser.add_argument("--output-dir", type=Path, help="folder for the parts (default: MODEL_parts)")
    parser.add_argument(
        "--check", type=positive_whole_number, default=2, help="random inputs to compare on (default: 2)"
    )
    parser.add_argument("--json", type=writable_file, help="write cuts, or parts and prediction, to this file")
    arguments = parser.parse_args(argv)
    return run_command(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    from splitnets_tf.files import write_json
    from splitnets_tf.graph import read_tflite
    from splitnets_tf.hardware import load_system
    from tflite_export.file_cuts import fastest_cut, find_cut
    from tflite_export.split_view import list_cuts, report_split

    system = load_system(arguments.system)
    graph = read_tflite(arguments.model)
    if arguments.list:
        figures = list_cuts(graph, system)
    else:
        positions = sorted({find_cut(tensor, graph) for tensor in arguments.at or ()})
        positions = positions or [fastest_cut(graph, system).position]
        figures = report_split(_split(arguments, positions), graph, positions, system)
    if arguments.json is not None:
        write_json(arguments.json, figures)
    return 0


def _split(arguments: argparse.Namespace, positions: list[int]) -> SplitFile:
    from splitnets_tf.errors import UserError
    from tflite_export.file_parts import split_file

    output_dir = arguments.output_dir or Path(f"{arguments.model.stem}_parts")
    if arguments.model.resolve().parent == output_dir.resolve():
        raise UserError(f"{output_dir}: holds the model itself; give another --output-dir")
    try:
        return split_file(arguments.model, positions, output_dir, check_inputs=arguments.check)
    except OSError as error:
        raise UserError(f"{output_dir}: cannot be written ({error.strerror}); give another --output-dir") from error


if __name__ == "__main__":
    sys.exit(main())
