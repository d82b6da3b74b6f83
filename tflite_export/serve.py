"""The aggregator: `python -m tflite_export.serve RUN [--address 127.0.0.1:50051] [--report]`.

RUN is a folder with `sensor.tflite` and `aggregator.tflite`. Serves sensors (`python -m tflite_export.sense`) until it
is interrupted. Exit code 2: the two files do not belong together or cannot be run, or the address is taken.
"""

import argparse
import logging
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tflite_export.command_line import network_address, positive_number, run_command, writable_file

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tflite_export.serve", description="The aggregator of a split network, over gRPC."
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="folder with sensor.tflite and aggregator.tflite")
    parser.add_argument(
        "--address",
        type=network_address,
        default="127.0.0.1:50051",
        help="HOST:PORT to listen on; port 0 takes a free one (default: 127.0.0.1:50051)",
    )
    parser.add_argument(
        "--deadline", type=positive_number, default=200.0, metavar="MS", help="a view may be late by (default: 200 ms)"
    )
    parser.add_argument("--fill", choices=("zeros", "last"), default="zeros", help="stands for a missing view")
    parser.add_argument(
        "--start-timeout",
        type=positive_number,
        default=30.0,
        metavar="S",
        help="the first frame waits for sensors that have not come yet (default: 30 s)",
    )
    parser.add_argument("--report", action="store_true", help="at the end print latency by stage, frames/s and bytes")
    parser.add_argument("--json", type=writable_file, help="at the end write the report to this file")
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    return run_command(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    from splitnets_tf.files import write_json
    from tflite_export.halves import fingerprint, open_pair, require_grpc
    from tflite_export.split_hub import ServerSettings
    from tflite_export.split_server import SplitServer

    require_grpc()
    sensor, aggregator = arguments.run / "sensor.tflite", arguments.run / "aggregator.tflite"
    settings = ServerSettings(
        deadline_ms=arguments.deadline, fill=arguments.fill, start_timeout_s=arguments.start_timeout
    )
    server = SplitServer(open_pair(sensor, aggregator), fingerprint(sensor), settings)
    interrupted = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: interrupted.set())
    port = server.start(arguments.address)
    host = arguments.address.rpartition(":")[0]
    sys.stdout.write(f"listening on {host}:{port}\n")
    sys.stdout.flush()
    interrupted.wait()
    server.stop()
    report = server.hub.report()
    if arguments.report:
        _print(report)
    if arguments.json is not None:
        write_json(arguments.json, report)
    return 0


def _print(report: dict[str, Any]) -> None:
    from tflite_export.stage_times import Summary, print_stages

    rate = report["frames_per_s"]
    gone = [f"sensor {e['sensor']} {e['event']} at frame {e['frame']}" for e in report["events"]]
    print_stages(
        "Aggregator",
        {name: Summary(**row) for name, row in report["stages"].items()},
        {
            "answers": f"{report['answers']:,} ({report['filled']:,} with a filled view), {report['late']:,} too late",
            "answers/s": "none" if rate is None else f"{rate:.1f}",
            "bytes received and sent, headers included, gRPC's frames not": (
                f"{report['bytes_in']:,} and {report['bytes_out']:,}"
            ),
            "sensors": "; ".join(gone) or "none came",
        },
    )


if __name__ == "__main__":
    sys.exit(main())
