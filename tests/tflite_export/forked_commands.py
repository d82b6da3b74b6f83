"""Runs command lines, and the tools that they start, in forks of this process: imports are paid for once.

A fork behaves like the process it stands for: it may crash, be killed or exhaust its memory without harm to others.
"""

import dataclasses
import functools
import importlib
import os
import resource
import runpy
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from tflite_export import tool_process

TOOK_TOO_LONG = -signal.SIGALRM
"""Code of a fork that was killed for that."""
_POLL_S = 0.005
_PATIENCE_S = 15.0
"""Tools are given up sooner than in earnest."""
_MOST_BYTES = 8 * 10**9


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ended:
    """How a fork ended."""

    code: int
    """Exit code, or minus the signal that ended it."""
    out: str
    err: str
    seconds: float
    peak_bytes: int
    """Most resident memory of it and the forks that it waited for."""


_NEEDED = (
    "ai_edge_litert.interpreter",
    "ai_edge_litert.tools.benchmark_litert_model",
    "ethosu.regor",
    "ethosu.vela.vela",
    "grpc",
    "rich.console",
    "rich.table",
    "tflite_export.benchmark_view",
    "tflite_export.inference_time",
    "tflite_export.local_demo",
    "tflite_export.memory_view",
    "tflite_export.parts_check",
    "tflite_export.split_sensor",
    "tflite_export.split_server",
    "tflite_export.split_view",
    "tflite_export.timing_worker",
    "tflite_export.vela_view",
    "tflite_micro.python.tflite_micro.runtime",
)


def preload() -> None:
    """Import whatever the commands and their tools need."""
    for name in _NEEDED:
        importlib.import_module(name)


def run_forked(command: Callable[[], int | None], folder: Path, *, timeout_s: float) -> Ended:
    """Run a function in a fork; the tools that it starts with `run_program` are forks too."""
    paths = [folder / "forked.out", folder / "forked.err"]
    start_s = time.monotonic()
    child = os.fork()
    if child == 0:
        _become(paths)
        tool_process.run_program = functools.partial(_forked_program, folder)
        _finish(command)
    code, peak_bytes = _wait(child, start_s + timeout_s)
    out, err = (path.read_text("utf-8", "replace") for path in paths)
    return Ended(code=code, out=out, err=err, seconds=time.monotonic() - start_s, peak_bytes=peak_bytes)


def _become(paths: Sequence[Path]) -> None:
    for number, path in zip((1, 2), paths, strict=True):
        file = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
        os.dup2(file, number)
        os.close(file)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))


def _finish(command: Callable[[], int | None]) -> None:
    code = 1
    try:
        code = command() or 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1 if error.code else 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _wait(child: int, until_s: float) -> tuple[int, int]:
    """Exit code and most resident memory; a fork that takes too long is killed."""
    while True:
        done, status, usage = os.wait4(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status), 1024 * usage.ru_maxrss
        if time.monotonic() > until_s:
            os.kill(child, signal.SIGKILL)
            os.wait4(child, 0)
            return TOOK_TOO_LONG, 0
        time.sleep(_POLL_S)


def _forked_program(folder: Path, arguments, *, timeout_s: float, bounded: bool = True):
    """Stands for `tool_process.run_program`."""
    paths = [folder / f"tool.{end}" for end in ("out", "err")]
    start_s = time.monotonic()
    child = os.fork()
    if child == 0:
        _become(paths)
        if bounded:
            resource.setrlimit(resource.RLIMIT_DATA, (_MOST_BYTES, _MOST_BYTES))
        _finish(lambda: _program(list(arguments)))
    code, _ = _wait(child, start_s + min(timeout_s, _PATIENCE_S))
    if code == TOOK_TOO_LONG:
        raise subprocess.TimeoutExpired(list(arguments), timeout_s)
    out, err = (path.read_bytes() for path in paths)
    return subprocess.CompletedProcess(list(arguments), code, out, err)


def _program(arguments: list[str]) -> None:
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    elif arguments[0] == "-c":
        sys.argv = ["-c", *arguments[2:]]
        exec(compile(arguments[1], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = arguments
        runpy.run_path(arguments[0], run_name="__main__")
