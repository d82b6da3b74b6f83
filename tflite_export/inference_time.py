"""How long LiteRT takes for one inference, timed here. No TensorFlow."""

import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from tflite_export.interpreter import load_interpreter

__all__ = ["measure_ms", "reference_times"]

_WARM_UP = 10
_LEAST_MS = 20.0
"""All samples together: each is so many invocations that they last about this long, or it would time the clock."""


def measure_ms(path: Path, *, runs: int, threads: int, reference: bool = False) -> float:
    """Median time of one inference, after a warm-up.

    Args:
        path: The file.
        runs: Samples of which the median is taken.
        threads: Threads inside one inference.
        reference: Reference kernels instead of XNNPACK.
    """
    interpreter = load_interpreter(path, threads=threads, reference=reference)
    _fill_with_zeros(interpreter)
    once_ms = min(_timed_ms(interpreter, 1) for _ in range(_WARM_UP))
    times = max(1, round(_LEAST_MS / runs / once_ms))
    return statistics.median(_timed_ms(interpreter, times) for _ in range(runs))


def reference_times(path: Path, *, runs: int, threads: int) -> dict[str, float]:
    """The figures that LiteRT's benchmark gives, for the reference kernels, which it cannot choose.

    Args:
        path: The file.
        runs: Timed inferences, after five untimed ones.
        threads: Threads inside one inference.

    Returns:
        Milliseconds by the names of LiteRT's benchmark, and `num_runs`.
    """
    start = time.perf_counter()
    interpreter = load_interpreter(path, threads=threads, reference=True)
    init_ms = (time.perf_counter() - start) * 1e3
    _fill_with_zeros(interpreter)
    first_ms = _timed_ms(interpreter, 1)
    for _ in range(4):
        interpreter.invoke()
    times = [_timed_ms(interpreter, 1) for _ in range(runs)]
    p5_ms, median_ms, p95_ms = np.percentile(times, (5, 50, 95))
    return {
        "num_runs": runs,
        "init_ms": init_ms,
        "warmup_first_ms": first_ms,
        "median_ms": float(median_ms),
        "avg_ms": statistics.fmean(times),
        "std_ms": statistics.stdev(times) if runs > 1 else 0.0,
        "min_ms": min(times),
        "p5_ms": float(p5_ms),
        "p95_ms": float(p95_ms),
        "max_ms": max(times),
    }


def _fill_with_zeros(interpreter: Any) -> None:
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], np.zeros(detail["shape"], detail["dtype"]))


def _timed_ms(interpreter: Any, times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        interpreter.invoke()
    return (time.perf_counter() - start) / times * 1e3
