"""A benchmark for people, and the same as plain data: measured beside predicted."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from splitnets_tf.hardware import Graph, Processor, latency_ms, total_macs
from tflite_export.litert_benchmark import KERNELS, TIMES, Benchmark
from tflite_export.operation_profile import OperationTime
from tflite_export.terminal import console

__all__ = ["Prediction", "figures", "print_benchmark"]

SCHEMA_VERSION = 1
_ALONE = "each operation cut out of the file and timed as a model of its own (median)"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """What the cost model says of a whole file."""

    system: str
    """Name of the system."""
    processor: str
    """Name of its processor."""
    macs: int
    """Multiply-accumulates."""
    latency_ms: float
    """Their time at the processor's peak speed."""

    @classmethod
    def of(cls, graph: Graph, system: str, processor: Processor) -> "Prediction":
        """Of a file as `read_tflite` gives it."""
        macs = total_macs(graph)
        time_ms = latency_ms(macs, processor.macs_per_s)
        return cls(system=system, processor=processor.name, macs=macs, latency_ms=time_ms)


def figures(
    measured: Benchmark, prediction: Prediction | str, operations: Sequence[OperationTime] | str
) -> dict[str, Any]:
    """All of it as plain data.

    Args:
        measured: Of the whole file.
        prediction: Of the whole file, or why there is none.
        operations: Of each operation, or why there are none.
    """
    data: dict[str, Any] = {"schema_version": SCHEMA_VERSION} | measured.to_dict()
    if isinstance(prediction, str):
        data |= {"prediction": None, "prediction_note": prediction}
    else:
        predicted = dataclasses.asdict(prediction) | {"predicted_by": "cost model (MACs / peak speed)"}
        data["prediction"] = predicted | {"measured_to_predicted": _ratio(measured, prediction)}
    if isinstance(operations, str):
        return data | {"operations": None, "operations_note": operations}
    rows = [row.to_dict() for row in operations]
    total_ms = sum(row.median_ms for row in operations)
    return data | {"operations": rows, "operations_ms": total_ms, "operations_measured_by": _ALONE}


def print_benchmark(
    measured: Benchmark, prediction: Prediction | str, operations: Sequence[OperationTime] | str
) -> None:
    """Print tables and lines; see `figures`."""
    out = console()
    out.print(_times(measured))
    out.print(f"measured by {KERNELS[measured.kernels]}")
    if not isinstance(operations, str):
        out.print(_operations(operations))
        total_ms = sum(row.median_ms for row in operations)
        out.print(f"Operations: {_ALONE}; together {total_ms:#.4g} ms, the whole {measured.median_ms:#.4g} ms")
    elif operations != prediction:
        out.print(f"No profile of operations: {operations}")
    if isinstance(prediction, str):
        out.print(f"No prediction and no profile of operations: {prediction}")
        return
    ratio = _ratio(measured, prediction)
    compared = "" if ratio is None else f", {ratio:.3g} times that"
    out.print(
        f"Predicted for {prediction.processor} of {prediction.system} by the cost model (MACs / peak speed): "
        f"{prediction.latency_ms:#.4g} ms for {prediction.macs:,} MACs; measured on this machine: "
        f"{measured.median_ms:#.4g} ms{compared}",
    )


def _ratio(measured: Benchmark, prediction: Prediction) -> float | None:
    return measured.median_ms / prediction.latency_ms if prediction.latency_ms else None


def _times(measured: Benchmark) -> Any:
    from rich.table import Table

    threads = f"{measured.threads} thread" + ("s" if measured.threads > 1 else "")
    kernels = {"xnnpack": "XNNPACK", "reference": "reference kernels"}[measured.kernels]
    table = Table(title=f"{measured.model}: LiteRT, {measured.runs} runs, {threads}, {kernels}")
    table.add_column("time")
    table.add_column("ms", justify="right")
    for name, label in TIMES.items():
        table.add_row(label, f"{getattr(measured, name):#.4g}")
    return table


def _operations(rows: Sequence[OperationTime]) -> Any:
    from rich.table import Table

    total_ms = sum(row.median_ms for row in rows)
    table = Table(title="Operations, each alone")
    table.add_column("operation", overflow="fold")
    table.add_column("kind")
    for heading in ("MACs", "ms", "share", "predicted ms"):
        table.add_column(heading, justify="right")
    for row in rows:
        predicted = "" if row.predicted_ms is None else f"{row.predicted_ms:.4f}"
        share = f"{row.median_ms / total_ms:.1%}" if total_ms else ""
        table.add_row(row.operation, row.kind, f"{row.macs:,}", f"{row.median_ms:.4f}", share, predicted)
    return table
