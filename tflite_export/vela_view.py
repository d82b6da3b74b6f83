"""Vela's figures for people."""

from collections.abc import Callable, Sequence

from tflite_export.terminal import console
from tflite_export.vela_report import VelaReport

__all__ = ["print_reports"]

_ROWS: dict[str, Callable[[VelaReport], str]] = {
    "processor": lambda r: f"{r.npu.name} at {r.npu.clock_hz / 1e6:.6g} MHz",
    "cycles": lambda r: f"{r.cycles:,}",
    "latency ms": lambda r: f"{r.latency_ms:.4g}",
    "utilisation": lambda r: f"{r.utilisation:.1%}",
    "SRAM bytes (activations, buffers)": lambda r: f"{r.sram_bytes:,}",
    "flash bytes (constants, commands)": lambda r: f"{r.flash_bytes:,}",
    "together": lambda r: f"{r.required_bytes:,}",
    "optimised for size: cycles": lambda r: f"{r.size_cycles:,}",
    "optimised for size: SRAM bytes": lambda r: f"{r.size_sram_bytes:,}",
    "optimised for size: together": lambda r: f"{r.size_required_bytes:,}",
    "fits the device": lambda r: _fits(r),
    "operations on the CPU": lambda r: f"{len(r.cpu_operations)} of {len(r.operations)}",
}


def print_reports(reports: Sequence[VelaReport], system: str, *, operations: bool = False) -> None:
    """Print one column for each processor, and on demand all operations.

    Args:
        reports: Of one model.
        system: Name of the system.
        operations: Whether to list every operation.
    """
    from rich.table import Table

    out = console()
    version = reports[0].vela_version
    table = Table(title=f"{reports[0].model} on {system}: Vela {version}, a performance model")
    table.add_column("")
    for report in reports:
        table.add_column(f"as {report.npu.role}", justify="right")
    for label, text in _ROWS.items():
        table.add_row(label, *map(text, reports))
    out.print(table)
    for report in reports:
        for operation in report.cpu_operations:
            out.print(f"{report.npu.name} leaves to the CPU: {operation.kind} {operation.name}")
        if operations:
            out.print(_operations(report))


def _operations(report: VelaReport) -> object:
    from rich.table import Table

    table = Table(title=f"Operations on {report.npu.name}")
    table.add_column("operation", overflow="fold")
    table.add_column("kind")
    for heading in ("cycles", "MACs", "utilisation"):
        table.add_column(heading, justify="right")
    for row in report.operations:
        used = row.macs / (row.cycles * report.npu.macs_per_cycle) if row.cycles else 0.0
        table.add_row(row.name, row.kind, f"{row.cycles:,}", f"{row.macs:,}", f"{used:.1%}")
    return table


def _fits(report: VelaReport) -> str:
    limit = report.npu.memory_bytes
    if limit is None:
        return "no limit"
    if report.required_bytes <= limit:
        return f"yes, of {limit:,}"
    return f"optimised for size, of {limit:,}" if report.size_required_bytes <= limit else f"NO, of {limit:,}"
