"""Where the time of a .tflite model goes: every operation timed as a model of its own.

LiteRT's Python package gives no times of single operations, so each is cut out of the file, with its constants and
quantisation, and timed alone. Alone it pays for its own start and cannot share anything with its neighbours, so the
times add up to more than the whole network takes; their order is what the profile is for.
"""

import dataclasses
import tempfile
from pathlib import Path
from typing import Any

from splitnets_tf.graph import read_tflite
from splitnets_tf.hardware import Processor, latency_ms
from tflite_export.file_parts import cut_operations
from tflite_export.litert_benchmark import Kernels, run_timing
from tflite_export.model_memory import short_name

__all__ = ["OperationTime", "operation_profile"]

_MOST_SAMPLES = 50


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class OperationTime:
    """Time of one operation."""

    operation: str
    """Short name."""
    kind: str
    """What it computes."""
    macs: int
    """Multiply-accumulates."""
    median_ms: float
    """Measured, as a model of its own."""
    predicted_ms: float | None
    """By the cost model on the system's processor; None without one."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return dataclasses.asdict(self)


def operation_profile(
    path: Path, *, runs: int, threads: int, kernels: Kernels, processor: Processor | None = None
) -> tuple[OperationTime, ...]:
    """Time every operation of a file.

    Args:
        path: The .tflite file.
        runs: Samples of which the median is taken, 50 at most; a sample of something short is many inferences.
        threads: Threads inside one inference.
        kernels: `xnnpack` or `reference`.
        processor: For which the cost model predicts.

    Raises:
        UserError: The file is missing or damaged, has no fixed shapes, or LiteRT cannot run a part of it.
    """
    graph = read_tflite(path)
    with tempfile.TemporaryDirectory() as folder:
        models = []
        for number, content in enumerate(cut_operations(path)):
            models.append(Path(folder, f"{number}.tflite"))
            models[-1].write_bytes(content)
        request = {"models": [str(model) for model in models], "runs": min(runs, _MOST_SAMPLES)}
        times = run_timing(path, request | {"threads": threads, "kernels": kernels})
    return tuple(
        OperationTime(
            operation=short_name(operation.name),
            kind=operation.kind,
            macs=operation.macs,
            median_ms=float(time_ms),
            predicted_ms=None if processor is None else latency_ms(operation.macs, processor.macs_per_s),
        )
        for operation, time_ms in zip(graph.operations, times, strict=True)
    )
