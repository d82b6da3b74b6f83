"""A network as a row of shapes to draw: what each block is, how wide, and on which device it runs."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from pipelines.report.json_node import Node
from splitnets_tf.errors import UserError
from splitnets_tf.space import (
    Architecture,
    Block,
    ClassifierBlock,
    ConvBlock,
    PooledBlock,
    ViewFuseBlock,
    blueprint,
    load_space,
    space_from_dict,
)

__all__ = ["DrawnBlock", "blocks_from_architecture_file", "blocks_from_summary", "drawn_blocks"]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class DrawnBlock:
    """One shape of the drawing."""

    name: str
    """Name of the block."""
    shape: str
    """`conv`, `mb`, `reduce`, `recover`, `fuse` or `classifier`."""
    in_channels: int
    """Channels that it reads."""
    out_channels: int
    """Channels that it writes."""
    kernel: int | None
    """Side of its spatial kernel."""
    stride: int
    """1 or 2."""
    expansion: int | None
    """Expansion ratio of an inverted residual."""
    residual: bool
    """Whether a shortcut goes around it."""
    side_pixels: int
    """Side of its output; 1 behind the global pooling."""
    device: int
    """Place of its device in the chain."""


def drawn_blocks(segments: Any, resolution: int) -> tuple[DrawnBlock, ...]:
    """Turn a blueprint's segments into shapes.

    Args:
        segments: Sequence of sequences of blocks, one for each device, in order.
        resolution: Side of the input image in pixels.

    Returns:
        One shape for each block.
    """
    shapes = []
    side = resolution
    for device, segment in enumerate(segments):
        for block in segment:
            shape = _drawn(block, side, device)
            side = shape.side_pixels
            shapes.append(shape)
    return tuple(shapes)


def blocks_from_architecture_file(node: Node) -> tuple[int, tuple[DrawnBlock, ...]]:
    """The shapes of the network that `architecture.json` describes.

    Returns:
        Side of the input image in pixels, and the shapes.

    Raises:
        UserError: A key is missing, or the architecture is not of its space.
    """
    space = node["space"]
    classes = int(node["num_classes"].amount())
    return _blocks(space.value, node["architecture"].value, classes, node.source)


def blocks_from_summary(
    space_name: str, architecture: Mapping[str, Any], classes: int
) -> tuple[int, tuple[DrawnBlock, ...]]:
    """The shapes of a network of a preset space, for runs without `architecture.json`.

    Returns:
        Side of the input image in pixels, and the shapes.

    Raises:
        UserError: There is no such space, or the architecture is not of it.
    """
    return _blocks(space_name, architecture, classes, "summary.json")


def _blocks(space: Any, architecture: Any, classes: int, source: str) -> tuple[int, tuple[DrawnBlock, ...]]:
    if not isinstance(architecture, Mapping):
        raise UserError(f"{source}: architecture should be an object, received {type(architecture).__name__}")
    built = load_space(space) if isinstance(space, str) else space_from_dict(space, where=f"{source}: space")
    plan = blueprint(built, Architecture.from_dict(architecture), classes)
    return plan.resolution, drawn_blocks(plan.segments, plan.resolution)


def _drawn(block: Block, side: int, device: int) -> DrawnBlock:
    if isinstance(block, ClassifierBlock | PooledBlock):
        return DrawnBlock(
            name=block.name,
            shape="classifier",
            in_channels=block.in_channels,
            out_channels=block.classes if isinstance(block, ClassifierBlock) else block.out_channels,
            kernel=None,
            stride=1,
            expansion=None,
            residual=False,
            side_pixels=1,
            device=device,
        )
    if isinstance(block, ViewFuseBlock):
        return DrawnBlock(
            name=block.name,
            shape="fuse",
            in_channels=block.in_channels,
            out_channels=block.out_channels,
            kernel=None,
            stride=1,
            expansion=None,
            residual=False,
            side_pixels=side,
            device=device,
        )
    common = DrawnBlock(
        name=block.name,
        shape=_conv_shape(block.name),
        in_channels=block.in_channels,
        out_channels=block.out_channels,
        kernel=block.kernel,
        stride=block.stride,
        expansion=None,
        residual=False,
        side_pixels=math.ceil(side / block.stride),
        device=device,
    )
    if isinstance(block, ConvBlock):
        return common
    expansion = block.hidden // block.in_channels
    return dataclasses.replace(common, shape="mb", expansion=expansion, residual=block.residual)


def _conv_shape(name: str) -> str:
    for shape in ("reduce", "recover"):
        if name.startswith(f"{shape}_"):
            return shape
    return "conv"
