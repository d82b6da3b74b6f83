"""Speed of a .tflite model: `python -m tflite_export.benchmark MODEL.tflite [--kernels xnnpack|reference] [--json F]`.

Runs LiteRT's official benchmark, times every operation as a model of its own, and sets beside both what the cost model
predicts for a processor of `--system`. Exit code 2: the file is missing or cannot be run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tflite_export.command_line import positive_whole_number, run_command, writable_file

if TYPE_CHECKING:
    from tflite_export.operation_profile import OperationTime

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
    parser.add_argument("--kernels", choices=("xnnpack", "reference"), default="xnnpack", help="default: xnnpack")
    parser.add_argument("--system", default="hmd", help="predict for this system: a preset or a YAML file")
    parser.add_argument(
        "--device", choices=("sensor", "aggregator"), default="sensor", help="... and this processor (default: sensor)"
    )
    parser.add_argument("--no-operations", action="store_true", help="do not time the operations one by one")
    parser.add_argument("--json", type=writable_file, help="write the figures to this file")
    arguments = parser.parse_args(argv)
    return run_command(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    from splitnets_tf.errors import UserError
    from splitnets_tf.files import write_json
    from splitnets_tf.graph import read_tflite
    from splitnets_tf.hardware import load_system
    from tflite_export.benchmark_view import Prediction, figures, print_benchmark
    from tflite_export.litert_benchmark import run_benchmark

    system = load_system(arguments.system)
    processor = system.sensor if arguments.device == "sensor" else system.aggregator
    settings = {"runs": arguments.runs, "threads": arguments.threads, "kernels": arguments.kernels}
    prediction: Prediction | str
    try:
        graph = read_tflite(arguments.model)
        prediction = Prediction.of(graph, system.name, processor)
    except UserError as error:
        # LiteRT runs more than the cost model reads, such as several graphs; it refuses what is damaged itself.
        prediction = str(error)
    measured = run_benchmark(arguments.model, **settings)
    operations: Sequence[OperationTime] | str = "not asked for"
    if isinstance(prediction, str):
        operations = prediction
    elif not arguments.no_operations:
        operations = _profile(arguments.model, settings, processor)
    print_benchmark(measured, prediction, operations)
    if arguments.json is not None:
        write_json(arguments.json, figures(measured, prediction, operations))
    return 0


def _profile(model: Path, settings: dict, processor: object) -> Sequence[OperationTime] | str:
    from splitnets_tf.errors import UserError
    from tflite_export.operation_profile import operation_profile

    try:
        return operation_profile(model, **settings, processor=processor)
    except UserError as error:
        return str(error)


if __name__ == "__main__":
    sys.exit(main())
