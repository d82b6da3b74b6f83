"""Memory of a .tflite model: `python -m tflite_export.memory MODEL.tflite [--limit 2MB] [--json F] [--plot F.png]`.

Prints what each operation needs, names the one at the peak and the tensors alive there, and compares weights and arena
with a limit; beside our plan stand what TensorFlow Lite Micro allocates and what Vela plans. Exit code 0: fits, or no
limit; 2: the file cannot be read; 3: weights and arena are over the limit.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tflite_export.command_line import EXIT_OVER_LIMIT, parse_bytes, run_command, writable_file

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tflite_export.memory", description="Memory of a .tflite model, operation by operation."
    )
    parser.add_argument("model", type=Path, help="the .tflite file")
    parser.add_argument("--limit", type=parse_bytes, help="memory of the device, such as 79319, 512kB, 2MB or 2MiB")
    parser.add_argument("--json", type=writable_file, help="write the profile to this file")
    parser.add_argument("--plot", type=writable_file, help="draw it into this file (.png, .svg or .pdf)")
    parser.add_argument("--node-data", type=writable_file, help="write live memory for Model Explorer to this .json")
    parser.add_argument("--device", choices=("sensor", "aggregator"), default="sensor", help="which Ethos-U Vela takes")
    arguments = parser.parse_args(argv)
    return run_command(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    from splitnets_tf.files import write_json
    from splitnets_tf.hardware import load_system
    from tflite_export.memory_view import plot_profile, print_profile
    from tflite_export.model_memory import memory_profile
    from tflite_export.node_data import node_data
    from tflite_export.vela_report import npu_for

    # Memory does not depend on the clock, so any system will do.
    npu = npu_for(arguments.device, load_system("hmd"))
    profile = memory_profile(arguments.model, arguments.limit, npu=npu)
    print_profile(profile)
    if arguments.json is not None:
        write_json(arguments.json, profile.to_dict())
    if arguments.plot is not None:
        plot_profile(profile, arguments.plot)
    if arguments.node_data is not None:
        write_json(arguments.node_data, node_data(profile))
    return EXIT_OVER_LIMIT if profile.fits is False else 0


if __name__ == "__main__":
    sys.exit(main())
