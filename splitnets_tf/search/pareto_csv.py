"""The front as a table: one row a candidate, with every figure and the architecture itself."""

import csv
import io
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from splitnets_tf.errors import UserError
from splitnets_tf.files import write_text
from splitnets_tf.search.candidate import Candidate
from splitnets_tf.search.protocols import COST_FIGURES, Cost
from splitnets_tf.space import Architecture

__all__ = ["read_pareto_csv", "write_pareto_csv"]

COLUMNS = ("id", "accuracy", *COST_FIGURES, "counted", "architecture")
_WITHOUT_COUNTED = tuple(name for name in COLUMNS if name != "counted")
_READABLE = (COLUMNS, _WITHOUT_COUNTED, tuple(name for name in _WITHOUT_COUNTED if name != "energy_mj"))
"""Columns of tables as they are and were written."""
_INTEGERS = frozenset(
    ("peak_bytes", "sensor_memory_bytes", "aggregator_memory_bytes", "sensor_macs", "macs", "params", "link_bytes")
)


def write_pareto_csv(path: Path, candidates: Iterable[Candidate]) -> None:
    """Write candidates in the given order; a reader sees the old file or the new one, never a half.

    Args:
        path: The file.
        candidates: Rows. Floats are written with all their digits, so that reading gives them back exactly; a figure
            that a system does not give is left empty.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for candidate in candidates:
        figures = ("" if math.isnan(value) else repr(value) for value in candidate.cost.as_dict().values())
        writer.writerow(
            [
                candidate.id,
                repr(candidate.accuracy),
                *figures,
                repr(candidate.counted),
                candidate.architecture.to_json(),
            ]
        )
    write_text(path, buffer.getvalue())


def read_pareto_csv(path: Path) -> tuple[Candidate, ...]:
    """Inverse of `write_pareto_csv`.

    Raises:
        UserError: There is no such file, or a row is not of the written form; file and line are named.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; run the search first") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text; expected a table written by the search") from error
    rows = list(csv.reader(io.StringIO(text)))
    if not rows or tuple(rows[0]) not in _READABLE:
        raise UserError(f"{path}: expected the columns {','.join(COLUMNS)}; write the table again with the search")
    columns = tuple(rows[0])
    return tuple(_candidate(row, columns, f"{path}, line {number}") for number, row in enumerate(rows[1:], start=2))


def _candidate(row: list[str], columns: tuple[str, ...], where: str) -> Candidate:
    if len(row) != len(columns):
        raise UserError(f"{where}: expected {len(columns)} fields, received {len(row)}")
    fields = dict(zip(columns, row, strict=True))
    try:
        figures: dict[str, Any] = {name: _figure(name, fields[name]) for name in COST_FIGURES if name in fields}
        accuracy, counted = float(fields["accuracy"]), float(fields.get("counted", "1"))
        architecture = Architecture.from_json(fields["architecture"])
    except (ValueError, UserError) as error:
        raise UserError(f"{where}: {error}") from error
    if architecture.short_id != fields["id"]:
        raise UserError(f"{where}: the id {fields['id']} is not that of the architecture ({architecture.short_id})")
    return Candidate(architecture=architecture, accuracy=accuracy, cost=Cost(**figures), counted=counted)


def _figure(name: str, text: str) -> float:
    if name in _INTEGERS:
        return int(text)
    # The one NaN that `Cost` has by itself: figures that are not given compare equal.
    return float(text) if text else math.nan
