"""The commands `reproduce table4` and `reproduce table6`: compare, print, write JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from pipelines.progress import console
from pipelines.reproduction.compare import Comparison, compare_table
from pipelines.reproduction.json_file import write_json_for_user
from pipelines.reproduction.paper_tables import read_table

__all__ = ["comparisons_to_dict", "run_table"]

_WIDTH = 140
"""Columns of what is printed where there is no terminal."""
_TITLES = {
    "table4": "SplitNets, Table 4: one sensor's share of the bus (ImageNet)",
    "table6": "SplitNets, Table 6: twelve sensors (ModelNet40)",
}


def run_table(table: str, json_path: Path | None) -> int:
    """Compares a table of the paper with the cost model.

    Args:
        table: `table4` or `table6`.
        json_path: Where to write all figures; None writes nothing.

    Returns:
        Exit code: 0 if every figure is in order, 1 otherwise.

    Raises:
        UserError: If the JSON file cannot be written.
    """
    comparisons = compare_table(table)
    if json_path is not None:
        write_json_for_user(json_path, comparisons_to_dict(table, comparisons))
    out = console(width=_WIDTH)
    out.print(_render(table, comparisons))
    for comparison in comparisons:
        if comparison.reason:
            label = f"{comparison.method} {comparison.backbone} {comparison.column}"
            out.print(f"{comparison.verdict}: {label}: {comparison.reason}")
    bad = sum(not comparison.passes for comparison in comparisons)
    known = sum(comparison.verdict == "known discrepancy" for comparison in comparisons)
    checked = sum(comparison.predicted is not None for comparison in comparisons)
    out.print(
        f"{table}: {checked} figures checked, {known} known discrepancies of the paper, {bad} not in order",
    )
    return 1 if bad else 0


def comparisons_to_dict(table: str, comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """Returns the comparison as plain data for a JSON file."""
    quoted = {(row.method, row.backbone): row.top1 for row in read_table(table)}
    return {
        "schema_version": 1,
        "table": table,
        "passes": all(comparison.passes for comparison in comparisons),
        "top1_quoted": [{"method": m, "backbone": b, "top1": top1} for (m, b), top1 in quoted.items()],
        "figures": [
            {
                "method": c.method,
                "backbone": c.backbone,
                "column": c.column,
                "paper": c.paper,
                "predicted": c.predicted,
                "is_lower_bound": c.is_bound,
                "relative_error": c.relative_error,
                "verdict": c.verdict,
                "reason": c.reason,
            }
            for c in comparisons
        ],
    }


def _render(table: str, comparisons: Sequence[Comparison]) -> Table:
    rendered = Table(title=_TITLES[table], show_lines=False)
    for heading in ("method", "backbone", "figure"):
        rendered.add_column(heading)
    for heading in ("paper", "predicted", "error"):
        rendered.add_column(heading, justify="right")
    rendered.add_column("verdict")
    top1 = {(row.method, row.backbone): row.top1 for row in read_table(table)}
    seen: set[tuple[str, str]] = set()
    for c in comparisons:
        if (c.method, c.backbone) not in seen and (c.method, c.backbone) in top1:
            seen.add((c.method, c.backbone))
            rendered.add_section()
            rendered.add_row(
                c.method, c.backbone, "top1_percent", f"{top1[c.method, c.backbone]:.2f}", "", "", "quoted"
            )
        if (c.predicted is None and c.passes) or (c.paper == 0 and c.predicted == 0):
            continue
        error = "" if c.relative_error is None or c.is_bound else f"{100 * c.relative_error:+.1f} %"
        predicted = "" if c.predicted is None else ("at least " if c.is_bound else "") + _text(c.column, c.predicted)
        rendered.add_row(c.method, c.backbone, c.column, _text(c.column, c.paper), predicted, error, c.verdict)
    return rendered


def _text(column: str, value: float) -> str:
    if column.endswith("_ms"):
        return f"{value:.3g}" if value < 0.01 else f"{value:.2f}"
    if column == "comm_bytes":
        return f"{value:.0f}"
    for unit, scale in (("G", 1e9), ("M", 1e6), ("K", 1e3)):
        if value >= scale:
            return f"{value / scale:.4g} {unit}"
    return f"{value:.0f}"
