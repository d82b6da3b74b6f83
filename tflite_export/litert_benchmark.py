"""Speed of a .tflite model on this machine, measured by LiteRT's official benchmark tool.

The tool runs in a process of its own, on the processor, with XNNPACK; a damaged file can only end that process. It
cannot choose the reference kernels, whose results are TensorFlow Lite Micro's: LiteRT's interpreter runs these.
"""

import dataclasses
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from splitnets_tf.errors import UserError
from tflite_export.tool_process import run_tool

__all__ = ["KERNELS", "TIMES", "Benchmark", "Kernels", "run_benchmark", "run_timing"]

Kernels = Literal["xnnpack", "reference"]
KERNELS = {
    "xnnpack": "LiteRT (ai_edge_litert.tools.benchmark_litert_model), XNNPACK",
    "reference": "LiteRT interpreter, reference kernels, timed by tflite_export",
}
"""Kernels -> what measures them."""
TIMES = {
    "init_ms": "initialisation",
    "warmup_first_ms": "first inference",
    "median_ms": "median",
    "avg_ms": "mean",
    "std_ms": "standard deviation",
    "min_ms": "fastest",
    "p5_ms": "5th percentile",
    "p95_ms": "95th percentile",
    "max_ms": "slowest",
}
"""Field of `Benchmark` -> what it is."""
_TIMEOUT_S = 600


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Benchmark:
    """What was measured on this machine."""

    model: str
    """File name."""
    kernels: str
    """`xnnpack` or `reference`."""
    runs: int
    """Timed inferences."""
    threads: int
    """Threads inside one inference."""
    init_ms: float
    """Loading the model and preparing the kernels."""
    warmup_first_ms: float
    """First inference."""
    median_ms: float
    """Of the timed inferences; so are the following."""
    avg_ms: float
    """Mean."""
    std_ms: float
    """Standard deviation."""
    min_ms: float
    """Fastest."""
    p5_ms: float
    """5th percentile."""
    p95_ms: float
    """95th percentile."""
    max_ms: float
    """Slowest."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data, with the name of the tool."""
        return dataclasses.asdict(self) | {"measured_by": KERNELS[self.kernels]}


def run_benchmark(path: Path | str, *, runs: int = 200, threads: int = 1, kernels: Kernels = "xnnpack") -> Benchmark:
    """Benchmark a file.

    Args:
        path: The .tflite file.
        runs: Timed inferences, after five untimed ones.
        threads: Threads inside one inference.
        kernels: `xnnpack`, LiteRT's fast ones, or `reference`.

    Raises:
        UserError: The file is missing, LiteRT is not installed, or the tool could not run the model.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected a .tflite model")
    request = {"model": str(path), "runs": runs, "threads": threads, "kernels": kernels}
    figures = run_timing(path, request)
    return _parse(path, threads, kernels, figures)


def run_timing(path: Path, request: Mapping[str, Any]) -> Any:
    """Let `timing_worker` carry out a request in a process of its own.

    Args:
        path: The model, for messages.
        request: See `timing_worker`.

    Raises:
        UserError: LiteRT could not run it.
    """
    with tempfile.TemporaryDirectory() as folder:
        plan, result = Path(folder, "request.json"), Path(folder, "result.json")
        plan.write_text(json.dumps(request), "utf-8")
        arguments = ["-m", "tflite_export.timing_worker", str(plan), str(result)]
        run_tool(path, "LiteRT's benchmark", arguments, timeout_s=_TIMEOUT_S)
        if not result.is_file():
            raise UserError(f"{path}: LiteRT's benchmark left no figures; convert the model again")
        return json.loads(result.read_text("utf-8"))


def _parse(path: Path, threads: int, kernels: str, figures: Mapping[str, Any]) -> Benchmark:
    times = {name: float(figures[name]) for name in TIMES}
    return Benchmark(model=path.name, kernels=kernels, runs=int(figures["num_runs"]), threads=threads, **times)
