"""Runs tools that a damaged file may crash in a process of their own; whatever happens there is one line here."""

import contextlib
import math
import os
import re
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from splitnets_tf.errors import UserError

__all__ = ["package_environment", "run_program", "run_tool"]

_LONGEST_REASON = 300
_RUNTIME_ERROR = re.compile(r"ERROR: (?!\[)(.+)")
"""What LiteRT itself says; a line with a place in its sources leads to what it means only further down."""
_EXCEPTION = re.compile(r"(?:\w+\.)*\w*(?:Error|Exception)\b")
_MEMORY_SHARE = 0.5
"""Of the machine's memory: a shape that nobody meant must not push other programs out."""


def package_environment() -> dict[str, str]:
    """This process's environment, with this package importable from anywhere and TensorFlow quiet."""
    root = str(Path(__file__).resolve().parents[1])
    known = os.environ.get("PYTHONPATH")
    return os.environ | {
        "PYTHONPATH": root if not known else os.pathsep.join((root, known)),
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "1"),
    }


def run_program(
    arguments: Sequence[str], *, timeout_s: float, bounded: bool = True
) -> subprocess.CompletedProcess[bytes]:
    """Run a Python program that may crash, hang or ask for any amount of memory; its output is captured.

    Args:
        arguments: Arguments of the Python interpreter: `-m`, module, ... or a script, ...; files of the working
            directory or beside the script are never taken for modules.
        timeout_s: How long it may take.
        bounded: Whether memory and processor time are limited, as they should be where a foreign file is read.

    Raises:
        subprocess.TimeoutExpired: It took longer and was ended.
    """
    command = [sys.executable, "-P", *arguments]
    captured = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=package_environment(), **captured) as process:
        try:
            if bounded:
                with contextlib.suppress(PermissionError):  # a sandbox may forbid it; the tool runs all the same
                    _set_limits(process.pid, timeout_s)
            output, errors = process.communicate(timeout=timeout_s)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def _set_limits(pid: int, timeout_s: float) -> None:
    """Bound memory and processor time of a process; without effect where the system cannot do that for another one.

    Nobody ends a tool that hangs when this process has been killed; then its processor time does.
    """
    if not hasattr(resource, "prlimit"):
        return
    memory_bytes = int(_MEMORY_SHARE * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    processor_s = math.ceil(timeout_s * (os.cpu_count() or 1))
    for what, limit in ((resource.RLIMIT_DATA, memory_bytes), (resource.RLIMIT_CPU, processor_s)):
        present, most = resource.prlimit(pid, what)
        # What the user has set may be lower than ours, and never exceeds the hard limit.
        if present == resource.RLIM_INFINITY or limit < present:
            resource.prlimit(pid, what, (limit, most))


def run_tool(
    path: Path,
    what: str,
    arguments: Sequence[str],
    *,
    timeout_s: float = 600,
    remedy: str = "convert the model again",
    bounded: bool = True,
) -> str:
    """Run a Python program on a model.

    Args:
        path: The model, for messages.
        what: What the program is, for messages, such as `LiteRT's benchmark`.
        arguments: Arguments of the Python interpreter: `-m`, module, ... or a script, ...
        timeout_s: How long it may take.
        remedy: What mends it where the tool fails, for messages.
        bounded: As for `run_program`.

    Returns:
        What it wrote to standard output.

    Raises:
        UserError: It failed, crashed or took too long.
    """
    try:
        done = run_program(arguments, timeout_s=timeout_s, bounded=bounded)
    except subprocess.TimeoutExpired as error:
        raise UserError(f"{path}: {what} took more than {timeout_s:g} s and was ended") from error
    if done.returncode != 0:
        raise UserError(f"{path}: {what} cannot run it ({_reason(done.returncode, done.stderr)}); {remedy}")
    return done.stdout.decode("utf-8", "replace")


def _reason(code: int, errors: bytes) -> str:
    if code < 0:
        return f"the tool was ended by signal {-code}"
    lines = [" ".join(line.split()) for line in errors.decode("utf-8", "replace").splitlines() if line.strip()]
    said = [match[1] for match in map(_RUNTIME_ERROR.match, lines) if match]
    raised = [line for line in lines if _EXCEPTION.match(line)]
    return (said[:1] or raised[-1:] or lines[-1:] or [f"exit code {code}"])[0][:_LONGEST_REASON]
