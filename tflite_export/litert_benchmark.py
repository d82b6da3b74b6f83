"""Speed of a .tflite model on this machine, measured by LiteRT's official benchmark tool.

The tool runs in a process of its own, on the processor, with XNNPACK; a damaged file can only end that process. It
states times to a hundredth of a millisecond.
"""

import dataclasses
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from splitnets_tf.errors import UserError

__all__ = ["TIMES", "Benchmark", "run_benchmark"]

_TOOL = "ai_edge_litert.tools.benchmark_litert_model"
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
        command = [sys.executable, "-m", _TOOL, f"--model={path}", f"--num_runs={runs}", f"--num_threads={threads}"]
        command.append(f"--result_json={report}")
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT_S, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise UserError(f"{path}: LiteRT's benchmark took more than {_TIMEOUT_S} s; lower --runs") from error
        if done.returncode != 0 or not report.is_file():
            raise UserError(f"{path}: LiteRT's benchmark cannot run it ({_reason(done)})")
        latency = json.loads(report.read_text("utf-8"))["latency"]
    return _parse(path, threads, latency)


def _parse(path: Path, threads: int, latency: Mapping[str, Any]) -> Benchmark:
    times = {name: float(latency[name]) for name in TIMES}
    return Benchmark(model=path.name, runs=int(latency["num_runs"]), threads=threads, **times)


def _reason(done: Any) -> str:
    if done.returncode < 0:
        return f"the tool was ended by signal {-done.returncode}; the file may be damaged"
    lines = [line.strip() for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    errors = [line for line in lines if "Error" in line or "ERROR" in line]
    return (errors or lines or [f"exit code {done.returncode}"])[-1]
