"""A `Graph` -> the Keras model that computes it: what the cost model prices can then be trained."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from splitnets_tf.errors import UserError
from splitnets_tf.hardware import Graph, Operation

__all__ = ["build_keras_model"]

MOMENTUM = 0.9
"""Of the normalisation's moving statistics, as in all other networks of the project."""


def build_keras_model(graph: Graph) -> Any:
    """Build a graph as a Keras 3 model with fresh weights; layers have the operations' names.

    Args:
        graph: One input; operations of the kinds that `build_backbone` makes for networks of square kernels.

    Returns:
        Functional model from the input `[batch, height, width, channels]`, or with a `view_fuse` among the operations
        from `[batch, views, height, width, channels]`, to the only output.

    Raises:
        UserError: An operation is of another kind.
    """
    import keras

    from splitnets_tf.layers import fold_views

    fusion = next((operation for operation in graph.operations if operation.kind == "view_fuse"), None)
    (source,) = graph.inputs
    shape = graph.tensor(source).shape
    image = keras.Input(shape if fusion is None else (fusion.views, *shape), name=source)
    tensors = {source: image}
    if fusion is not None:
        tensors[source] = keras.layers.Lambda(fold_views, output_shape=shape, name="fold")(image)
    for operation in graph.operations:
        if operation.kind not in _LAYERS:
            raise UserError(
                f"{graph.name}: {operation.name!r} is of the kind {operation.kind!r}, which no layer is for"
            )
        layer = _LAYERS[operation.kind](keras, graph, operation)
        inputs = [tensors[name] for name in operation.inputs]
        tensors[operation.name] = layer(inputs if len(inputs) > 1 else inputs[0])
    (result,) = graph.outputs
    return keras.Model(image, tensors[result], name=graph.name.replace(".", "_").replace(" ", "_"))


def _channels(graph: Graph, operation: Operation) -> int:
    return graph.tensor(operation.outputs[0]).shape[-1]


def _convolution(keras: Any, graph: Graph, operation: Operation) -> Any:
    return keras.layers.Conv2D(
        _channels(graph, operation),
        operation.kernel_size,
        operation.strides,
        operation.padding,
        groups=operation.groups,
        use_bias=operation.bias_elements > 0,
        name=operation.name,
    )


def _depthwise(keras: Any, graph: Graph, operation: Operation) -> Any:
    return keras.layers.DepthwiseConv2D(
        operation.kernel_size,
        operation.strides,
        operation.padding,
        use_bias=operation.bias_elements > 0,
        name=operation.name,
    )


def _dense(keras: Any, graph: Graph, operation: Operation) -> Any:
    return keras.layers.Dense(_channels(graph, operation), use_bias=operation.bias_elements > 0, name=operation.name)


def _normalization(keras: Any, graph: Graph, operation: Operation) -> Any:
    return keras.layers.BatchNormalization(momentum=MOMENTUM, name=operation.name)


def _activation(keras: Any, graph: Graph, operation: Operation) -> Any:
    if operation.function == "relu6":
        return keras.layers.ReLU(6.0, name=operation.name)
    return keras.layers.Activation(operation.function, name=operation.name)


def _global_pool(keras: Any, graph: Graph, operation: Operation) -> Any:
    keeps = len(graph.tensor(operation.outputs[0]).shape) > 1
    return keras.layers.GlobalAveragePooling2D(keepdims=keeps, name=operation.name)


def _pool(kind: str) -> Callable[[Any, Graph, Operation], Any]:
    def build(keras: Any, graph: Graph, operation: Operation) -> Any:
        pool = getattr(keras.layers, kind)
        return pool(operation.kernel_size, operation.strides, operation.padding, name=operation.name)

    return build


def _merge(kind: str) -> Callable[[Any, Graph, Operation], Any]:
    return lambda keras, graph, operation: getattr(keras.layers, kind)(name=operation.name)


def _reshape(keras: Any, graph: Graph, operation: Operation) -> Any:
    return keras.layers.Reshape(graph.tensor(operation.outputs[0]).shape, name=operation.name)


def _view_fusion(keras: Any, graph: Graph, operation: Operation) -> Any:
    from splitnets_tf.layers import fuse_views

    fuse = functools.partial(fuse_views, views=operation.views, how=operation.function)
    shape = graph.tensor(operation.outputs[0]).shape
    return keras.layers.Lambda(fuse, output_shape=shape, name=operation.name)


_LAYERS: dict[str, Callable[[Any, Graph, Operation], Any]] = {
    "activation": _activation,
    "add": _merge("Add"),
    "average_pool": _pool("AveragePooling2D"),
    "batch_norm": _normalization,
    "conv2d": _convolution,
    "dense": _dense,
    "depthwise_conv2d": _depthwise,
    "global_average_pool": _global_pool,
    "max_pool": _pool("MaxPooling2D"),
    "multiply": _merge("Multiply"),
    "reshape": _reshape,
    "view_fuse": _view_fusion,
}
