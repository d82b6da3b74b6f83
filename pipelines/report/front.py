"""The search's front as `search/pareto.csv` holds it."""

import csv
import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from splitnets_tf.errors import UserError

__all__ = ["FrontPoint", "front_line", "read_front"]

_COLUMNS = ("id", "accuracy", "latency_ms", "architecture")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class FrontPoint:
    """One network of the front with its inherited accuracy."""

    identifier: str
    """The archive's name for it."""
    accuracy: float
    """Validation accuracy with the supernet's weights, a fraction."""
    latency_ms: float
    """From image to answer."""
    architecture: Mapping[str, Any]
    """The genotype as plain data."""


def read_front(path: Path) -> tuple[FrontPoint, ...] | None:
    """Read the front in the file's order, or None where there is no such file.

    Raises:
        UserError: A column is missing or a value is no number; file, line and column are named.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as UTF-8 text ({error}); repeat the search stage") from error
    reader = csv.DictReader(text.splitlines())
    missing = [
        name for name in ("id", "accuracy", "latency_ms", "architecture") if name not in (reader.fieldnames or ())
    ]
    if missing:
        raise UserError(f"{path}: the column {missing[0]!r} is missing; repeat the search stage")
    return tuple(_point(row, f"{path}, line {reader.line_num}") for row in reader)


def front_line(points: Sequence[FrontPoint]) -> tuple[FrontPoint, ...]:
    """The points that no other beats in both accuracy and latency, by increasing latency.

    An archive with further objectives holds points that another one beats in these two.
    """
    line: list[FrontPoint] = []
    for point in sorted(points, key=lambda p: (p.latency_ms, -p.accuracy, p.identifier)):
        if not line or point.accuracy > line[-1].accuracy:
            line.append(point)
    return tuple(line)


def _point(row: Mapping[str, str | None], where: str) -> FrontPoint:
    try:
        architecture = json.loads(row["architecture"] or "")
    except json.JSONDecodeError as error:
        raise UserError(f"{where}: architecture is not valid JSON; repeat the search stage") from error
    if not isinstance(architecture, dict):
        raise UserError(f"{where}: architecture should be a JSON object; repeat the search stage")
    return FrontPoint(
        identifier=row["id"] or "",
        accuracy=_number(row, "accuracy", where),
        latency_ms=_number(row, "latency_ms", where),
        architecture=architecture,
    )


def _number(row: Mapping[str, str | None], column: str, where: str) -> float:
    text = row[column]
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UserError(f"{where}: {column} should be a finite number, received {text!r}; repeat the search stage")
    return value
