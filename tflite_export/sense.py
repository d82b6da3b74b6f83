"""One sensor: `python -m tflite_export.sense RUN --images FILE.npy|FOLDER [--server 127.0.0.1:50051] [--sensor 0]`.

RUN is a folder with `sensor.tflite`, or that file. Reads images, runs them through it and sends the int8 features to
the aggregator (`python -m tflite_export.serve`). Exit code 2: the aggregator refuses the file or cannot be reached.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tflite_export.command_line import (
    network_address,
    positive_number,
    positive_whole_number,
    run_command,
    whole_number,
    writable_file,
)

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tflite_export.sense", description="One sensor of a split network, over gRPC."
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="folder with sensor.tflite, or that file")
    parser.add_argument("--images", type=Path, required=True, help="uint8 .npy file [n, s, s, 3] or folder of pictures")
    parser.add_argument("--server", type=network_address, default="127.0.0.1:50051", help="HOST:PORT of the aggregator")
    parser.add_argument("--sensor", type=whole_number, default=0, help="number of this sensor, its view (default: 0)")
    parser.add_argument("--frames", type=whole_number, help="stop before the frame of this number (default: never)")
    parser.add_argument(
        "--stride", type=positive_whole_number, default=1, help="frame f shows image f * STRIDE + OFFSET"
    )
    parser.add_argument("--offset", type=whole_number, default=0)
    parser.add_argument(
        "--window", type=positive_whole_number, default=4, help="frames on their way at a time (default: 4)"
    )
    parser.add_argument("--rate", type=positive_number, help="frames a second (default: as fast as answers come)")
    parser.add_argument("--retry", type=positive_number, default=30.0, help="seconds to look for the aggregator")
    parser.add_argument("--report", action="store_true", help="at the end print latency by stage, frames/s and bytes")
    parser.add_argument("--json", type=writable_file, help="at the end write the report to this file")
    parser.add_argument("--answers", type=writable_file, help="at the end write all answers to this .npz file")
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    return run_command(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    from splitnets_tf.files import write_json
    from tflite_export.frame_source import open_frames
    from tflite_export.halves import image_size, probe_model, require_grpc
    from tflite_export.split_sensor import SensorSettings, SplitSensor

    require_grpc()
    model = arguments.run / "sensor.tflite" if arguments.run.is_dir() else arguments.run
    probe_model(model)
    settings = SensorSettings(
        sensor=arguments.sensor,
        frames=arguments.frames,
        window=arguments.window,
        frames_per_s=arguments.rate,
        retry_s=arguments.retry,
    )
    answers: list[Any] = []
    keep = answers.append if arguments.answers is not None else None
    frames = open_frames(arguments.images, image_size(model), stride=arguments.stride, offset=arguments.offset)
    sensor = SplitSensor(model, frames, arguments.server, settings, keep)
    try:
        sensor.run()
    except KeyboardInterrupt:
        logging.getLogger(__name__).info("interrupted")
    report = sensor.report()
    if arguments.report:
        _print(report)
    if arguments.json is not None:
        write_json(arguments.json, report)
    if arguments.answers is not None:
        _write_answers(arguments.answers, answers)
    return 0


def _print(report: dict[str, Any]) -> None:
    from tflite_export.stage_times import Summary, print_stages

    rate = report["frames_per_s"]
    counts = ("sent", "answered", "filled", "late", "lost", "out_of_order")
    print_stages(
        f"Sensor {report['sensor']}",
        {name: Summary(**row) for name, row in report["stages"].items()},
        {
            "frames": ", ".join(f"{report[name]:,} {name.replace('_', ' ')}" for name in counts),
            "frames/s": "none" if rate is None else f"{rate:.1f}",
            "bytes sent and received, headers included, gRPC's frames not": (
                f"{report['bytes_out']:,} and {report['bytes_in']:,}"
            ),
        },
    )


def _write_answers(path: Path, answers: Sequence[Any]) -> None:
    import numpy as np

    from splitnets_tf.files import write_atomically

    logits = [np.frombuffer(answer.data, np.int8) for answer in answers]
    columns = {
        "frames": np.array([answer.frame for answer in answers], np.int64),
        "missing": np.array([answer.missing for answer in answers], np.uint64),
        "logits": np.stack(logits) if logits else np.empty((0, 0), np.int8),
    }

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, **columns)

    write_atomically(path, write)


if __name__ == "__main__":
    sys.exit(main())
