"""The genotype: one network of a search space, with the place where it is split.

Source: SplitNets, section 3.1.1 (phases, gates, the numbers M and K of blocks around the splitting module).
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from splitnets_tf.errors import UserError

__all__ = ["Architecture", "Split", "StageChoice"]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Split:
    """A splitting module in one phase (gate variable g = 1)."""

    phase: int
    """Index of the phase, 0 for the resolution of the stem."""
    position: int
    """M: how many of the phase's active blocks run before the splitting module."""
    width: int
    """d: channels that Conv-Reduce leaves."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class StageChoice:
    """What an architecture takes from one row of the space."""

    width: int
    """Output channels of every block of the stage."""
    depth: int
    """Number of blocks."""
    kernel: int
    """Side of the depthwise kernels."""
    expansion: int
    """Expansion ratio of the inverted residuals."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Architecture:
    """One sub-network: frozen, hashable, with a JSON round trip."""

    resolution: int
    """Side of the square input image in pixels."""
    stem_width: int
    """Output channels of the stem convolution."""
    stages: tuple[StageChoice, ...]
    """One choice per row of the space."""
    head_width: int
    """Channels of the last 1x1 convolution."""
    splits: tuple[Split, ...] = ()
    """Splitting modules in order of depth; empty for a network on one side, exactly one for deployment."""

    @property
    def is_split(self) -> bool:
        """Whether the network is cut at exactly one place, as a deployable SplitNet is."""
        return len(self.splits) == 1

    @property
    def split(self) -> Split | None:
        """The only splitting module, or None without a split.

        Raises:
            ValueError: The architecture has several splitting modules (training only).
        """
        if len(self.splits) > 1:
            raise ValueError(f"expected at most one splitting module, received {len(self.splits)}")
        return self.splits[0] if self.splits else None

    def without_split(self) -> "Architecture":
        """The same network in one piece."""
        return dataclasses.replace(self, splits=())

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, dictionaries and integers, ready for JSON."""
        result = dataclasses.asdict(self)
        result["stages"] = list(result["stages"])
        result["splits"] = list(result["splits"])
        return result

    def to_json(self) -> str:
        """Canonical JSON text: sorted keys, no white space."""
        return json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))

    @property
    def short_id(self) -> str:
        """Twelve hexadecimal digits that name the architecture in files and tables."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:12]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Architecture":
        """Inverse of `to_dict`.

        Raises:
            UserError: A key is missing or unknown, or a value is no integer.
        """
        _check_keys(data, cls, "architecture")
        return cls(
            resolution=_integer(data, "resolution"),
            stem_width=_integer(data, "stem_width"),
            stages=tuple(_record(StageChoice, row, "stages") for row in _rows(data, "stages")),
            head_width=_integer(data, "head_width"),
            splits=tuple(_record(Split, row, "splits") for row in _rows(data, "splits")),
        )

    @classmethod
    def from_json(cls, text: str) -> "Architecture":
        """Inverse of `to_json`.

        Raises:
            UserError: The text is no JSON object of the expected form.
        """
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            raise UserError(f"the architecture is not valid JSON: {error}") from error
        if not isinstance(data, dict):
            raise UserError(f"the architecture should be a JSON object, received {type(data).__name__}")
        return cls.from_dict(data)


def _check_keys(data: Any, cls: type, where: str) -> None:
    names = {field.name for field in dataclasses.fields(cls)}
    if not isinstance(data, Mapping) or set(data) != names:
        received = sorted(map(str, data)) if isinstance(data, Mapping) else type(data).__name__
        raise UserError(f"{where}: expected the keys {sorted(names)}, received {received}")


def _integer(data: Mapping[str, Any], key: str) -> int:
    value = data[key]
    if isinstance(value, bool) or not isinstance(value, int):
        raise UserError(f"architecture: {key} should be an integer, received {value!r}")
    return value


def _rows(data: Mapping[str, Any], key: str) -> list[Any]:
    value = data[key]
    if not isinstance(value, list):
        raise UserError(f"architecture: {key} should be a list, received {type(value).__name__}")
    return value


def _record(cls: type, row: Any, where: str) -> Any:
    _check_keys(row, cls, f"architecture, {where}")
    return cls(**{key: _integer(row, key) for key in row})
