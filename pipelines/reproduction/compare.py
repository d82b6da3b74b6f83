"""Holds the model's figures against the paper's, within stated tolerances and a checked list of known discrepancies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.reproduction.discrepancies import DISCREPANCIES, Discrepancy
from pipelines.reproduction.paper_tables import PaperFigure, PaperRow, read_table
from pipelines.reproduction.predict import predict_row

__all__ = ["Comparison", "compare_table", "tolerance"]

OK = "ok"
KNOWN = "known discrepancy"
WRONG = "WRONG"
STALE = "STALE ENTRY"


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """One figure of the paper and what the model says."""

    table: str
    """`table4` or `table6`."""

    method: str
    """Method of the row."""

    backbone: str
    """Backbone of the row."""

    column: str
    """Column, with its unit in the name."""

    paper: float
    """The printed figure."""

    predicted: float | None
    """The model's figure; None where the network is not published."""

    is_bound: bool
    """Whether `predicted` is only a lower bound."""

    verdict: str
    """`ok`, `known discrepancy`, `WRONG` or `STALE ENTRY`."""

    reason: str
    """Why a known discrepancy is one, or what is wrong; empty otherwise."""

    @property
    def relative_error(self) -> float | None:
        """(predicted - paper) / paper; None where there is no prediction or the paper's figure is 0."""
        return None if self.predicted is None or self.paper == 0 else (self.predicted - self.paper) / self.paper

    @property
    def passes(self) -> bool:
        """Whether the figure is in order."""
        return self.verdict in (OK, KNOWN)


def tolerance(column: str, reference: float) -> float:
    """Returns by how much a prediction may differ: params, MACs and peak 1 %, bytes nothing, time 2.5 % or 0.01 ms."""
    if column.endswith("_ms"):
        return max(0.025 * reference, 0.01)
    return 0.0 if column == "comm_bytes" else 0.01 * reference


def compare_table(table: str, discrepancies: Sequence[Discrepancy] = DISCREPANCIES) -> tuple[Comparison, ...]:
    """Compares every figure of a table.

    Args:
        table: `table4` or `table6`.
        discrepancies: The figures in which the paper disagrees with itself.

    Returns:
        One comparison for each figure, row by row. All are in order exactly if each figure is within its tolerance or
        on the list, and each entry of the list is a true discrepancy.
    """
    listed = {(d.method, d.backbone, d.column): d for d in discrepancies if d.table == table}
    comparisons = []
    for row in read_table(table):
        predicted, bounds = predict_row(row)
        for column, figure in row.figures.items():
            entry = listed.pop((row.method, row.backbone, column), None)
            comparisons.append(_compare(row, column, figure, predicted.get(column), column in bounds, entry))
    for entry in listed.values():
        comparisons.append(_unknown_figure(entry))
    return tuple(comparisons)


def _compare(
    row: PaperRow,
    column: str,
    figure: PaperFigure,
    predicted: float | None,
    is_bound: bool,
    entry: Discrepancy | None,
) -> Comparison:
    if entry is None:
        verdict, reason = _judge(column, figure.value, predicted, is_bound)
    else:
        verdict, reason = _judge_entry(entry, figure, predicted, is_bound)
    return Comparison(
        table=row.table,
        method=row.method,
        backbone=row.backbone,
        column=column,
        paper=figure.value,
        predicted=predicted,
        is_bound=is_bound,
        verdict=verdict,
        reason=reason,
    )


def _judge(column: str, paper: float, predicted: float | None, is_bound: bool) -> tuple[str, str]:
    if predicted is None or _agrees(column, paper, predicted, is_bound):
        return OK, ""
    return WRONG, "outside the tolerance and not on the list of known discrepancies"


def _judge_entry(entry: Discrepancy, figure: PaperFigure, predicted: float | None, is_bound: bool) -> tuple[str, str]:
    # No absolute margin here: 0.01 ms would swallow the entries about nanoseconds.
    margin = (0.025 if entry.column.endswith("_ms") else 0.01) * entry.formula
    if predicted is None or abs(predicted - entry.formula) > margin:
        return WRONG, f"the paper's own formula gives {entry.formula:g}, which the model misses"
    paper = figure.value if entry.printed is None else entry.printed
    rounding = figure.last_digit / 2 if entry.printed is None else 0.0
    if paper >= predicted - rounding if is_bound else abs(paper - predicted) <= rounding:
        return STALE, "on the list of known discrepancies, but the printed figure agrees with the model"
    return KNOWN, entry.reason


def _agrees(column: str, reference: float, predicted: float, is_bound: bool) -> bool:
    margin = tolerance(column, reference)
    return predicted <= reference + margin if is_bound else abs(predicted - reference) <= margin


def _unknown_figure(entry: Discrepancy) -> Comparison:
    return Comparison(
        table=entry.table,
        method=entry.method,
        backbone=entry.backbone,
        column=entry.column,
        paper=float("nan"),
        predicted=None,
        is_bound=False,
        verdict=STALE,
        reason="on the list of known discrepancies, but the table has no such figure",
    )
