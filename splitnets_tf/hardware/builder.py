"""Builds a `Graph` layer by layer, computing shapes, parameters and MACs on the way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from splitnets_tf.hardware.graph import Graph, Operation, Tensor

__all__ = ["GraphBuilder"]

Pair = int | tuple[int, int]


class GraphBuilder:
    """A single-assignment builder: every call adds one operation and returns the name of its output tensor.

    The output tensor has the name of the operation. Shapes are channels last, without the batch.

    Example:
        builder = GraphBuilder("tiny")
        x = builder.input("image", (32, 32, 3))
        x = builder.conv2d("conv", x, 8, 3, strides=2)
        x = builder.batch_norm("bn", x)
        graph = builder.build([builder.activation("act", x, "relu")])
    """

    def __init__(self, name: str) -> None:
        """Starts an empty graph.

        Args:
            name: Name of the network.
        """
        self._name = name
        self._tensors: dict[str, Tensor] = {}
        self._inputs: list[str] = []
        self._operations: list[Operation] = []
        self.layer = ""

    def shape(self, tensor: str) -> tuple[int, ...]:
        """Returns the shape of a tensor that was made before."""
        return self._tensors[tensor].shape

    def input(self, name: str, shape: Sequence[int]) -> str:
        """Declares a tensor that comes from outside; it is no operation."""
        self._add_tensor(name, tuple(shape))
        self._inputs.append(name)
        return name

    def operation(self, name: str, kind: str, inputs: Sequence[str], shape: Sequence[int], **attributes: Any) -> str:
        """Adds an operation of any kind with one output.

        Args:
            name: Name of the operation and of its output tensor.
            kind: Kind of the operation.
            inputs: Names of the tensors it reads.
            shape: Shape of its output, without the batch.
            **attributes: Further fields of `Operation`.

        Returns:
            The name of the output tensor.
        """
        self._add_tensor(name, tuple(shape))
        operation = Operation(
            name=name, kind=kind, inputs=tuple(inputs), outputs=(name,), layer=self.layer, **attributes
        )
        self._operations.append(operation)
        return name

    def conv2d(
        self,
        name: str,
        x: str,
        filters: int,
        kernel_size: Pair,
        strides: Pair = 1,
        padding: str = "same",
        groups: int = 1,
        use_bias: bool = False,
        dilation: Pair = 1,
        *,
        where: bool = True,
    ) -> str:
        """Adds a (grouped) two-dimensional convolution; where `where` is false, nothing, and returns its input."""
        if not where:
            return x
        height, width, channels = self.shape(x)
        kernel, steps = _pair(kernel_size), _pair(strides)
        out = tuple(
            _window(size, k, s, padding, d)
            for size, k, s, d in zip((height, width), kernel, steps, _pair(dilation), strict=True)
        )
        weights = math.prod(kernel) * channels // groups * filters
        return self._weighted(
            name,
            "conv2d",
            x,
            (*out, filters),
            weights,
            filters if use_bias else 0,
            macs=weights * math.prod(out),
            kernel_size=kernel,
            strides=steps,
            padding=padding,
            groups=groups,
        )

    def depthwise_conv2d(
        self,
        name: str,
        x: str,
        kernel_size: Pair,
        strides: Pair = 1,
        padding: str = "same",
        use_bias: bool = False,
        multiplier: int = 1,
        dilation: Pair = 1,
    ) -> str:
        """Adds a depthwise convolution."""
        channels = self.shape(x)[-1]
        self.conv2d(name, x, channels * multiplier, kernel_size, strides, padding, channels, use_bias, dilation)
        self._operations[-1] = replace(self._operations[-1], kind="depthwise_conv2d")
        return name

    def conv2d_transpose(
        self,
        name: str,
        x: str,
        filters: int,
        kernel_size: Pair,
        strides: Pair = 1,
        padding: str = "same",
        use_bias: bool = False,
    ) -> str:
        """Adds a transposed convolution; MACs are those of the convolution that it transposes."""
        height, width, channels = self.shape(x)
        kernel, steps = _pair(kernel_size), _pair(strides)
        out = tuple(
            size * s if padding == "same" else size * s + max(k - s, 0)
            for size, k, s in zip((height, width), kernel, steps, strict=True)
        )
        weights = math.prod(kernel) * channels * filters
        return self._weighted(
            name,
            "conv2d_transpose",
            x,
            (*out, filters),
            weights,
            filters if use_bias else 0,
            macs=weights * height * width,
            kernel_size=kernel,
            strides=steps,
            padding=padding,
        )

    def dense(self, name: str, x: str, units: int, use_bias: bool = True) -> str:
        """Adds a dense layer over the last axis."""
        *lead, features = self.shape(x)
        weights = features * units
        bias = units if use_bias else 0
        return self._weighted(name, "dense", x, (*lead, units), weights, bias, macs=weights * math.prod(lead))

    def batch_norm(self, name: str, x: str) -> str:
        """Adds a batch normalisation with gamma and beta."""
        return self.operation(name, "batch_norm", (x,), self.shape(x), params=2 * self.shape(x)[-1])

    def activation(self, name: str, x: str, kind: str) -> str:
        """Adds an activation function (`relu`, `relu6`, `swish`, `hard_swish`, `sigmoid`, ...)."""
        return self.operation(name, "activation", (x,), self.shape(x), function=kind)

    def add(self, name: str, a: str, b: str) -> str:
        """Adds an element-wise sum (with broadcasting)."""
        return self.operation(name, "add", (a, b), _broadcast(self.shape(a), self.shape(b)))

    def multiply(self, name: str, a: str, b: str) -> str:
        """Adds an element-wise product (with broadcasting)."""
        return self.operation(name, "multiply", (a, b), _broadcast(self.shape(a), self.shape(b)))

    def concat(self, name: str, xs: Sequence[str]) -> str:
        """Concatenates tensors over the channels."""
        shape = self.shape(xs[0])
        return self.operation(name, "concat", xs, (*shape[:-1], sum(self.shape(x)[-1] for x in xs)))

    def view_fuse(self, name: str, x: str, views: int, how: str = "concat") -> str:
        """Fuses `views` copies of one view's tensor: what comes before runs once a view, what follows runs once.

        Args:
            name: Name of the operation.
            x: Tensor of one view.
            views: Number of views.
            how: `concat` (over the channels), `mean`, `max` or `sum`.

        Returns:
            The name of the fused tensor.
        """
        *lead, channels = self.shape(x)
        fused = channels * views if how == "concat" else channels
        return self.operation(name, "view_fuse", (x,), (*lead, fused), function=how, views=views)

    def pool(
        self, name: str, x: str, kind: str, pool_size: Pair, strides: Pair | None = None, padding: str = "valid"
    ) -> str:
        """Adds a `max_pool` or `average_pool`; strides default to the window."""
        height, width, channels = self.shape(x)
        kernel = _pair(pool_size)
        steps = kernel if strides is None else _pair(strides)
        out = (_window(height, kernel[0], steps[0], padding), _window(width, kernel[1], steps[1], padding))
        return self.operation(name, kind, (x,), (*out, channels), kernel_size=kernel, strides=steps, padding=padding)

    def global_average_pool(self, name: str, x: str, keepdims: bool = False) -> str:
        """Averages over height and width."""
        channels = self.shape(x)[-1]
        shape = (1, 1, channels) if keepdims else (channels,)
        return self.operation(name, "global_average_pool", (x,), shape)

    def pad(self, name: str, x: str, padding: tuple[tuple[int, int], tuple[int, int]]) -> str:
        """Adds zero padding ((top, bottom), (left, right))."""
        height, width, channels = self.shape(x)
        shape = (height + sum(padding[0]), width + sum(padding[1]), channels)
        return self.operation(name, "pad", (x,), shape, pads=padding)

    def reshape(self, name: str, x: str, shape: Sequence[int]) -> str:
        """Gives a tensor another shape."""
        if math.prod(shape) != math.prod(self.shape(x)):
            raise ValueError(f"reshape {name!r}: {self.shape(x)} and {tuple(shape)} differ in their number of elements")
        return self.operation(name, "reshape", (x,), shape)

    def build(self, outputs: Sequence[str]) -> Graph:
        """Returns the finished graph with these result tensors."""
        return Graph(
            name=self._name,
            operations=tuple(self._operations),
            tensors=tuple(self._tensors.values()),
            inputs=tuple(self._inputs),
            outputs=tuple(outputs),
        )

    def _weighted(
        self, name: str, kind: str, x: str, shape: tuple[int, ...], weights: int, bias: int, **attributes: Any
    ) -> str:
        return self.operation(
            name,
            kind,
            (x,),
            shape,
            params=weights + bias,
            kernel_elements=weights,
            bias_elements=bias,
            **attributes,
        )

    def _add_tensor(self, name: str, shape: tuple[int, ...]) -> None:
        if name in self._tensors:
            raise ValueError(f"graph {self._name!r} has a tensor {name!r} already")
        if any(size < 1 for size in shape):
            raise ValueError(f"tensor {name!r} of graph {self._name!r} would have the empty shape {shape}")
        self._tensors[name] = Tensor(name=name, shape=shape)


def _pair(value: Pair) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


def _window(size: int, kernel: int, stride: int, padding: str, dilation: int = 1) -> int:
    if padding not in ("same", "valid"):
        raise ValueError(f"padding is 'same' or 'valid', not {padding!r}")
    reach = (kernel - 1) * dilation + 1
    return -(-size // stride) if padding == "same" else (size - reach) // stride + 1


def _broadcast(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    if len(a) != len(b):
        raise ValueError(f"shapes {a} and {b} differ in rank")
    if any(x != y and 1 not in (x, y) for x, y in zip(a, b, strict=True)):
        raise ValueError(f"shapes {a} and {b} do not fit together")
    return tuple(max(x, y) for x, y in zip(a, b, strict=True))
