"""The split at work on this machine: `python -m tflite_export.demo RUN [--sensors 4] [--frames 1000] [--kill]`.

Starts an aggregator and the sensors as processes of their own on loopback, feeds the sensors test images, and compares
every answer with both halves run offline. Exit code 1: an answer was lost, out of order or different; 2: the files
cannot be run.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tflite_export.command_line import positive_number, positive_whole_number, run_command, writable_file

__all__ = ["main"]

_EXIT_DIFFERENT = 1


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tflite_export.demo", description="An aggregator and its sensors as processes on this machine."
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="folder with sensor.tflite and aggregator.tflite")
    parser.add_argument("--sensors", type=positive_whole_number, default=4, help="sensor processes (default: 4)")
    parser.add_argument("--frames", type=positive_whole_number, default=1000, help="of each sensor (default: 1000)")
    parser.add_argument(
        "--images",
        type=Path,
        help="uint8 .npy file [n, s, s, 3], or [n, views, s, s, 3] (default: the embedded test images)",
    )
    parser.add_argument("--labels", type=Path, help="integer .npy file [n] that belongs to --images")
    parser.add_argument("--kill", action="store_true", help="kill the last sensor on the way and start it again")
    parser.add_argument("--rate", type=positive_number, help="frames a second of each sensor (default: all it can)")
    parser.add_argument("--fill", choices=("zeros", "last"), default="zeros", help="stands for a missing view")
    parser.add_argument("--json", type=writable_file, help="write all figures to this file")
    arguments = parser.parse_args(argv)
    return run_command(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    from splitnets_tf.files import write_json
    from tflite_export.halves import image_size, open_pair, require_grpc
    from tflite_export.images import resize_bytes
    from tflite_export.local_demo import DemoSettings, run_demo

    require_grpc()
    sensor = arguments.run / "sensor.tflite"
    views = open_pair(sensor, arguments.run / "aggregator.tflite").views
    size = image_size(sensor)
    images, labels = _images(arguments, views)
    settings = DemoSettings(
        sensors=views if views > 1 else arguments.sensors,
        frames=arguments.frames,
        kill=arguments.kill,
        frames_per_s=arguments.rate,
        fill=arguments.fill,
    )
    with tempfile.TemporaryDirectory() as folder:
        result = run_demo(arguments.run, resize_bytes(images, size), labels, settings, Path(folder))
    _print(result, settings)
    if arguments.json is not None:
        write_json(arguments.json, _figures(result))
    good = result.equal == result.compared and not result.lost and not result.reordered
    return 0 if good else _EXIT_DIFFERENT


def _images(arguments: argparse.Namespace, views: int) -> tuple[Any, Any]:
    """Images one by one and their labels; those of an object in several views follow one another, as frames do."""
    import numpy as np

    from splitnets_tf.errors import UserError
    from tflite_export.images import open_images, open_labels

    if arguments.images is None:
        if arguments.labels is not None:
            raise UserError("--labels goes with --images; give both")
        from splitnets_tf.data import open_source

        source = open_source().arrays("test")
        return source.images, source.labels
    if not arguments.images.is_file():
        raise UserError(f"{arguments.images}: no such file; expected uint8 images as .npy")
    try:
        images = open_images(arguments.images)
    except UserError:
        if views == 1:
            raise
        images = open_images(arguments.images, views)
    labels = None
    if arguments.labels is not None:
        labels = open_labels(arguments.labels, len(images), np.iinfo(np.int32).max)
    if images.ndim == 4:
        return images, labels
    return images.reshape(-1, *images.shape[2:]), None if labels is None else np.repeat(labels, views)


def _figures(result: Any) -> dict[str, Any]:
    import dataclasses

    derived = {"lost": result.lost, "reordered": result.reordered}
    return {"schema_version": 1} | dataclasses.asdict(result) | derived


def _print(result: Any, settings: Any) -> None:
    from tflite_export.stage_times import Summary, print_stages

    server, first = result.server, result.sensors[0]
    facts = {
        "answers": f"{server['answers']:,} ({server['filled']:,} with a filled view), {server['late']:,} too late",
        "answers/s": f"{server['frames_per_s']:.1f}",
        "lost, out of order": f"{result.lost:,}, {result.reordered:,}",
        "equal to running offline, bit for bit": f"{result.equal:,} of {result.compared:,} answers",
        "bytes that the aggregator received": f"{server['bytes_in']:,}, {server['feature_bytes']:,} a feature",
        "sensors": "; ".join(f"{e['sensor']} {e['event']} at frame {e['frame']}" for e in server["events"]),
    }
    if result.correct is not None and result.compared:
        shares = (result.correct / result.compared, result.offline_correct / result.compared)
        facts["accuracy, at work and offline"] = f"{shares[0]:.2%}, {shares[1]:.2%}"
    stages = {name: Summary(**row) for name, row in first["stages"].items()}
    print_stages(f"{settings.sensors} sensors, {settings.frames:,} frames each: stages of sensor 0", stages, facts)


if __name__ == "__main__":
    sys.exit(main())
