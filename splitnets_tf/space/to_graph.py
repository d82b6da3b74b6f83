"""Blocks -> operations, and an architecture -> `Graph` of operations, the form that the cost model prices."""

import dataclasses
from typing import Any, Protocol, TypeVar

from splitnets_tf.hardware import Graph, GraphBuilder
from splitnets_tf.space.architecture import Architecture
from splitnets_tf.space.blueprint import (
    Block,
    ClassifierBlock,
    ConvBlock,
    MBBlock,
    PooledBlock,
    SqueezeExcite,
    ViewFuseBlock,
    blueprint,
)
from splitnets_tf.space.search_space import SearchSpace

__all__ = ["ArchitectureGraph", "BlockBuilder", "add_block", "architecture_graph"]

T = TypeVar("T")
"""How a builder speaks of a tensor: by name, or by its sizes."""


class BlockBuilder(Protocol[T]):
    """The calls of `GraphBuilder` that blocks are made of; `PopulationBuilder` has them too.

    Sizes are integers, or arrays with one integer for each network of a population.
    """

    def shape(self, tensor: T, /) -> tuple[Any, ...]:
        """Height, width and channels of a tensor."""
        ...

    def conv2d(
        self,
        name: str,
        x: T,
        filters: Any,
        kernel_size: Any,
        strides: int = 1,
        *,
        use_bias: bool = False,
        where: Any = True,
    ) -> T:
        """A convolution; nothing where `where` is false."""
        ...

    def depthwise_conv2d(self, name: str, x: T, kernel_size: Any, strides: int = 1) -> T:
        """A depthwise convolution."""
        ...

    def dense(self, name: str, x: T, units: Any, use_bias: bool = True) -> T:
        """A dense layer."""
        ...

    def batch_norm(self, name: str, x: T) -> T:
        """A batch normalisation."""
        ...

    def activation(self, name: str, x: T, kind: str) -> T:
        """An activation function."""
        ...

    def add(self, name: str, a: T, b: T) -> T:
        """A sum."""
        ...

    def multiply(self, name: str, a: T, b: T) -> T:
        """A product with one factor for each channel."""
        ...

    def pool(self, name: str, x: T, kind: str, pool_size: int, *, padding: str) -> T:
        """A pooling whose stride is its window."""
        ...

    def view_fuse(self, name: str, x: T, views: int, how: str) -> T:
        """The tensors of several views become one."""
        ...

    def global_average_pool(self, name: str, x: T, keepdims: bool = False) -> T:
        """A mean over height and width."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ArchitectureGraph:
    """A network's operations and how many of them run on the sensor."""

    graph: Graph
    sensor_operations: int
    """The first so many operations (topological order) run on the sensor; 0 without a split."""


def architecture_graph(space: SearchSpace, architecture: Architecture, num_classes: int) -> ArchitectureGraph:
    """The unfused graph of an architecture, with names equal to the materialised network's layers.

    Raises:
        UserError: The architecture is not of this space.
        ValueError: The architecture has more than one splitting module.
    """
    split = architecture.split
    plan = blueprint(space, architecture, num_classes)
    builder = GraphBuilder("network")
    tensor = builder.input("image", (plan.resolution, plan.resolution, 3))
    last_on_sensor = None
    for index, segment in enumerate(plan.segments):
        for block in segment:
            tensor = add_block(builder, block, tensor)
        if split is not None and index == 0:
            last_on_sensor = tensor
    graph = builder.build((tensor,))
    names = [operation.name for operation in graph.operations]
    sensor_operations = 0 if last_on_sensor is None else names.index(last_on_sensor) + 1
    return ArchitectureGraph(graph=graph, sensor_operations=sensor_operations)


def add_block(builder: BlockBuilder[T], block: Block, x: T) -> T:
    """Add a block's operations behind a tensor; returns the block's output."""
    if isinstance(block, ConvBlock):
        return _conv_bn(builder, block.name, x, block.out_channels, block.kernel, block.stride, block.activation)
    if isinstance(block, MBBlock):
        return _mb_block(builder, block, x)
    if isinstance(block, ViewFuseBlock):
        return builder.view_fuse(block.name, x, block.views, block.how)
    if isinstance(block, PooledBlock):
        x = builder.global_average_pool(f"{block.name}_pool", x)
        x = builder.dense(block.name, x, block.out_channels, use_bias=False)
        return builder.activation(f"{block.name}_act", x, block.activation)
    if isinstance(block, ClassifierBlock):
        pooled = x if block.pooled else builder.global_average_pool(f"{block.name}_pool", x)
        return builder.dense(block.name, pooled, block.classes)
    raise TypeError(f"unknown block {type(block).__name__}")


def _conv_bn(
    builder: BlockBuilder[T], name: str, x: T, filters: int, kernel: int, stride: int, activation: str | None
) -> T:
    x = builder.conv2d(f"{name}_conv", x, filters, kernel, strides=stride)
    x = builder.batch_norm(f"{name}_bn", x)
    return builder.activation(f"{name}_act", x, activation) if activation else x


def _mb_block(builder: BlockBuilder[T], block: MBBlock, inputs: T) -> T:
    x = inputs
    if block.expand:
        x = _conv_bn(builder, f"{block.name}_expand", x, block.hidden, 1, 1, block.activation)
    x = builder.depthwise_conv2d(f"{block.name}_depthwise_conv", x, block.kernel, strides=block.stride)
    x = builder.batch_norm(f"{block.name}_depthwise_bn", x)
    x = builder.activation(f"{block.name}_depthwise_act", x, block.activation)
    if block.squeeze is not None:
        x = _squeeze_excite(builder, f"{block.name}_se", block.squeeze, x)
    x = _conv_bn(builder, f"{block.name}_project", x, block.out_channels, 1, 1, None)
    return builder.add(f"{block.name}_add", _shortcut(builder, block, inputs), x) if block.residual else x


def _squeeze_excite(builder: BlockBuilder[T], name: str, squeeze: SqueezeExcite, inputs: T) -> T:
    x = builder.global_average_pool(f"{name}_pool", inputs, keepdims=True)
    x = builder.conv2d(f"{name}_reduce", x, squeeze.channels, 1, use_bias=True)
    x = builder.activation(f"{name}_act", x, squeeze.activation)
    x = builder.conv2d(f"{name}_expand", x, builder.shape(inputs)[-1], 1, use_bias=True)
    x = builder.activation(f"{name}_gate", x, squeeze.gate)
    return builder.multiply(f"{name}_scale", inputs, x)


def _shortcut(builder: BlockBuilder[T], block: MBBlock, x: T) -> T:
    if block.stride == 2:
        x = builder.pool(f"{block.name}_shortcut_pool", x, "average_pool", 2, padding="same")
    other_width = block.in_channels != block.out_channels
    return builder.conv2d(f"{block.name}_shortcut_conv", x, block.out_channels, 1, where=other_width)
