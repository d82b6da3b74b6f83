"""Runs an export in a process of its own and reports its progress.

TF-MOT accepts only tf_keras and sets an environment variable that child processes inherit; nothing of that reaches the
caller, whose Keras stays Keras 3.
"""

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from splitnets_tf.errors import UserError
from splitnets_tf.files import write_json
from tflite_export.job import ExportJob
from tflite_export.result import ExportResult, finished_result
from tflite_export.tool_process import package_environment

__all__ = ["ExportError", "run_export"]

_log = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]
"""Stage (`load`, `calibrate`, `train`, `convert`, `check`), steps done, steps in total."""
_LOG_LINES = 12
_STOP_TIMEOUT_S = 10


class ExportError(RuntimeError):
    """The export process failed for a reason that is not the user's input."""


def run_export(job: ExportJob, on_progress: Progress | None = None) -> ExportResult:
    """Quantise, fine-tune, convert and check one network.

    A finished export of the same job (same network, weights, data, settings) is not done again; an interrupted one
    goes on behind its last whole epoch. The worker ends when the calling process does.

    Args:
        job: What to export and where to.
        on_progress: Called from the calling thread.

    Raises:
        UserError: An input is missing or unsuitable.
        ExportError: The process failed; the message ends with its last lines of log.
    """
    job.check_inputs()
    for folder in (job.output_dir, job.work_dir):
        folder.mkdir(parents=True, exist_ok=True)
    fingerprint = job.fingerprint()
    result_file = job.work_dir / "result.json"
    result = finished_result(result_file, fingerprint)
    if result is not None:
        _log.info("export in %s is finished already", job.work_dir)
        return result
    job_file = job.work_dir / "job.json"
    write_json(job_file, job.to_dict())
    _run_worker(job_file, job.work_dir / "worker.log", on_progress or _ignore)
    result = finished_result(result_file, fingerprint)
    if result is None:
        raise ExportError(f"the export process ended well but left no result of this job in {result_file}")
    return result


def _run_worker(job_file: Path, log_file: Path, on_progress: Progress) -> None:
    command = [sys.executable, "-m", "tflite_export.worker", "--until-stdin-closes", "--job", str(job_file.resolve())]
    with log_file.open("wb") as log:
        # The worker reads its standard input, which nobody writes to, to notice when this process is gone.
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=package_environment(), text=True
        )
        try:
            failure = _follow(process, on_progress)
            code = process.wait()
        finally:
            _stop(process)
    if failure is not None:
        raise UserError(failure)
    if code != 0:
        raise ExportError(f"the export process ended with code {code}; log {log_file} ends:\n{_tail(log_file)}")


def _follow(process: Any, on_progress: Progress) -> str | None:
    """Pass progress on until the worker closes its output; returns the message of a user error, if it sent one."""
    failure = None
    for line in process.stdout:
        message = json.loads(line)
        if "user_error" in message:
            failure = message["user_error"]
        else:
            on_progress(message["stage"], message["done"], message["total"])
    return failure


def _stop(process: Any) -> None:
    process.stdin.close()
    process.stdout.close()
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _tail(log_file: Path) -> str:
    lines = log_file.read_text("utf-8", errors="replace").splitlines()
    return "\n".join(lines[-_LOG_LINES:])


def _ignore(stage: str, done: int, total: int) -> None:
    del stage, done, total
