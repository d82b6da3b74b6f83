"""The plain network for comparison: four convolutions, with at least as many MACs as the chosen network."""

from typing import Any

__all__ = ["plain_cnn", "plain_cnn_macs", "plain_cnn_widths"]

_STRIDES = (2, 2, 2, 1)
_SHAPE = (2, 4, 8, 8)
"""Widths as multiples of the first one's half: the usual doubling with each halving of the resolution."""
_KERNEL = 3


def plain_cnn_widths(resolution: int, classes: int, min_macs: int) -> tuple[int, ...]:
    """The narrowest widths whose network has at least `min_macs` multiply-accumulates.

    Args:
        resolution: Side of the input image in pixels.
        classes: Number of logits.
        min_macs: Multiply-accumulates to reach.
    """
    unit = 1
    while plain_cnn_macs(resolution, classes, _widths(unit)) < min_macs:
        unit += 1
    return _widths(unit)


def _widths(unit: int) -> tuple[int, ...]:
    return tuple(unit * multiple for multiple in _SHAPE)


def plain_cnn_macs(resolution: int, classes: int, widths: tuple[int, ...]) -> int:
    """Multiply-accumulates of the network with these widths."""
    total, side, channels = 0, resolution, 3
    for width, stride in zip(widths, _STRIDES, strict=True):
        side = -(-side // stride)
        total += side * side * _KERNEL**2 * channels * width
        channels = width
    return total + channels * classes


def plain_cnn(resolution: int, classes: int, widths: tuple[int, ...]) -> Any:
    """Convolution, normalisation, ReLU four times; global pooling; a dense layer with logits."""
    import keras

    inputs = keras.Input((resolution, resolution, 3), name="image")
    x = inputs
    for index, (width, stride) in enumerate(zip(widths, _STRIDES, strict=True)):
        x = keras.layers.Conv2D(width, _KERNEL, stride, "same", use_bias=False, name=f"conv_{index}")(x)
        x = keras.layers.BatchNormalization(momentum=0.9, name=f"bn_{index}")(x)
        x = keras.layers.ReLU(name=f"relu_{index}")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, keras.layers.Dense(classes, name="classifier")(x), name="plain_cnn")
