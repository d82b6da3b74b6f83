"""Keeps TensorFlow's start-up notes off standard error, and nothing else.

While TensorFlow is imported its C++ parts write notes before anything that could silence them has been read:
`TF_CPP_MIN_LOG_LEVEL` comes too late for them. So the import runs with file descriptor 2 turned over to a small process
that drops known notes and passes everything else on, also what a crash in the middle of the import leaves behind.
"""

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

__all__ = ["dropping_notes", "quiet_tensorflow", "without_litert_notes"]

_MODULE = "tensorflow"
_NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")
_NOTES = (
    r"WARNING: All log messages before absl::InitializeLog\(\) is called",
    r"I\d{4} \d\d:\d\d:",
    r"fully_quantize: \d+, inference_type: ",
)
"""Beginnings of lines that tell nothing: information that C++ logs, the line above the first of it, and what the TFLite
converter prints of every int8 model."""
_NO_DRIVER = r"E\d{4} \d\d:\d\d:\S+ +\d+ cuda_\w+\.cc:\d+\] failed call to cuInit: "
"""An error on a machine that should have a GPU; on any other it says what everybody knows."""
_LITERT_NOTE = b"INFO: Created TensorFlow Lite XNNPACK delegate"
_FILTER = """
import re, sys
notes = re.compile("|".join(sys.argv[1:]).encode())
for line in sys.stdin.buffer:
    if not notes.match(line):
        sys.stderr.buffer.write(line)
        sys.stderr.buffer.flush()
"""
_ENOUGH_S = 10.0


def quiet_tensorflow() -> None:
    """Silence TensorFlow's notes, here and in child processes; call it before TensorFlow is imported.

    Errors of its C++ parts and exceptions are passed on.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    if _MODULE not in sys.modules and not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != _MODULE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        with dropping_notes():
            super().exec_module(module)
            # The first look for a GPU writes as well; later ones know the answer.
            module.config.list_physical_devices()


@contextlib.contextmanager
def dropping_notes() -> Iterator[None]:
    """While the block runs, lines on file descriptor 2 that tell nothing are dropped."""
    if sys.stderr is None:
        yield
        return
    notes = _NOTES if _NVIDIA_DRIVER.exists() else (*_NOTES, _NO_DRIVER)
    command = [sys.executable, "-I", "-S", "-c", _FILTER, *notes]
    sys.stderr.flush()
    before = os.dup(2)
    reading, writing = os.pipe()
    # In a session of its own, so that an interrupt of the command does not end it before the last line.
    relay = subprocess.Popen(command, stdin=reading, stdout=subprocess.DEVNULL, start_new_session=True)
    os.dup2(writing, 2)
    os.close(reading)
    os.close(writing)
    try:
        yield
    finally:
        with contextlib.suppress(BrokenPipeError):  # the relay was killed
            sys.stderr.flush()
        os.dup2(before, 2)
        os.close(before)
        # A process that the block started may hold the pipe for longer.
        with contextlib.suppress(subprocess.TimeoutExpired):
            relay.wait(_ENOUGH_S)


@contextlib.contextmanager
def without_litert_notes() -> Iterator[None]:
    """While the block runs, LiteRT's line about its delegate is dropped; no variable silences it.

    What else is written comes when the block ends: making an interpreter is too short for a process of its own.
    """
    if sys.stderr is None:
        yield
        return
    sys.stderr.flush()
    before = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(before, 2)
            os.close(before)
            held.seek(0)
            for line in held:
                if not line.startswith(_LITERT_NOTE):
                    os.write(2, line)
