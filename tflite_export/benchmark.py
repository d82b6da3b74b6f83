"""Speed of a .tflite model: `python -m tflite_export.benchmark MODEL.tflite [--runs 200] [--threads 1] [--json FILE]`.

Runs LiteRT's official benchmark and prints what it measured. Exit code 2: the file is missing or cannot be run.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from splitnets_tf.files import write_json
from tflite_export.command_line import positive_whole_number, run_command, writable_file
from tflite_export.litert_benchmark import TIMES, Benchmark, run_benchmark

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tflite_export.benchmark", description="LiteRT's official benchmark of a .tflite model."
    )
    parser.add_argument("model", type=Path, help="the .tflite file")
    parser.add_argument("--runs", type=positive_whole_number, default=200, help="timed inferences (default 200)")
    parser.add_argument(
        "--threads", type=positive_whole_number, default=1, help="threads inside one inference (default 1)"
    )
    parser.add_argument("--json", type=writable_file, help="write the figures to this file")
    arguments = parser.parse_args(argv)
    return run_command(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    result = run_benchmark(arguments.model, runs=arguments.runs, threads=arguments.threads)
    _print(result)
    if arguments.json is not None:
        write_json(arguments.json, result.to_dict())
    return 0


def _print(result: Benchmark) -> None:
    from rich.console import Console
    from rich.table import Table

    threads = f"{result.threads} thread" + ("s" if result.threads > 1 else "")
    table = Table(title=f"{result.model}: LiteRT benchmark, {result.runs} runs, {threads}, XNNPACK")
    table.add_column("time")
    table.add_column("ms", justify="right")
    for name, label in TIMES.items():
        table.add_row(label, f"{getattr(result, name):#.4g}")
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
