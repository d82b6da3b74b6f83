"""Small trained-looking Keras networks that between them have every kind of operation the readers must agree on."""

from collections.abc import Callable
from typing import Any

import numpy as np

SIZE = 24


def _norm_act(x: Any, act: str) -> Any:
    import keras

    return keras.layers.Activation(act)(keras.layers.BatchNormalization()(x))


def _mb_block(x: Any, channels: int, stride: int, act: str, squeeze: bool) -> Any:
    import keras

    layers = keras.layers
    y = _norm_act(layers.Conv2D(3 * x.shape[-1], 1, use_bias=False)(x), act)
    if stride == 2:
        y = layers.ZeroPadding2D(((0, 1), (0, 1)))(y)
    y = layers.DepthwiseConv2D(3, strides=stride, padding="valid" if stride == 2 else "same", use_bias=False)(y)
    y = _norm_act(y, act)
    if squeeze:
        s = layers.GlobalAveragePooling2D(keepdims=True)(y)
        s = layers.Conv2D(4, 1, activation="relu")(s)
        y = layers.Multiply()([y, layers.Conv2D(y.shape[-1], 1, activation="sigmoid")(s)])
    y = layers.BatchNormalization()(layers.Conv2D(channels, 1, use_bias=False)(y))
    return layers.Add()([x, y]) if stride == 1 and channels == x.shape[-1] else y


def _mobile(act: str, squeeze: bool) -> Any:
    import keras

    x = inputs = keras.Input((SIZE, SIZE, 3), name="image")
    x = _norm_act(keras.layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x), act)
    for channels, stride in ((8, 1), (12, 2), (12, 1)):
        x = _mb_block(x, channels, stride, act, squeeze)
    x = keras.layers.Dropout(0.1)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(5, name="logits")(x), name=f"mobile_{act}")


def _mixed() -> Any:
    import keras

    layers = keras.layers
    x = inputs = keras.Input((SIZE, SIZE, 3), name="image")
    x = layers.Conv2D(8, 5, strides=2, padding="same", activation="relu")(x)
    a = layers.Conv2D(8, 3, padding="same")(_norm_act(x, "relu"))
    b = layers.Conv2D(8, 3, padding="same", groups=2)(layers.AveragePooling2D(3, 1, padding="same")(x))
    x = layers.Concatenate()([x, a, b])
    x = layers.MaxPooling2D(2)(_norm_act(x, "relu"))
    x = layers.Conv2DTranspose(6, 3, strides=2, padding="same")(x)
    x = layers.SeparableConv2D(6, 3, padding="same", activation="hard_silu")(x)
    x = layers.Flatten()(layers.MaxPooling2D(3)(x))
    x = layers.Dense(9, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(5, name="logits")(x), name="mixed")


def _randomise(model: Any) -> Any:
    # Untrained statistics are zeros and ones, which the converter optimises away.
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if "gamma" in weight.path or "variance" in weight.path:
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        elif "beta" in weight.path or "mean" in weight.path or "bias" in weight.path:
            weight.assign(rng.normal(0.0, 0.3, weight.shape))
    return model


NETWORKS: dict[str, Callable[[], Any]] = {
    "relu6": lambda: _randomise(_mobile("relu6", squeeze=False)),
    "swish and squeeze": lambda: _randomise(_mobile("silu", squeeze=True)),
    "mixed": lambda: _randomise(_mixed()),
}


def images(count: int) -> np.ndarray:
    """Inputs for calibration."""
    return np.random.default_rng(1).random((count, SIZE, SIZE, 3), dtype=np.float32)
