"""Reproduces what the papers print: `python -m pipelines.reproduce table4`.

Expected result: exit code 0, which says that every figure of the table is within the stated tolerances or is one in
which the paper disagrees with itself. Takes a few seconds; needs neither network nor TensorFlow.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pipelines.cli import run_command

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one reproduction.

    Args:
        arguments: Command line without the program's name; None takes the process's.

    Returns:
        Exit code: 0 if the figures agree, 1 if one does not.

    Raises:
        UserError: If the JSON file cannot be written.
    """
    from pipelines.reproduction.tables_command import run_table

    options = _parser().parse_args(arguments)
    return run_table(options.what, options.json)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipelines.reproduce", description=__doc__)
    commands = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    for table, text in (
        ("table4", "SplitNets, Table 4: latency on the single-sensor system (ImageNet)"),
        ("table6", "SplitNets, Table 6: latency on the system of twelve sensors (ModelNet40)"),
    ):
        command = commands.add_parser(table, help=text, description=text)
        command.add_argument("--json", type=Path, metavar="FILE", help="write all figures to FILE")
    return parser


if __name__ == "__main__":
    sys.exit(run_command(main))
