"""A network as data: tensors and the operations between them, in execution order.

Everything that the project computes without running a network (parameters, MACs, memory, latency, energy) is computed
on a `Graph`. Rows come from an architecture of a search space, a Keras model or a .tflite file; the formulas do not
care which. Nothing here imports TensorFlow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

__all__ = [
    "Graph",
    "Operation",
    "Tensor",
    "repetitions",
    "total_macs",
    "total_params",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tensor:
    """One activation tensor of a graph."""

    name: str
    """Name, unique in the graph; the name of the operation that makes it where that has one output."""

    shape: tuple[int, ...]
    """Shape without the batch dimension, channels last."""

    bits: int = 8
    """Bits of one element as it lies in memory."""

    @property
    def elements(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def size_bytes(self) -> int:
        """Bytes in memory, rounded up to whole bytes."""
        return -(-self.elements * self.bits // 8)


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """One operation of a graph; constants (weights) are counted here and are not tensors."""

    name: str
    """Name, unique in the graph."""

    kind: str
    """What it computes, such as `conv2d`, `batch_norm`, `activation`, `add`."""

    inputs: tuple[str, ...]
    """Names of the activation tensors that it reads."""

    outputs: tuple[str, ...]
    """Names of the tensors that it makes."""

    macs: int = 0
    """Multiply-accumulates; the paper counts convolutions and dense layers only."""

    params: int = 0
    """Trained parameters; gamma and beta of batch normalisation count, moving statistics do not."""

    kernel_elements: int = 0
    """Weights that an int8 file stores with one byte each."""

    bias_elements: int = 0
    """Biases that an int8 file stores with four bytes each."""

    constant_bytes: int = 0
    """Bytes of further constants that a file stores for it (axes, shapes, paddings, scales)."""

    scratch_bytes: int = 0
    """Temporary memory that TensorFlow Lite Micro's int8 reference kernel asks for while it runs."""

    function: str = ""
    """Activation function of an `activation`, or the one folded into another operation by the int8 lowering."""

    kernel_size: tuple[int, int] | None = None
    """Height and width of a convolution's or pooling's window."""

    strides: tuple[int, int] = (1, 1)
    """Vertical and horizontal stride."""

    padding: str = "same"
    """`same` or `valid`."""

    pads: tuple[tuple[int, int], tuple[int, int]] | None = None
    """Rows (top, bottom) and columns (left, right) that a `pad` adds."""

    groups: int = 1
    """Groups of a convolution; the number of input channels for a depthwise one."""

    views: int = 1
    """Number of views that a `view_fuse` brings together."""

    layer: str = ""
    """Layer of the source model that it comes from; a model can be cut only between layers. Empty: anywhere."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Graph:
    """Operations in an order in which they can run, and the tensors between them.

    Raises:
        ValueError: If an operation reads a tensor that does not exist yet, if two operations make the same tensor, or
            if a name is used twice.
    """

    name: str
    """Name of the network."""

    operations: tuple[Operation, ...]
    """Operations, each after those whose tensors it reads."""

    tensors: tuple[Tensor, ...]
    """Tensors, inputs first, then in the order in which they are made."""

    inputs: tuple[str, ...]
    """Names of the tensors that come from outside."""

    outputs: tuple[str, ...]
    """Names of the tensors that are the result."""

    _by_name: dict[str, Tensor] = field(init=False, repr=False, compare=False, hash=False)

    def __post_init__(self) -> None:
        """Indexes the tensors and checks order and names."""
        by_name = {tensor.name: tensor for tensor in self.tensors}
        if len(by_name) != len(self.tensors):
            raise ValueError(f"graph {self.name!r} has two tensors of one name")
        object.__setattr__(self, "_by_name", by_name)
        known = set(self.inputs)
        names: set[str] = set()
        for operation in self.operations:
            if operation.name in names:
                raise ValueError(f"graph {self.name!r} has two operations named {operation.name!r}")
            names.add(operation.name)
            for missing in (name for name in operation.inputs if name not in known):
                raise ValueError(f"operation {operation.name!r} reads {missing!r}, which nothing has made before it")
            for name in operation.outputs:
                if name in known:
                    raise ValueError(f"operation {operation.name!r} makes {name!r}, which exists already")
                known.add(name)
        for name in (*known, *self.outputs):
            if name not in by_name or name not in known:
                raise ValueError(f"graph {self.name!r} speaks of tensor {name!r} but does not describe or make it")

    def tensor(self, name: str) -> Tensor:
        """Returns the tensor of that name; KeyError if there is none."""
        return self._by_name[name]

    def consumers(self) -> dict[str, list[int]]:
        """Returns, for each tensor, the positions of the operations that read it, ascending."""
        readers: dict[str, list[int]] = {tensor.name: [] for tensor in self.tensors}
        for position, operation in enumerate(self.operations):
            for name in dict.fromkeys(operation.inputs):
                readers[name].append(position)
        return readers


def repetitions(graph: Graph, views: int = 1) -> tuple[int, ...]:
    """Returns how often each operation runs for one answer on a device that serves all views.

    Args:
        graph: The network or its tail.
        views: Number of views of one answer.

    Returns:
        `views` for what precedes a `view_fuse` operation (for all where there is none), 1 for it and what follows.
    """
    fusion = next((i for i, op in enumerate(graph.operations) if op.kind == "view_fuse"), len(graph.operations))
    return tuple(views if i < fusion else 1 for i in range(len(graph.operations)))


def total_macs(graph: Graph, views: int = 1) -> int:
    """Returns the multiply-accumulates of the whole graph; what precedes the fusion of views counts for each view."""
    return sum(op.macs * times for op, times in zip(graph.operations, repetitions(graph, views), strict=True))


def total_params(graph: Graph) -> int:
    """Returns the trained parameters of the whole graph, batch normalisation's gamma and beta included."""
    return sum(operation.params for operation in graph.operations)
