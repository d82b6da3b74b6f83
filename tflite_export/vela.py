"""A .tflite model on an Ethos-U: `python -m tflite_export.vela MODEL.tflite [--system hmd] [--json FILE]`.

Compiles the model with Arm's Vela for the processors that stand for sensor and aggregator, and prints what its
performance model says. Exit code 2: Vela is missing, or the file cannot be compiled.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tflite_export.command_line import run_command, writable_file

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tflite_export.vela", description="A .tflite model on Ethos-U processors, by Arm's Vela."
    )
    parser.add_argument("model", type=Path, help="the .tflite file, int8 with a batch of 1")
    parser.add_argument("--system", default="hmd", help="name of a preset or a YAML file (default: hmd)")
    parser.add_argument("--device", choices=("sensor", "aggregator", "both"), default="both", help="default: both")
    parser.add_argument("--operations", action="store_true", help="print every operation too")
    parser.add_argument("--json", type=writable_file, help="write the figures to this file")
    arguments = parser.parse_args(argv)
    return run_command(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    from splitnets_tf.files import write_json
    from splitnets_tf.hardware import load_system
    from tflite_export.vela_report import NPU_ROLES, npu_for, vela_report
    from tflite_export.vela_view import print_reports

    system = load_system(arguments.system)
    roles = list(NPU_ROLES) if arguments.device == "both" else [arguments.device]
    reports = [vela_report(arguments.model, npu_for(role, system)) for role in roles]
    print_reports(reports, system.name, operations=arguments.operations)
    if arguments.json is not None:
        figures = [report.to_dict() for report in reports]
        write_json(arguments.json, {"schema_version": 1, "system": system.name, "reports": figures})
    return 0


if __name__ == "__main__":
    sys.exit(main())
