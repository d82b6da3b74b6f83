"""Dropout and drop-connect that a tensor switches on: one traced graph trains networks with and without them.

Random numbers are stateless functions of a seed, so that a resumed run draws what an uninterrupted one draws.
"""

import dataclasses
from typing import Any

import tensorflow as tf

__all__ = ["Drop", "drop_connect", "dropout"]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Drop:
    """Whether and with which random numbers a network drops units."""

    active: Any
    """Scalar bool tensor; where false, nothing is dropped and nothing computed."""
    seed: Any
    """int32 `[2]`; equal seeds drop the same units."""

    def fold(self, index: int) -> "Drop":
        """The same switch with random numbers of its own for place `index` of the network."""
        return dataclasses.replace(self, seed=tf.random.fold_in(self.seed, index))


def dropout(x, rate: float, drop: Drop | None):
    """Drop single features with probability `rate` and scale up the others.

    Args:
        x: `[batch, features]`.
        rate: Probability in [0, 1).
        drop: The switch; None for never.
    """
    return _dropped(x, rate, drop, tf.shape(x))


def drop_connect(x, rate: float, drop: Drop | None):
    """Drop the whole branch for each image with probability `rate` and scale it up for the others.

    Args:
        x: `[batch, height, width, c]`, the branch beside a shortcut.
        rate: Probability in [0, 1).
        drop: The switch; None for never.

    Reference:
        Deep Networks with Stochastic Depth; EfficientNet calls it drop-connect.
    """
    return _dropped(x, rate, drop, tf.stack([tf.shape(x)[0], 1, 1, 1]))


def _dropped(x, rate: float, drop: Drop | None, mask_shape):
    if drop is None or rate == 0:
        return x

    def masked():
        keep = tf.random.stateless_uniform(mask_shape, drop.seed) >= rate
        return x * tf.cast(keep, x.dtype) / (1.0 - rate)

    return tf.cond(drop.active, masked, lambda: x)
