"""The architecture file of a network on the devices of a chain or a mesh, in plain JSON."""

from pathlib import Path
from typing import Any

from splitnets_tf.errors import UserError
from splitnets_tf.files import read_json
from splitnets_tf.hardware import Topology
from splitnets_tf.space import PlacedNetwork, layered_space_from_dict, mixed_layers, placed_network

__all__ = ["KIND", "read_placed_file"]

KIND = "placed"
_KEYS = frozenset({"kind", "space", "topology", "num_classes", "choices"})


def read_placed_file(path: Path) -> tuple[PlacedNetwork, int]:
    """Read `{"kind": "placed", "space": {...}, "topology": {...}, "num_classes": N, "choices": [...]}`.

    Further keys are left to their owners.

    Returns:
        The network and its number of classes.

    Raises:
        UserError: The file is missing or describes no such network.
    """
    data = read_json(path, "an architecture file")
    missing = sorted(_KEYS - set(data))
    if missing or data["kind"] != KIND:
        what = f"the key {missing[0]!r} is missing" if missing else f"kind should be {KIND!r}"
        raise UserError(f"{path}: {what}; expected the architecture file of a network on several devices")
    space = layered_space_from_dict(data["space"], origin=f"{path}, space")
    topology = _topology(data["topology"], path)
    layers = mixed_layers(space, topology)
    choices = data["choices"]
    if len(choices) != len(layers) or not all(
        isinstance(index, int) and 0 <= index < len(layer.candidates)
        for index, layer in zip(choices, layers, strict=True)
    ):
        raise UserError(f"{path}: choices should name a candidate for each of {len(layers)} layers, received {choices}")
    operations = [layer.candidates[index] for index, layer in zip(choices, layers, strict=True)]
    return placed_network(space, topology, operations, data["num_classes"]), data["num_classes"]


def _topology(data: Any, path: Path) -> Topology:
    try:
        steps = tuple(tuple(step) if isinstance(step, list) else str(step) for step in data["path"])
        return Topology(kind=data["kind"], path=steps, broadcast=bool(data["broadcast"]))
    except (KeyError, TypeError) as error:
        raise UserError(f"{path}: topology should have kind, path and broadcast, received {data!r}") from error
