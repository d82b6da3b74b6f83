"""What each Keras layer becomes in a `Graph`.

Layers are told by the name of their class, so Keras 3 and tf_keras, layers and the operations that Keras 3 makes of
`x * y`, are read alike and neither framework is imported here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from splitnets_tf.errors import UserError
from splitnets_tf.hardware import GraphBuilder

__all__ = ["LayerCall", "read_call", "supported_layers"]


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerCall:
    """One call of a layer."""

    builder: GraphBuilder
    """Where its operations go."""

    layer: Any
    """The layer (or the operation of Keras 3)."""

    name: str
    """Name for its first operation, unique in the graph."""

    inputs: tuple[str, ...]
    """Graph tensors that it is called on."""

    shape: tuple[int, ...]
    """Shape of its output, without the batch."""

    counts_params: bool
    """False from the second call of a shared layer on: its weights lie in memory once."""

    def emit(self, kind: str, *, name: str = "", inputs: Sequence[str] = (), **attributes: Any) -> str:
        """Adds one operation with the call's name, inputs and shape where no others are given."""
        shape = attributes.pop("shape", self.shape)
        if not self.counts_params:
            attributes["params"] = 0
        return self.builder.operation(name or self.name, kind, tuple(inputs) or self.inputs, shape, **attributes)

    def attribute(self, name: str, default: Any = None) -> Any:
        """Returns an attribute of the layer."""
        return getattr(self.layer, name, default)


Handler = Callable[[LayerCall], str]

NOTHING_AT_INFERENCE = (
    "ActivityRegularization",
    "AlphaDropout",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "SpatialDropout2D",
    "StochasticDepth",
)
FUNCTIONS = {"silu": "swish", "hard_silu": "hard_swish"}
ELEMENTWISE = {
    "Add": "add",
    "Subtract": "subtract",
    "Multiply": "multiply",
    "Average": "average",
    "Maximum": "maximum",
    "Minimum": "minimum",
    "Divide": "divide",
    "TrueDivide": "divide",
    "CustomScaleLayer": "add",
    "Rescaling": "scale",
    "Normalization": "scale",
}
FUNCTION_LAYERS = {
    "ELU": "elu",
    "Elu": "elu",
    "Gelu": "gelu",
    "HardSigmoid": "hard_sigmoid",
    "HardSilu": "hard_swish",
    "LeakyRelu": "leaky_relu",
    "LeakyReLU": "leaky_relu",
    "Relu": "relu",
    "Relu6": "relu6",
    "Sigmoid": "sigmoid",
    "Silu": "swish",
    "Softmax": "softmax",
    "Softplus": "softplus",
    "Tanh": "tanh",
}
SHAPES = {
    "Concatenate": "concat",
    "Cropping2D": "crop",
    "Flatten": "reshape",
    "Permute": "transpose",
    "Reshape": "reshape",
    "Transpose": "transpose",
    "UpSampling2D": "resize",
    "Resizing": "resize",
}
GLOBAL_POOLS = {"GlobalAveragePooling2D": "global_average_pool", "GlobalMaxPooling2D": "global_max_pool"}
POOLS = {"AveragePooling2D": "average_pool", "MaxPooling2D": "max_pool"}
NORMS = {
    "BatchNormalization": "batch_norm",
    "SyncBatchNormalization": "batch_norm",
    "LayerNormalization": "layer_norm",
    "GroupNormalization": "group_norm",
}


def supported_layers() -> tuple[str, ...]:
    """Returns the names of the layer classes that can be read."""
    return tuple(sorted({*_HANDLERS, *NOTHING_AT_INFERENCE}))


def read_call(call: LayerCall) -> str:
    """Adds the operations of one layer call.

    Args:
        call: The call.

    Returns:
        The graph tensor that it makes; the input itself where the layer does nothing at inference.

    Raises:
        UserError: If the layer is not supported; the message names it.
    """
    kind = type(call.layer).__name__
    if call.attribute("data_format") == "channels_first":
        raise UserError(f"layer {call.name!r} works on channels_first data; rebuild the model with channels_last")
    if kind in NOTHING_AT_INFERENCE:
        return call.inputs[0]
    handler = _HANDLERS.get(kind)
    if handler is None:
        raise UserError(
            f"layer {call.name!r} of class {kind} is not supported; replace it by supported ones: "
            f"{', '.join(supported_layers())}"
        )
    return handler(call)


def _weights(call: LayerCall, *names: str) -> tuple[int, ...]:
    for name in names:
        weight = call.attribute(name)
        if weight is not None:
            return tuple(int(size) for size in weight.shape)
    raise UserError(f"layer {call.name!r} has no weights yet; build the model before it is read")


def _convolution(kind: str) -> Handler:
    def read(call: LayerCall) -> str:
        # tf_keras and Keras 3 name the kernel of a depthwise convolution differently.
        kernel = _weights(call, "depthwise_kernel", "kernel")
        bias = call.shape[-1] if call.attribute("use_bias") else 0
        weights = math.prod(kernel)
        area = call.builder.shape(call.inputs[0]) if kind == "conv2d_transpose" else call.shape
        channels = call.builder.shape(call.inputs[0])[-1]
        groups = channels if kind == "depthwise_conv2d" else int(call.attribute("groups", 1) or 1)
        x = call.emit(
            kind,
            macs=weights * area[0] * area[1],
            params=weights + bias,
            kernel_elements=weights,
            bias_elements=bias,
            kernel_size=kernel[:2],
            strides=tuple(call.attribute("strides")),
            padding=call.attribute("padding"),
            groups=groups,
        )
        return _activation(call, x)

    return read


def _separable(call: LayerCall) -> str:
    depthwise = _weights(call, "depthwise_kernel")
    pointwise = _weights(call, "pointwise_kernel")
    area = call.shape[0] * call.shape[1]
    channels = call.builder.shape(call.inputs[0])[-1]
    bias = call.shape[-1] if call.attribute("use_bias") else 0
    x = call.emit(
        "depthwise_conv2d",
        name=f"{call.name}/depthwise",
        shape=(*call.shape[:2], pointwise[2]),
        macs=math.prod(depthwise) * area,
        params=math.prod(depthwise),
        kernel_elements=math.prod(depthwise),
        kernel_size=depthwise[:2],
        strides=tuple(call.attribute("strides")),
        padding=call.attribute("padding"),
        groups=channels,
    )
    x = call.emit(
        "conv2d",
        inputs=(x,),
        macs=math.prod(pointwise) * area,
        params=math.prod(pointwise) + bias,
        kernel_elements=math.prod(pointwise),
        bias_elements=bias,
        kernel_size=(1, 1),
    )
    return _activation(call, x)


def _dense(call: LayerCall) -> str:
    weights = math.prod(_weights(call, "kernel"))
    bias = call.shape[-1] if call.attribute("use_bias") else 0
    x = call.emit(
        "dense",
        macs=weights * math.prod(call.shape[:-1]),
        params=weights + bias,
        kernel_elements=weights,
        bias_elements=bias,
    )
    return _activation(call, x)


def _norm(kind: str) -> Handler:
    def read(call: LayerCall) -> str:
        trained = (call.attribute(name) for name in ("gamma", "beta"))
        return call.emit(kind, params=sum(math.prod(weight.shape) for weight in trained if weight is not None))

    return read


def _layer_scale(call: LayerCall) -> str:
    return call.emit("multiply", params=math.prod(call.attribute("gamma").shape))


def _prelu(call: LayerCall) -> str:
    return call.emit("activation", function="prelu", params=math.prod(_weights(call, "alpha")))


def _relu_layer(call: LayerCall) -> str:
    limit, slope = call.attribute("max_value"), call.attribute("negative_slope", 0)
    plain = not call.attribute("threshold", 0) and not slope
    function = "relu6" if plain and limit == 6 else "relu" if plain and limit is None else "clipped_relu"
    return call.emit("activation", function=function)


def _activation_layer(call: LayerCall) -> str:
    function = _function_name(call.attribute("activation"))
    return call.inputs[0] if function == "linear" else call.emit("activation", function=function)


def _activation(call: LayerCall, x: str) -> str:
    function = _function_name(call.attribute("activation"))
    if function == "linear":
        return x
    return call.builder.operation(
        f"{call.name}/{function}", "activation", (x,), call.builder.shape(x), function=function
    )


def _function_name(activation: Any) -> str:
    name = "linear" if activation is None else getattr(activation, "__name__", type(activation).__name__.lower())
    return FUNCTIONS.get(name, name)


def _function_layer(function: str) -> Handler:
    return lambda call: call.emit("activation", function=function)


def _plain(kind: str) -> Handler:
    return lambda call: call.emit(kind)


def _zero_padding(call: LayerCall) -> str:
    (top, bottom), (left, right) = call.attribute("padding")
    return call.emit("pad", pads=((top, bottom), (left, right)))


def _pool(kind: str) -> Handler:
    def read(call: LayerCall) -> str:
        return call.emit(
            kind,
            kernel_size=tuple(call.attribute("pool_size")),
            strides=tuple(call.attribute("strides")),
            padding=call.attribute("padding"),
        )

    return read


_HANDLERS: dict[str, Handler] = {
    "Activation": _activation_layer,
    "Conv2D": _convolution("conv2d"),
    "Conv2DTranspose": _convolution("conv2d_transpose"),
    "Dense": _dense,
    "DepthwiseConv2D": _convolution("depthwise_conv2d"),
    "LayerScale": _layer_scale,
    "PReLU": _prelu,
    "ReLU": _relu_layer,
    "SeparableConv2D": _separable,
    "ZeroPadding2D": _zero_padding,
    **{name: _function_layer(function) for name, function in FUNCTION_LAYERS.items()},
    **{name: _plain(kind) for name, kind in {**ELEMENTWISE, **SHAPES, **GLOBAL_POOLS}.items()},
    **{name: _pool(kind) for name, kind in POOLS.items()},
    **{name: _norm(kind) for name, kind in NORMS.items()},
}
