"""Spaces by name or from a YAML file."""

import dataclasses
from collections.abc import Mapping
from importlib import resources
from typing import Any

from splitnets_tf.errors import UserError
from splitnets_tf.space.search_space import SearchSpace
from splitnets_tf.space.stage_row import StageRow
from splitnets_tf.yaml_files import read_preset_or_file

__all__ = ["PRESETS", "load_space", "space_from_dict", "space_to_dict"]

PRESETS = ("demo", "demo_views", "attentive_nas_split", "fbnetv3_split")
"""Names of the spaces that ship with the package."""


def load_space(name_or_path: str) -> SearchSpace:
    """Read a preset by its name, or a YAML file by its path.

    Raises:
        UserError: There is no such preset or file, or the file is not a valid space; the row and field are named.
    """
    data, origin = read_preset_or_file(
        name_or_path, kind="space", folder=resources.files(__package__) / "presets", presets=PRESETS
    )
    return space_from_dict(data, where=origin)


def space_from_dict(data: Any, *, where: str = "space") -> SearchSpace:
    """Build a space from plain data, as YAML or JSON gives it.

    Args:
        data: Mapping with the fields of `SearchSpace`; `stages` is a list of mappings with those of `StageRow`.
        where: Name of the source for messages.

    Raises:
        UserError: A key is unknown or missing or a value is wrong; row and field are named.
    """
    fields = _checked(data, SearchSpace, where)
    rows = fields.get("stages")
    if not isinstance(rows, list):
        raise UserError(f"{where}: stages should be a list of rows, received {rows!r}")
    stages = []
    for index, row in enumerate(rows):
        stages.append(_built(StageRow, _checked(row, StageRow, f"{where}, stage {index + 1}"), where))
    fields["stages"] = tuple(stages)
    return _built(SearchSpace, fields, where)


def space_to_dict(space: SearchSpace) -> dict[str, Any]:
    """Inverse of `space_from_dict`: lists, strings, numbers and booleans only."""
    return _record(space)


def _record(record: SearchSpace | StageRow) -> dict[str, Any]:
    return {
        field.name: _plain(getattr(record, field.name))
        for field in dataclasses.fields(record)
        if not (field.metadata.get("added_later") and getattr(record, field.name) == field.default)
    }


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, StageRow):
        return _record(value)
    return value


def _built(cls: type, fields: dict[str, Any], where: str) -> Any:
    """The records' own checks know the row and the field; here the file is known, too."""
    try:
        return cls(**fields)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error


def _checked(data: Any, cls: type, where: str) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        received = "nothing" if data is None else type(data).__name__
        raise UserError(f"{where}: expected a mapping of fields, received {received}")
    fields = {field.name: field for field in dataclasses.fields(cls)}
    unknown = sorted(str(key) for key in data if key not in fields)
    if unknown:
        raise UserError(f"{where}: unknown field {unknown[0]!r}; known are {sorted(fields)}")
    missing = sorted(
        name for name, field in fields.items() if field.default is dataclasses.MISSING and name not in data
    )
    if missing:
        raise UserError(f"{where}: field {missing[0]!r} is missing")
    return {key: _value(cls, key, value, where) for key, value in data.items()}


def _value(cls: type, key: str, value: Any, where: str) -> Any:
    if key == "stages":
        return value
    kind: Any = {field.name: field.type for field in dataclasses.fields(cls)}[key]
    if kind == tuple[int, ...]:
        integers = isinstance(value, list) and all(isinstance(v, int) and not isinstance(v, bool) for v in value)
        if not integers:
            raise UserError(f"{where}: {key} should be a list of integers, received {value!r}")
        return tuple(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise UserError(f"{where}: {key} should be of type {kind.__name__}, received {value!r}")
    return value
