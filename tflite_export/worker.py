"""The export process: `python -m tflite_export.worker --job job.json`.

Normally started by `tflite_export.run_export`. Progress goes to standard output as one JSON object per line; whatever
the libraries print goes to standard error.
"""

import argparse
import importlib.metadata
import json
import logging
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from splitnets_tf.errors import UserError
from splitnets_tf.files import write_bytes
from tflite_export.job import ExportJob, read_job
from tflite_export.network_file import read_network_file

__all__ = ["export", "main"]

_PACKAGES = ("tensorflow", "tf_keras", "tensorflow-model-optimization", "ai-edge-litert", "numpy")


class Reporter:
    """Writes progress as JSON lines and notes how long each stage took."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._last = time.monotonic()
        self.seconds: dict[str, float] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Report that `done` of `total` steps of a stage are done."""
        now = time.monotonic()
        self.seconds[stage] = round(self.seconds.get(stage, 0.0) + now - self._last, 3)
        self._last = now
        self.write({"stage": stage, "done": done, "total": total})

    def write(self, message: dict[str, Any]) -> None:
        """One line, at once."""
        self._stream.write(json.dumps(message) + "\n")
        self._stream.flush()


def export(job: ExportJob, report: Reporter) -> None:
    """Carry out a job: quantise, write the files, check them, write the result.

    Raises:
        UserError: An input does not fit.
        BoundaryError: The halves do not agree with each other or with the whole.
    """
    report("load", 0, 1)
    network_file = read_network_file(job.architecture)
    fingerprint = job.fingerprint()
    import tensorflow as tf

    from tflite_export.quantization import quantize

    tf.config.experimental.enable_op_determinism()
    flatbuffers = quantize(job, network_file, fingerprint=fingerprint, on_progress=report)
    names = ("sensor.tflite", "aggregator.tflite") if len(flatbuffers.segments) == 2 else ("network.tflite",)
    paths = [job.output_dir / name for name in names]
    for path, content in zip(paths, flatbuffers.segments, strict=True):
        write_bytes(path, content)
    whole = paths[0]
    if len(paths) == 2:
        whole = job.work_dir / "whole.tflite"
        write_bytes(whole, flatbuffers.whole)
    untrained = [job.work_dir / f"ptq_{name}" for name in names[: len(flatbuffers.untrained)]]
    for path, content in zip(untrained, flatbuffers.untrained, strict=True):
        write_bytes(path, content)
    _check_and_record(job, fingerprint, _Files(paths, untrained, whole), flatbuffers.history, report)


class _Files(NamedTuple):
    deployed: Sequence[Path]
    untrained: Sequence[Path]
    whole: Path


def _check_and_record(
    job: ExportJob, fingerprint: str, files: _Files, history: Sequence[Any], report: Reporter
) -> None:
    import dataclasses

    from tflite_export.boundary import check_boundary, check_input, check_whole
    from tflite_export.images import open_images, resize_bytes
    from tflite_export.interpreter import Int8Model
    from tflite_export.result import ExportedFile, ExportResult, write_result

    paths, whole = files.deployed, files.whole
    check_input(paths[0])
    boundary = None
    if len(files.untrained) == 2:
        check_boundary(*files.untrained)
    if len(paths) == 2:
        views = read_network_file(job.architecture).space.views
        images = open_images(job.check_images, views)[: job.bit_exact_inputs]
        images = resize_bytes(images, Int8Model(paths[0]).input_shape[0])
        boundary = check_whole(paths[0], paths[1], whole, images, lambda done, total: report("check", done, total))
    result = ExportResult(
        method=job.settings.method,
        deployed=tuple(ExportedFile.of(path) for path in paths),
        untrained=tuple(ExportedFile.of(path) for path in files.untrained),
        whole=ExportedFile.of(whole),
        boundary=boundary,
        input=Int8Model(paths[0]).input_quantization,
        output=Int8Model(paths[-1]).output_quantization,
        history=tuple(dataclasses.asdict(log) for log in history),
        seconds=report.seconds,
        versions={name: importlib.metadata.version(name) for name in _PACKAGES},
    )
    write_result(job.work_dir / "result.json", fingerprint, result)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tflite_export.worker", description=__doc__)
    parser.add_argument("--job", type=Path, required=True, help="job file, see tflite_export.ExportJob")
    parser.add_argument(
        "--until-stdin-closes", action="store_true", help="end as soon as standard input does, with the caller"
    )
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    report = Reporter(_own_stdout())
    if arguments.until_stdin_closes:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    try:
        export(read_job(arguments.job), report)
    except UserError as error:
        report.write({"user_error": str(error)})
        logging.getLogger(__name__).error("%s", error)
        return 2
    return 0


def _own_stdout() -> Any:
    """Keep standard output for the protocol; whatever else writes to it ends up in standard error."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return stream


def _end_with_stdin() -> None:
    while os.read(0, 4096):
        pass
    os._exit(1)


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    # Everything is on disk; taking TensorFlow's graphs apart piece by piece would cost seconds.
    os._exit(code)
