"""The frozen list of the objects of `components`: which file, which class, which family, which split."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Sequence
from pathlib import Path

from splitnets_tf.errors import UserError

__all__ = ["MANIFEST_PATH", "ManifestRow", "format_manifest", "read_manifest"]

MANIFEST_PATH = Path(__file__).parent / "components" / "manifest.csv"
"""The list that is shipped."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ManifestRow:
    """One object. The row's position is its object number."""

    object: str
    """Unique name: the file's stem."""
    class_name: str
    """Its class."""
    family: str
    """Its family, unique within the class."""
    split: str
    """"train", "validation" or "test"."""
    source: str
    """`folder.3dshapes/stem.wrl` in the KiCad library."""
    sha256: str
    """Hexadecimal SHA-256 of the source file."""

    @property
    def full_family(self) -> str:
        """Class and family: unique in the data set."""
        return f"{self.class_name}/{self.family}"


_COLUMNS = [field.name for field in dataclasses.fields(ManifestRow)]


def read_manifest(path: Path = MANIFEST_PATH) -> tuple[ManifestRow, ...]:
    """Reads a manifest.

    Args:
        path: A CSV file with a header.

    Returns:
        Its rows, in order.

    Raises:
        UserError: Missing, other columns, an unknown split or a name that comes twice.
    """
    if not path.is_file():
        raise UserError(f"{path} is not a file; expected a manifest with the columns {', '.join(_COLUMNS)}")
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if reader.fieldnames is None or list(reader.fieldnames) != _COLUMNS:
            raise UserError(f"{path} must have the columns {', '.join(_COLUMNS)}, got {reader.fieldnames}")
        rows = tuple(ManifestRow(**row) for row in reader)
    unknown = {row.split for row in rows} - {"train", "validation", "test"}
    if unknown:
        raise UserError(f"{path} has unknown splits: {', '.join(sorted(unknown))}")
    if len({row.object for row in rows}) != len(rows):
        raise UserError(f"{path} names an object twice")
    return rows


def format_manifest(rows: Sequence[ManifestRow]) -> str:
    """The text of a manifest.

    Args:
        rows: The objects, in order.

    Returns:
        CSV with a header; `read_manifest` reads it back.
    """
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(dataclasses.asdict(row) for row in rows)
    return buffer.getvalue()
