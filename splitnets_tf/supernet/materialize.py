"""A sub-network as a plain functional model, in Keras 3 or in tf_keras.

The builder takes the Keras namespace as an argument: Keras 3 for fine-tuning, tf_keras for quantisation-aware training
and conversion, which accept nothing else. Weights travel as arrays by layer name.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from splitnets_tf.space import (
    Architecture,
    Block,
    Blueprint,
    ClassifierBlock,
    ConvBlock,
    MBBlock,
    PooledBlock,
    SqueezeExcite,
    ViewFuseBlock,
    blueprint,
)

__all__ = [
    "NetworkModels",
    "add_keras_block",
    "block_weights",
    "build_network",
    "fused",
    "get_network_weights",
    "load_network_weights",
    "save_network_weights",
    "set_network_weights",
    "subnetwork_weights",
]

Weights = dict[str, list[np.ndarray]]
"""Layer name -> the arrays of `layer.get_weights()`."""
BN_EPSILON = 1e-3


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class NetworkModels:
    """A network in one piece and, where it is split, its two halves; all share their layers."""

    whole: Any
    """Image `[batch, s, s, 3]` in [0, 1], or images `[batch, views, s, s, 3]`, -> logits `[batch, classes]`."""
    segments: tuple[Any, ...]
    """One model per segment: (whole,) without a split, (sensor, aggregator) with one. The sensor takes single views,
    the aggregator what is fused."""
    fusion: ViewFuseBlock | None = None
    """What lies between the two where there are several views."""


def build_network(keras: ModuleType, plan: Blueprint, *, dense_as_convolution: bool = False) -> NetworkModels:
    """Build the functional models of a blueprint with fresh weights.

    Args:
        keras: The module `keras` (version 3) or `tf_keras`.
        plan: The network, block by block; layer names are those of the cost model's operations.
        dense_as_convolution: Whether dense layers become 1x1 convolutions of the same name, kernel `[1, 1, in, out]`.
    """
    image_shape = (plan.resolution, plan.resolution, 3)
    shape: tuple[int, ...] = image_shape
    segments = []
    fusion = None
    for index, blocks in enumerate(plan.segments):
        if isinstance(blocks[0], ViewFuseBlock):
            fusion, blocks = blocks[0], blocks[1:]
            shape = (*shape[:2], fusion.out_channels)
        name = ("sensor", "aggregator")[index] if len(plan.segments) == 2 else f"segment_{index}"
        inputs = keras.Input(shape, name="image" if index == 0 else f"{name}_input")
        x = inputs
        for block in blocks:
            x = _add_block(keras, block, x, dense_as_convolution)
        segments.append(keras.Model(inputs, x, name=name))
        shape = tuple(int(size) for size in x.shape[1:])
    return NetworkModels(
        whole=segments[0] if len(segments) == 1 else _stitched(keras, segments, image_shape, fusion),
        segments=tuple(segments),
        fusion=fusion,
    )


def _stitched(
    keras: ModuleType, segments: Sequence[Any], image_shape: tuple[int, ...], fusion: ViewFuseBlock | None
) -> Any:
    """The segments one after the other as one model."""
    if fusion is None:
        x = image = keras.Input(image_shape, name="image")
        for segment in segments:
            x = segment(x)
        return keras.Model(image, x, name="network")
    from splitnets_tf.layers import fold_views

    sensor, aggregator = segments
    image = keras.Input((fusion.views, *image_shape), name="views")
    x = keras.layers.Lambda(fold_views, output_shape=image_shape, name="fold")(image)
    fuse = functools.partial(fused, fusion=fusion)
    x = keras.layers.Lambda(fuse, output_shape=aggregator.input_shape[1:], name=fusion.name)(sensor(x))
    return keras.Model(image, aggregator(x), name="network")


def fused(x: Any, fusion: ViewFuseBlock | None) -> Any:
    """What enters the aggregator of the sensor's output: all views of an object as one tensor."""
    if fusion is None:
        return x
    from splitnets_tf.layers import fuse_views

    return fuse_views(x, fusion.views, fusion.how)


def _add_block(keras: ModuleType, block: Block, x: Any, dense_as_convolution: bool) -> Any:
    if isinstance(block, ConvBlock):
        return _conv_bn(keras, block.name, x, block.out_channels, block.kernel, block.stride, block.activation)
    if isinstance(block, MBBlock):
        return _mb_block(keras, block, x)
    if isinstance(block, PooledBlock):
        x = keras.layers.GlobalAveragePooling2D(keepdims=dense_as_convolution, name=f"{block.name}_pool")(x)
        x = _dense(keras, block.name, x, block.out_channels, use_bias=False)
        return _activation(keras, block.activation, f"{block.name}_act")(x)
    if isinstance(block, ClassifierBlock):
        if not block.pooled:
            x = keras.layers.GlobalAveragePooling2D(keepdims=dense_as_convolution, name=f"{block.name}_pool")(x)
        x = _dense(keras, block.name, x, block.classes, use_bias=True)
        return keras.layers.Reshape((block.classes,), name="logits")(x) if dense_as_convolution else x
    raise TypeError(f"unknown block {type(block).__name__}")


def _dense(keras: ModuleType, name: str, x: Any, units: int, *, use_bias: bool) -> Any:
    """A dense layer; on `[batch, 1, 1, channels]` a convolution."""
    if len(x.shape) == 2:
        return keras.layers.Dense(units, use_bias=use_bias, name=name)(x)
    return keras.layers.Conv2D(units, 1, use_bias=use_bias, name=name)(x)


def _conv_bn(
    keras: ModuleType, name: str, x: Any, filters: int, kernel: int, stride: int, activation: str | None
) -> Any:
    x = keras.layers.Conv2D(filters, kernel, stride, "same", use_bias=False, name=f"{name}_conv")(x)
    x = keras.layers.BatchNormalization(epsilon=BN_EPSILON, momentum=0.9, name=f"{name}_bn")(x)
    return _activation(keras, activation, f"{name}_act")(x) if activation else x


def _activation(keras: ModuleType, name: str, layer_name: str) -> Any:
    if name == "relu6":
        return keras.layers.ReLU(6.0, name=layer_name)
    if name in ("hard_swish", "hard_sigmoid"):  # tf_keras has no hard-swish, and another function as hard_sigmoid
        from splitnets_tf import layers

        return keras.layers.Activation(getattr(layers, name), name=layer_name)
    return keras.layers.Activation(name, name=layer_name)


def _mb_block(keras: ModuleType, block: MBBlock, inputs: Any) -> Any:
    x = inputs
    if block.expand:
        x = _conv_bn(keras, f"{block.name}_expand", x, block.hidden, 1, 1, block.activation)
    x = keras.layers.DepthwiseConv2D(
        block.kernel, block.stride, "same", use_bias=False, name=f"{block.name}_depthwise_conv"
    )(x)
    x = keras.layers.BatchNormalization(epsilon=BN_EPSILON, momentum=0.9, name=f"{block.name}_depthwise_bn")(x)
    x = _activation(keras, block.activation, f"{block.name}_depthwise_act")(x)
    if block.squeeze is not None:
        x = _squeeze_excite(keras, f"{block.name}_se", block.squeeze, x)
    x = _conv_bn(keras, f"{block.name}_project", x, block.out_channels, 1, 1, None)
    return keras.layers.Add(name=f"{block.name}_add")([_shortcut(keras, block, inputs), x]) if block.residual else x


def _squeeze_excite(keras: ModuleType, name: str, squeeze: SqueezeExcite, inputs: Any) -> Any:
    x = keras.layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_pool")(inputs)
    x = keras.layers.Conv2D(squeeze.channels, 1, name=f"{name}_reduce")(x)
    x = _activation(keras, squeeze.activation, f"{name}_act")(x)
    x = keras.layers.Conv2D(inputs.shape[-1], 1, name=f"{name}_expand")(x)
    x = _activation(keras, squeeze.gate, f"{name}_gate")(x)
    return keras.layers.Multiply(name=f"{name}_scale")([inputs, x])


def _shortcut(keras: ModuleType, block: MBBlock, x: Any) -> Any:
    if block.stride == 2:
        x = keras.layers.AveragePooling2D(2, 2, "same", name=f"{block.name}_shortcut_pool")(x)
    if block.in_channels != block.out_channels:
        x = keras.layers.Conv2D(block.out_channels, 1, use_bias=False, name=f"{block.name}_shortcut_conv")(x)
    return x


def subnetwork_weights(supernet: Any, architecture: Architecture) -> Weights:
    """Slice one architecture's weights out of the supernet.

    The normalisation statistics are those of the last calibration: calibrate this architecture first.

    Args:
        supernet: A built `Supernet`.
        architecture: One of its space.
    """
    segments = blueprint(supernet.space, architecture, supernet.num_classes).segments
    weights: Weights = {}
    for index, blocks in enumerate(segments):
        layers = _trunk_layers(supernet, on_sensor=index == 0 and len(segments) > 1)
        for block in blocks:
            if not isinstance(block, ViewFuseBlock):
                weights |= _block_weights(supernet, layers, block)
    return weights


def _trunk_layers(supernet: Any, *, on_sensor: bool) -> dict[str, Any]:
    """Stem and blocks of one side, under the names that they have in a network."""
    shared = layers = [supernet.stem, *supernet.blocks]
    if on_sensor and supernet.separate_weights:
        layers = [supernet.sensor_stem or supernet.stem, *supernet.sensor_blocks]
    return {named.name: layer for named, layer in zip(shared, layers, strict=False)}


def _block_weights(supernet: Any, trunk: Mapping[str, Any], block: Block) -> Weights:
    if isinstance(block, MBBlock):
        return _mb_weights(trunk[block.name], block)
    if isinstance(block, ConvBlock):
        return _conv_weights(trunk.get(block.name) or _conv_layer(supernet, block.name), block)
    if isinstance(block, PooledBlock):
        return {block.name: [np.asarray(supernet.head.kernel)[: block.in_channels, : block.out_channels]]}
    kernel, bias = (np.asarray(v) for v in (supernet.classifier.kernel, supernet.classifier.bias))
    return {block.name: [kernel[: block.in_channels], bias]}


def _conv_layer(supernet: Any, name: str) -> Any:
    kind, _, phase = name.partition("_")
    if kind in ("reduce", "recover"):
        return getattr(supernet.splitting[int(phase)], kind)
    return getattr(supernet, name)


def _conv_weights(layer: Any, block: ConvBlock) -> Weights:
    kernel = np.asarray(layer.conv.sliced(block.in_channels // layer.conv.views, block.out_channels))
    return {f"{block.name}_conv": [kernel], f"{block.name}_bn": _bn_weights(layer.bn, block.out_channels)}


def _mb_weights(layer: Any, block: MBBlock) -> Weights:
    weights: Weights = {}
    if block.expand:
        kernel = np.asarray(layer.expand.conv.kernel)[:, :, : block.in_channels, : block.hidden]
        weights[f"{block.name}_expand_conv"] = [kernel]
        weights[f"{block.name}_expand_bn"] = _bn_weights(layer.expand.bn, block.hidden)
    start = (layer.max_kernel_size - block.kernel) // 2
    window = slice(start, start + block.kernel)
    weights[f"{block.name}_depthwise_conv"] = [np.asarray(layer.depthwise.kernel)[window, window, : block.hidden]]
    weights[f"{block.name}_depthwise_bn"] = _bn_weights(layer.depthwise_bn, block.hidden)
    if block.squeeze is not None:
        weights |= _squeeze_weights(layer.squeeze, f"{block.name}_se", block.hidden, block.squeeze.channels)
    kernel = np.asarray(layer.project.conv.kernel)[:, :, : block.hidden, : block.out_channels]
    weights[f"{block.name}_project_conv"] = [kernel]
    weights[f"{block.name}_project_bn"] = _bn_weights(layer.project.bn, block.out_channels)
    if block.residual and block.in_channels != block.out_channels:
        kernel = np.asarray(layer.shortcut.kernel)[:, :, : block.in_channels, : block.out_channels]
        weights[f"{block.name}_shortcut_conv"] = [kernel]
    return weights


def _squeeze_weights(layer: Any, name: str, wide: int, narrow: int) -> Weights:
    """Dense kernels as those of 1x1 convolutions."""
    reduce_kernel = np.asarray(layer.reduce_kernel)[None, None, :wide, :narrow]
    expand_kernel = np.asarray(layer.expand_kernel)[None, None, :narrow, :wide]
    return {
        f"{name}_reduce": [reduce_kernel, np.asarray(layer.reduce_bias)[:narrow]],
        f"{name}_expand": [expand_kernel, np.asarray(layer.expand_bias)[:wide]],
    }


def _bn_weights(layer: Any, channels: int) -> list[np.ndarray]:
    variables = (layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance)
    return [np.asarray(variable)[:channels] for variable in variables]


def _named_layers(models: NetworkModels) -> dict[str, Any]:
    return {layer.name: layer for segment in models.segments for layer in segment.layers if layer.weights}


def get_network_weights(models: NetworkModels) -> Weights:
    """The weights of every layer by name."""
    return {name: layer.get_weights() for name, layer in _named_layers(models).items()}


def set_network_weights(models: NetworkModels, weights: Mapping[str, Sequence[np.ndarray]]) -> None:
    """Load weights by layer name.

    Raises:
        ValueError: A layer is missing from `weights`, or there is one too many.
    """
    layers = _named_layers(models)
    if set(layers) != set(weights):
        difference = sorted(set(layers) ^ set(weights))
        raise ValueError(f"weights and network differ in the layers {difference}")
    for name, layer in layers.items():
        layer.set_weights(list(weights[name]))


def save_network_weights(path: Path, weights: Mapping[str, Sequence[np.ndarray]]) -> None:
    """Write an .npz file with the keys `layer/index`; the caller provides a temporary name and renames it."""
    arrays = {f"{name}/{index}": array for name, values in weights.items() for index, array in enumerate(values)}
    with path.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def load_network_weights(path: Path) -> Weights:
    """Inverse of `save_network_weights`; never unpickles."""
    weights: Weights = {}
    with np.load(path, allow_pickle=False) as archive:
        for key in archive.files:
            name, _, index = key.rpartition("/")
            values = weights.setdefault(name, [])
            if int(index) != len(values):
                raise ValueError(f"{path}: the arrays of layer {name} are out of order")
            values.append(archive[key])
    return weights


def add_keras_block(keras: ModuleType, block: Block, x: Any) -> Any:
    """Add one block behind a tensor; its layers have the names of the cost model's operations."""
    return _add_block(keras, block, x, dense_as_convolution=False)


def block_weights(layer: Any, block: ConvBlock | MBBlock) -> Weights:
    """Slice one block's weights out of the elastic layer that holds them.

    Args:
        layer: `ElasticMBConv` for an `MBBlock`, `ElasticConvBlock` for a `ConvBlock`.
        block: What is cut out; the names are its own.
    """
    return _mb_weights(layer, block) if isinstance(block, MBBlock) else _conv_weights(layer, block)
