"""A network of a layered space, spelled out device by device: what is priced, trained and exported."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from splitnets_tf.errors import UserError
from splitnets_tf.hardware import Graph, GraphBuilder, Topology
from splitnets_tf.space.blueprint import Block, ClassifierBlock, ConvBlock
from splitnets_tf.space.layered_space import LayeredSpace, OperationChoice, mixed_layers
from splitnets_tf.space.to_graph import add_block

__all__ = ["DevicePart", "PlacedNetwork", "head_blocks_of", "placed_graph", "placed_network", "stem_of"]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class DevicePart:
    """What one device computes."""

    device: str
    """Its name."""
    sources: tuple[str, ...]
    """Devices whose outputs it reads side by side; empty for the one that reads the image. Devices without blocks only
    pass tensors on and are no sources."""
    blocks: tuple[Block, ...]
    """Its blocks."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class PlacedNetwork:
    """A network of fixed operations on its devices."""

    resolution: int
    """Side of the image in pixels."""
    parts: tuple[DevicePart, ...]
    """Devices that compute something, in an order in which they can run."""

    @property
    def blocks(self) -> tuple[Block, ...]:
        """All blocks in order."""
        return tuple(block for part in self.parts for block in part.blocks)


def stem_of(space: LayeredSpace) -> ConvBlock:
    """The convolution that the first device always has."""
    return ConvBlock(
        name="stem", in_channels=3, out_channels=space.stem_width, kernel=3, stride=2, activation=space.activation
    )


def head_blocks_of(space: LayeredSpace, in_channels: int, num_classes: int) -> tuple[ConvBlock, ClassifierBlock]:
    """What the last device always has."""
    conv = ConvBlock(
        name="head",
        in_channels=in_channels,
        out_channels=space.head_width,
        kernel=1,
        stride=1,
        activation=space.activation,
    )
    return conv, ClassifierBlock(name="classifier", in_channels=space.head_width, classes=num_classes)


def placed_network(
    space: LayeredSpace, topology: Topology, choices: Sequence[OperationChoice], num_classes: int
) -> PlacedNetwork:
    """Spell a network out.

    Args:
        space: Its space.
        topology: How data passes the devices.
        choices: The operation of each layer.
        num_classes: Number of logits.

    Raises:
        UserError: A choice is not a candidate of its layer, or there are too many or too few.
    """
    layers = mixed_layers(space, topology)
    if len(choices) != len(layers):
        raise UserError(f"space {space.name} has {len(layers)} layers, received {len(choices)} operations")
    blocks: dict[str, list[Block]] = {layer.device: [] for layer in layers}
    for layer, choice in zip(layers, choices, strict=True):
        if choice not in layer.candidates:
            raise UserError(f"space {space.name}: layer {layer.number} cannot be {choice.name}")
        block = layer.block(choice)
        blocks[layer.device] += [] if block is None else [block]
    first, last = str(topology.path[0]), str(topology.path[-1])
    blocks[first].insert(0, stem_of(space))
    blocks[last] += head_blocks_of(space, layers[-1].out_channels, num_classes)
    return PlacedNetwork(resolution=space.resolution, parts=_parts(topology, blocks))


def _parts(topology: Topology, blocks: Mapping[str, Sequence[Block]]) -> tuple[DevicePart, ...]:
    parts = []
    sources: tuple[str, ...] = ()
    for step in topology.path:
        names = (step,) if isinstance(step, str) else step
        ends: tuple[str, ...] = ()
        for name in names:
            if blocks[name]:
                parts.append(DevicePart(device=name, sources=sources, blocks=tuple(blocks[name])))
            ends += (name,) if blocks[name] else sources
        sources = ends
    return tuple(parts)


def placed_graph(network: PlacedNetwork, name: str = "network") -> tuple[Graph, dict[str, tuple[int, int]]]:
    """The unfused graph of the whole network, with names equal to the layers of the Keras model.

    Returns:
        The graph, and for each device that computes something the range of its operations: first, and one behind.
    """
    builder = GraphBuilder(name)
    image = builder.input("image", (network.resolution, network.resolution, 3))
    ends: dict[str, Any] = {}
    ranges: dict[str, tuple[int, int]] = {}
    counted = 0
    for part in network.parts:
        tensors = [ends[source] for source in part.sources] or [image]
        x = tensors[0] if len(tensors) == 1 else builder.concat(f"{part.device}_concat", tensors)
        for block in part.blocks:
            x = add_block(builder, block, x)
        ends[part.device] = x
        total = len(builder.build([x]).operations)
        ranges[part.device] = (counted, total)
        counted = total
    return builder.build([x]), ranges
