"""What TensorFlow Lite Micro itself allocates for a model, measured in a process of its own.

TensorFlow Lite Micro may abort on a malformed or unsupported model, and it prints its allocations to file descriptor 2;
so `measure_micro_arena` starts this module as a script and reads what that prints.
"""

import dataclasses
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

__all__ = ["MicroArena", "measure_micro_arena", "micro_reason"]

_LINE = re.compile(r"Arena allocation (total|head|tail) (\d+) bytes")
_KERNEL = re.compile(r"\S+\.cc:\d+ ")
_LONGEST_REASON = 300
_TIMEOUT_S = 120


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class MicroArena:
    """Arena of TensorFlow Lite Micro on the machine that measured it."""

    head_bytes: int
    """Activations and scratch, what `arena_bytes` plans."""
    tail_bytes: int
    """Bookkeeping of the runtime; depends on the size of a pointer."""
    total_bytes: int
    """Both."""


def measure_micro_arena(path: Path, arena_size_bytes: int) -> MicroArena | str:
    """Let TensorFlow Lite Micro allocate a model.

    Args:
        path: The .tflite file.
        arena_size_bytes: Arena that it gets; ample, for what is reported is what it uses.

    Returns:
        The arena, or one line that says why there is no figure.
    """
    if importlib.util.find_spec("tflite_micro") is None:
        return "not measured: the package tflite-micro is not installed (it comes with the extra [deploy])"
    from tflite_export.tool_process import run_program

    try:
        arguments = [str(Path(__file__).resolve()), str(path), str(arena_size_bytes)]
        done = run_program(arguments, timeout_s=_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return f"not measured: TensorFlow Lite Micro took more than {_TIMEOUT_S} s"
    text = (done.stderr + done.stdout).decode("utf-8", "replace")
    found = {part: int(size) for part, size in _LINE.findall(text)}
    if done.returncode != 0 or len(found) != 3:
        return f"not measured: TensorFlow Lite Micro refused the model ({micro_reason(text, done.returncode)})"
    return MicroArena(head_bytes=found["head"], tail_bytes=found["tail"], total_bytes=found["total"])


def micro_reason(text: str, exit_code: int) -> str:
    """Why TensorFlow Lite Micro failed: what a kernel said, which is more than the exception that it ends in."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    kernels = [line for line in lines if _KERNEL.match(line)]
    ended = f"it was ended by signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
    return (kernels[:1] or lines[-1:] or [ended])[0][:_LONGEST_REASON]


def _main() -> None:
    from tflite_micro import runtime

    interpreter = runtime.Interpreter.from_file(sys.argv[1], arena_size=int(sys.argv[2]))
    interpreter.print_allocations()


if __name__ == "__main__":
    _main()
