"""What an export leaves behind, as data."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from splitnets_tf.errors import UserError
from splitnets_tf.files import read_json, sha256_of_file, write_json
from tflite_export.boundary import Boundary
from tflite_export.interpreter import Quantization

__all__ = ["ExportResult", "ExportedFile", "finished_result", "write_result"]

SCHEMA_VERSION = 2


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ExportedFile:
    """One .tflite file."""

    path: Path
    """Where it lies."""
    bytes: int
    """Its size."""
    sha256: str
    """SHA-256 of its content."""

    @classmethod
    def of(cls, path: Path) -> "ExportedFile":
        """Describe a file that exists."""
        return cls(path=path.resolve(), bytes=path.stat().st_size, sha256=sha256_of_file(path))

    def is_intact(self) -> bool:
        """Whether the file is still the one described."""
        return self.path.is_file() and sha256_of_file(self.path) == self.sha256


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ExportResult:
    """A finished export."""

    method: str
    """`qat` or `ptq`."""
    deployed: tuple[ExportedFile, ...]
    """(sensor, aggregator), or the only file of a network without a split; run in this order."""
    whole: ExportedFile
    """The network in one piece, the yardstick of the bit-exactness check; the deployed file without a split."""
    boundary: Boundary | None
    """What crosses the link; None without a split."""
    input: Quantization
    """Of the image."""
    output: Quantization
    """Of the logits."""
    untrained: tuple[ExportedFile, ...]
    """The same network by post-training quantisation, in the work folder, to compare with; empty with method `ptq`."""
    history: tuple[Mapping[str, float], ...]
    """Per epoch: loss, accuracy (on training images while the weights moved), seconds."""
    seconds: Mapping[str, float]
    """Wall time per stage of the run that finished the export."""
    versions: Mapping[str, str]
    """Of the packages that made the files."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """The deployed files in sequence, as `run_models` takes them."""
        return tuple(file.path for file in self.deployed)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        result = dataclasses.asdict(self)
        for file in (*result["deployed"], *result["untrained"], result["whole"]):
            file["path"] = str(file["path"])
        return result | {name: list(result[name]) for name in ("deployed", "untrained", "history")}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "ExportResult":
        """Inverse of `to_dict`."""
        values = dict(data)
        values["deployed"] = tuple(_file(item) for item in data["deployed"])
        values["untrained"] = tuple(_file(item) for item in data["untrained"])
        values["whole"] = _file(data["whole"])
        values["boundary"] = None if data["boundary"] is None else Boundary(**data["boundary"])
        values["input"] = Quantization(**data["input"])
        values["output"] = Quantization(**data["output"])
        values["history"] = tuple(data["history"])
        return cls(**values)


def write_result(path: Path, fingerprint: str, result: ExportResult) -> None:
    """Write `result.json`; with it an export is finished."""
    write_json(path, {"schema_version": SCHEMA_VERSION, "fingerprint": fingerprint} | result.to_dict())


def finished_result(path: Path, fingerprint: str) -> ExportResult | None:
    """The result of an earlier run of the same job, if its files are still what they were.

    Args:
        path: `result.json`.
        fingerprint: Of the job.

    Returns:
        None where there is no such result, where it belongs to another job, or where a file was changed or removed.
    """
    if not path.is_file():
        return None
    try:
        data = read_json(path, "an export result")
        if data.pop("schema_version", None) != SCHEMA_VERSION or data.pop("fingerprint", None) != fingerprint:
            return None
        result = ExportResult.from_dict(data)
    except (UserError, KeyError, TypeError, ValueError):
        return None  # An unreadable result is none: the export is done again.
    return result if all(file.is_intact() for file in (*result.deployed, *result.untrained, result.whole)) else None


def _file(data: Mapping[str, Any]) -> ExportedFile:
    return ExportedFile(path=Path(data["path"]), bytes=data["bytes"], sha256=data["sha256"])
