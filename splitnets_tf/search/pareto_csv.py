"""The front as a table: one row a candidate, with every figure and the architecture itself."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from splitnets_tf.errors import UserError
from splitnets_tf.files import write_text
from splitnets_tf.search.candidate import Candidate
from splitnets_tf.search.protocols import COST_FIGURES, Cost
from splitnets_tf.space import Architecture

__all__ = ["read_pareto_csv", "write_pareto_csv"]

COLUMNS = ("id", "accuracy", *COST_FIGURES, "architecture")
_INTEGERS = frozenset(
    ("peak_bytes", "sensor_memory_bytes", "aggregator_memory_bytes", "sensor_macs", "macs", "params", "link_bytes")
)


def write_pareto_csv(path: Path, candidates: Iterable[Candidate]) -> None:
    """Write candidates in the given order; a reader sees the old file or the new one, never a half.

    Args:
        path: The file.
        candidates: Rows. Floats are written with all their digits, so that reading gives them back exactly.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for candidate in candidates:
        figures = (repr(value) for value in candidate.cost.as_dict().values())
        writer.writerow([candidate.id, repr(candidate.accuracy), *figures, candidate.architecture.to_json()])
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
    if not rows or tuple(rows[0]) != COLUMNS:
        raise UserError(f"{path}: expected the columns {','.join(COLUMNS)}; write the table again with the search")
    return tuple(_candidate(row, f"{path}, line {number}") for number, row in enumerate(rows[1:], start=2))


def _candidate(row: list[str], where: str) -> Candidate:
    if len(row) != len(COLUMNS):
        raise UserError(f"{where}: expected {len(COLUMNS)} fields, received {len(row)}")
    fields = dict(zip(COLUMNS, row, strict=True))
    try:
        figures: dict[str, Any] = {name: (int if name in _INTEGERS else float)(fields[name]) for name in COST_FIGURES}
        accuracy = float(fields["accuracy"])
        architecture = Architecture.from_json(fields["architecture"])
    except (ValueError, UserError) as error:
        raise UserError(f"{where}: {error}") from error
    if architecture.short_id != fields["id"]:
        raise UserError(f"{where}: the id {fields['id']} is not that of the architecture ({architecture.short_id})")
    return Candidate(architecture=architecture, accuracy=accuracy, cost=Cost(**figures))
