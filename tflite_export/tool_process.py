"""Runs tools that a damaged file may crash in a process of their own; whatever happens there is one line here."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from splitnets_tf.errors import UserError

__all__ = ["package_environment", "run_tool"]

_LONGEST_REASON = 300


def package_environment() -> dict[str, str]:
    """This process's environment, with this package importable from anywhere and TensorFlow quiet."""
    root = str(Path(__file__).resolve().parents[1])
    known = os.environ.get("PYTHONPATH")
    return os.environ | {
        "PYTHONPATH": root if not known else os.pathsep.join((root, known)),
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "1"),
    }


def run_tool(path: Path, what: str, arguments: Sequence[str], *, timeout_s: float = 600) -> str:
    """Run a Python program on a model.

    Args:
        path: The model, for messages.
        what: What the program is, for messages, such as `LiteRT's benchmark`.
        arguments: Arguments of the Python interpreter: `-m`, module, ... or a script, ...
        timeout_s: How long it may take.

    Returns:
        What it wrote to standard output.

    Raises:
        UserError: It failed, crashed or took too long.
    """
    command = [sys.executable, *arguments]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise UserError(f"{path}: {what} took more than {timeout_s:g} s and was ended") from error
    if done.returncode != 0:
        raise UserError(f"{path}: {what} cannot run it ({_reason(done.returncode, done.stderr)})")
    return done.stdout.decode("utf-8", "replace")


def _reason(code: int, errors: bytes) -> str:
    if code < 0:
        return f"the tool was ended by signal {-code}; the file may be damaged"
    lines = [" ".join(line.split()) for line in errors.decode("utf-8", "replace").splitlines() if line.strip()]
    telling = [line for line in lines if "Error" in line or "ERROR" in line]
    return (telling or lines or [f"exit code {code}"])[-1][:_LONGEST_REASON]
