"""The int8 lowering of a graph: what the TFLite converter makes of a network.

Batch normalisation disappears into the convolution before it, relu and relu6 into the operation before them, zero
padding into the convolution behind it where that then equals `same` padding; swish becomes a sigmoid and a product. The
result is what runs on the device, so memory on the device is computed on it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

from splitnets_tf.hardware.graph import Graph, Operation

__all__ = ["concatenation_groups", "fuse_int8"]

WEIGHTED = frozenset({"conv2d", "depthwise_conv2d", "conv2d_transpose", "dense"})
PADDED = frozenset({"conv2d", "depthwise_conv2d"})
TAKES_ACTIVATION = WEIGHTED | {"add", "multiply", "average_pool", "max_pool"}
FUSED_FUNCTIONS = frozenset({"relu", "relu6", "relu_n1_to_1"})
AXES_BYTES = 8
"""Two int32 axes of a mean over height and width."""
MOST_CONCATENATED = 10
"""Tensors that TensorFlow Lite Micro's concatenation takes at most (its `kMaxInputNum`)."""


def concatenation_groups(count: int) -> list[slice]:
    """The even groups in which many views are concatenated first; one group where TensorFlow Lite Micro takes all."""
    groups = -(-count // MOST_CONCATENATED)
    bounds = [count * group // groups for group in range(groups + 1)]
    return [slice(start, end) for start, end in pairwise(bounds)]


def fuse_int8(graph: Graph) -> Graph:
    """Lowers a graph to the operations of its int8 TFLite file.

    Args:
        graph: The network as designed: batch normalisation and activation are operations of their own.

    Returns:
        The lowered graph. A folded operation's tensor keeps the name of the last operation folded into it, so results
        and cut tensors keep their names. MACs are unchanged; `params` counts what is left after folding.
    """
    return _Fuser(graph).run()


class _Fuser:
    """Walks the operations once; an operation is folded into its maker if it is that tensor's only reader."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.operations: list[Operation] = []
        self.maker: dict[str, int] = {}
        self.alias: dict[str, str] = {}
        self.tensors = {tensor.name: tensor for tensor in graph.tensors}
        self.inputs = list(graph.inputs)
        self.readers = {name: len(positions) for name, positions in graph.consumers().items()}
        for name in graph.outputs:
            self.readers[name] += 1

    def run(self) -> Graph:
        lower: dict[str, Callable[[Operation], None]] = {
            "batch_norm": self.batch_norm,
            "activation": self.activation,
            "global_average_pool": self.global_average_pool,
            "identity": self.drop,
            "reshape": self.reshape,
            "view_fuse": self.view_fuse,
            **dict.fromkeys(WEIGHTED, self.weighted),
        }
        for operation in self.graph.operations:
            inputs = tuple(self.alias.get(name, name) for name in operation.inputs)
            if inputs != operation.inputs:
                operation = replace(operation, inputs=inputs)
            lower.get(operation.kind, self.emit)(operation)
        made = [*self.inputs, *(name for operation in self.operations for name in operation.outputs)]
        return Graph(
            name=self.graph.name,
            operations=tuple(self.operations),
            tensors=tuple(self.tensors[name] for name in made),
            inputs=tuple(self.inputs),
            outputs=tuple(self.alias.get(name, name) for name in self.graph.outputs),
        )

    def emit(self, operation: Operation) -> None:
        for name in operation.outputs:
            self.maker[name] = len(self.operations)
        self.operations.append(operation)

    def emit_before(self, operation: Operation, suffix: str, **changes: Any) -> str:
        """Emits a step on the way to an operation's result and returns its tensor, shaped like that result."""
        name = f"{operation.name}/{suffix}"
        self.tensors[name] = replace(self.tensors[operation.outputs[0]], name=name)
        self.readers[name] = 1
        self.emit(replace(operation, name=name, outputs=(name,), **changes))
        return name

    def drop(self, operation: Operation) -> None:
        source = operation.inputs[0]
        self.alias[operation.outputs[0]] = source
        self.readers[source] += self.readers[operation.outputs[0]] - 1

    def foldable(self, operation: Operation, kinds: frozenset[str]) -> Operation | None:
        source = operation.inputs[0]
        if self.readers[source] != 1 or source not in self.maker:
            return None
        maker = self.operations[self.maker[source]]
        return maker if maker.kind in kinds and not maker.function else None

    def fold(self, operation: Operation, maker: Operation, **changes: Any) -> None:
        position = self.maker.pop(operation.inputs[0])
        self.operations[position] = replace(maker, outputs=operation.outputs, **changes)
        self.maker[operation.outputs[0]] = position

    def weighted(self, operation: Operation) -> None:
        # A TFLite convolution always carries a bias; a dense layer only where the network has one.
        channels = self.tensors[operation.outputs[0]].shape[-1]
        bias = operation.bias_elements or (0 if operation.kind == "dense" else channels)
        operation = replace(operation, bias_elements=bias, params=operation.kernel_elements + bias)
        pad = self.foldable(operation, frozenset({"pad"})) if operation.kind in PADDED else None
        if pad is not None and self.padding_is_same(pad, operation):
            position = self.maker.pop(operation.inputs[0])
            del self.operations[position]
            self.maker = {name: at - (at > position) for name, at in self.maker.items()}
            operation = replace(operation, inputs=pad.inputs, padding="same")
        self.emit(operation)

    def padding_is_same(self, pad: Operation, operation: Operation) -> bool:
        if operation.padding != "valid" or operation.kernel_size is None or pad.pads is None:
            return False
        sizes = self.tensors[pad.inputs[0]].shape[:2]
        for size, kernel, stride, given in zip(sizes, operation.kernel_size, operation.strides, pad.pads, strict=True):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            if given != (total // 2, total - total // 2):
                return False
        return True

    def batch_norm(self, operation: Operation) -> None:
        maker = self.foldable(operation, WEIGHTED)
        channels = self.tensors[operation.outputs[0]].shape[-1]
        if maker is not None:
            self.fold(operation, maker, bias_elements=channels, params=maker.kernel_elements + channels)
            return
        scaled = self.emit_before(operation, "scale", kind="multiply", params=channels, constant_bytes=channels)
        self.emit(replace(operation, kind="add", inputs=(scaled,), params=channels, constant_bytes=channels))

    def activation(self, operation: Operation) -> None:
        maker = self.foldable(operation, TAKES_ACTIVATION)
        if operation.function == "linear":
            self.drop(operation)
        elif operation.function in FUSED_FUNCTIONS and maker is not None:
            self.fold(operation, maker, function=operation.function)
        elif operation.function == "swish":
            gate = self.emit_before(operation, "sigmoid", function="sigmoid")
            self.emit(replace(operation, kind="multiply", inputs=(operation.inputs[0], gate), function=""))
        elif operation.function == "hard_sigmoid":
            self.hard_sigmoid(operation)
        else:
            self.emit(operation)

    def hard_sigmoid(self, operation: Operation) -> None:
        """Lowers relu6(x + 3) / 6: the summand goes into a convolution's bias, the factor stays a product."""
        maker = self.foldable(operation, WEIGHTED)
        if maker is not None:
            clipped = f"{operation.name}/relu6"
            self.tensors[clipped] = replace(self.tensors[operation.outputs[0]], name=clipped)
            self.readers[clipped] = 1
            self.fold(replace(operation, outputs=(clipped,)), maker, function="relu6")
        else:
            clipped = self.emit_before(operation, "relu6", kind="add", function="relu6", constant_bytes=1)
        self.emit(replace(operation, kind="multiply", inputs=(clipped,), function="", constant_bytes=1))

    def global_average_pool(self, operation: Operation) -> None:
        # The int8 mean kernel accumulates in one int32 for each output element.
        elements = self.tensors[operation.outputs[0]].elements
        # All means of a file share the constant that names their axes.
        first = all(other.kind != "global_average_pool" for other in self.operations)
        self.emit(replace(operation, scratch_bytes=4 * elements, constant_bytes=AXES_BYTES if first else 0))

    def view_fuse(self, operation: Operation) -> None:
        """A device that receives the views' tensors has one input for each of them."""
        source = operation.inputs[0]
        if source not in self.inputs:
            self.emit(operation)
            return
        names = tuple(f"{source}/view_{view}" for view in range(operation.views))
        self.tensors |= {name: replace(self.tensors[source], name=name) for name in names}
        place = self.inputs.index(source)
        self.inputs[place : place + 1] = names
        while operation.function == "concat" and len(names) > MOST_CONCATENATED:
            names = tuple(self.joined(operation, names[group]) for group in concatenation_groups(len(names)))
        self.emit(replace(operation, inputs=names))

    def joined(self, operation: Operation, names: tuple[str, ...]) -> str:
        """Emits the concatenation of some of the views and returns its tensor."""
        parts = [self.tensors[name].shape for name in names]
        made = f"{names[0]}-{names[-1].rpartition('/')[2]}"
        shape = (*parts[0][:-1], sum(part[-1] for part in parts))
        self.tensors[made] = replace(self.tensors[names[0]], name=made, shape=shape)
        self.emit(replace(operation, name=made, kind="concat", inputs=names, outputs=(made,), views=1, function=""))
        return made

    def reshape(self, operation: Operation) -> None:
        # The converter makes a mean that keeps its axes of one that is reshaped to 1 x 1 x channels.
        maker = self.foldable(operation, frozenset({"global_average_pool"}))
        shape = self.tensors[operation.outputs[0]].shape
        if maker is not None and shape[:-1] == (1, 1):
            self.fold(operation, maker)
        else:
            self.emit(operation)
