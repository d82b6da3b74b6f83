"""The architecture file: which network is exported, in plain JSON."""

import dataclasses
from pathlib import Path
from typing import Any

from splitnets_tf.errors import UserError
from splitnets_tf.files import read_json
from splitnets_tf.space import (
    Architecture,
    Blueprint,
    SearchSpace,
    blueprint,
    load_space,
    space_from_dict,
    space_to_dict,
)

__all__ = ["NetworkFile", "read_network_file"]

SCHEMA_VERSION = 1
KEYS = frozenset({"schema_version", "space", "architecture", "num_classes"})


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class NetworkFile:
    """What `architecture.json` says."""

    space: SearchSpace
    """The search space that the architecture belongs to."""
    architecture: Architecture
    """The network."""
    num_classes: int
    """Width of the logits."""

    @property
    def plan(self) -> Blueprint:
        """The network block by block."""
        return blueprint(self.space, self.architecture, self.num_classes)

    def identity(self) -> dict[str, Any]:
        """Plain data that is equal for equal networks, whatever else their files say."""
        return {
            "space": space_to_dict(self.space),
            "architecture": self.architecture.to_dict(),
            "num_classes": self.num_classes,
        }


def read_network_file(path: Path) -> NetworkFile:
    """Read `{"schema_version": 1, "space": name or fields, "architecture": {...}, "num_classes": N}`.

    Further keys are left to their owners.

    Raises:
        UserError: The file is missing or is no description of one legal network with at most one split.
    """
    data = read_json(path, "an architecture file")
    missing = sorted(KEYS - set(data))
    if missing:
        raise UserError(f"{path}: the key {missing[0]!r} is missing; an architecture file has {sorted(KEYS)}")
    if data["schema_version"] != SCHEMA_VERSION:
        raise UserError(
            f"{path}: schema_version should be {SCHEMA_VERSION}, received {data['schema_version']!r}; "
            "write the file with this version of the program"
        )
    num_classes = data["num_classes"]
    if not isinstance(num_classes, int) or isinstance(num_classes, bool) or num_classes < 1:
        raise UserError(f"{path}: num_classes should be a positive integer, received {num_classes!r}")
    network = NetworkFile(
        space=_space(data["space"], path),
        architecture=Architecture.from_dict(data["architecture"]),
        num_classes=num_classes,
    )
    network.space.check(network.architecture)
    if len(network.architecture.splits) > 1:
        raise UserError(
            f"{path}: the network has {len(network.architecture.splits)} splitting modules; export takes none or one"
        )
    return network


def _space(value: Any, path: Path) -> SearchSpace:
    return load_space(value) if isinstance(value, str) else space_from_dict(value, where=f"{path}, space")
