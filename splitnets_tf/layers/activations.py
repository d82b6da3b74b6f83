"""Activation functions and gates by their names in a search space."""

import tensorflow as tf

__all__ = ["activate", "hard_sigmoid", "hard_swish"]


def hard_sigmoid(x):
    """relu6(x + 3) / 6, as MobileNetV3 and Keras 3 define it; tf_keras has another slope under this name."""
    return tf.nn.relu6(x + 3.0) * (1.0 / 6.0)


def hard_swish(x):
    """Product of x and its hard sigmoid (MobileNetV3)."""
    return x * hard_sigmoid(x)


_FUNCTIONS = {
    "relu": tf.nn.relu,
    "relu6": tf.nn.relu6,
    "swish": tf.nn.silu,
    "hard_swish": hard_swish,
    "sigmoid": tf.nn.sigmoid,
    "hard_sigmoid": hard_sigmoid,
}


def activate(x, name: str | None):
    """Apply a function by its name in a search space; None is the identity."""
    return x if name is None else _FUNCTIONS[name](x)
