"""The paper's Tables 4 and 6 as rows of figures, read from the CSV files beside this module."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib import resources

__all__ = ["COLUMNS", "PaperFigure", "PaperRow", "read_table"]

COLUMNS = (
    "sensor_params",
    "sensor_macs",
    "sensor_peak_bytes",
    "sensor_ms",
    "comm_bytes",
    "comm_ms",
    "agg_params",
    "agg_macs",
    "agg_ms",
    "total_ms",
)
"""Columns that the cost model predicts; top-1 is quoted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PaperFigure:
    """One printed figure."""

    value: float
    """Its value in the unit of its column."""

    last_digit: float
    """Value of one unit of its last printed digit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PaperRow:
    """One row of a table."""

    table: str
    """`table4` or `table6`."""

    method: str
    """Method, such as `all-on-sensor`."""

    backbone: str
    """Network, or the letter of a SplitNets network."""

    top1: float
    """Accuracy in percent, quoted."""

    figures: dict[str, PaperFigure]
    """Figures by column."""


def read_table(table: str) -> tuple[PaperRow, ...]:
    """Reads one of the paper's tables.

    Args:
        table: `table4` or `table6`.

    Returns:
        Its rows in order.
    """
    text = (resources.files(__package__) / f"splitnets_{table}.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return tuple(
        PaperRow(
            table=table,
            method=row["method"],
            backbone=row["backbone"],
            top1=float(row["top1"]),
            figures={column: _figure(row[column]) for column in COLUMNS},
        )
        for row in rows
    )


def _figure(text: str) -> PaperFigure:
    mantissa, _, exponent = text.partition("e")
    decimals = len(mantissa.partition(".")[2])
    return PaperFigure(value=float(text), last_digit=10.0 ** (int(exponent or 0) - decimals))
