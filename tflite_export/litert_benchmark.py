"""Speed of a .tflite model on this machine, measured by LiteRT's official benchmark tool.

The tool runs in a process of its own, on the processor, with XNNPACK; a damaged file can only end that process.
"""

import dataclasses
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from splitnets_tf.errors import UserError
from tflite_export.tool_process import run_tool

__all__ = ["TIMES", "Benchmark", "run_benchmark"]

_TOOL = "ai_edge_litert.tools.benchmark_litert_model"
_UNROUNDED = f"import {_TOOL} as tool; tool.round = lambda value, digits=None: value; tool.main()"
"""The tool would round what it writes to 0.01 ms, as long as a small sensor half's whole inference."""
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
    """What LiteRT's benchmark measured on this machine."""

    model: str
    """File name."""
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
        return dataclasses.asdict(self) | {"measured_by": f"LiteRT ({_TOOL})"}


def run_benchmark(path: Path | str, *, runs: int = 200, threads: int = 1) -> Benchmark:
    """Benchmark a file.

    Args:
        path: The .tflite file.
        runs: Timed inferences, after five untimed ones.
        threads: Threads inside one inference.

    Raises:
        UserError: The file is missing, LiteRT is not installed, or the tool could not run the model.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected a .tflite model")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "result.json"
        arguments = ["-c", _UNROUNDED, f"--model={path}", f"--num_runs={runs}", f"--num_threads={threads}"]
        arguments.append(f"--result_json={report}")
        run_tool(path, "LiteRT's benchmark", arguments, timeout_s=_TIMEOUT_S)
        if not report.is_file():
            raise UserError(f"{path}: LiteRT's benchmark left no figures; the file may be damaged")
        latency = json.loads(report.read_text("utf-8"))["latency"]
    return _parse(path, threads, latency)


def _parse(path: Path, threads: int, latency: Mapping[str, Any]) -> Benchmark:
    times = {name: float(latency[name]) for name in TIMES}
    return Benchmark(model=path.name, runs=int(latency["num_runs"]), threads=threads, **times)
