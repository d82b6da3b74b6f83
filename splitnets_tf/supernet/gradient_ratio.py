"""How much larger the gradients of splitting layers are than those of regular ones.

Source: SplitNets, section 3.1.3: without care the ratio exceeds 10 and training is unstable.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

__all__ = ["gradient_ratio"]

_KERNEL_RANK = 4


def gradient_ratio(gradients: Sequence[Any], splitting: Sequence[bool]) -> Any:
    """Mean gradient norm of the splitting layers' convolution kernels over that of all other convolution kernels.

    Kernels without a gradient, such as those of splitting modules that no network of the step used, do not count.

    Args:
        gradients: One tensor for each variable.
        splitting: Whether the variable belongs to a splitting layer.

    Returns:
        Scalar float32; 0 where no splitting layer has a gradient.
    """
    norms: dict[bool, list[Any]] = {True: [], False: []}
    for gradient, of_splitting in zip(gradients, splitting, strict=True):
        if len(gradient.shape) == _KERNEL_RANK:
            norms[bool(of_splitting)].append(tf.norm(gradient))
    return tf.math.divide_no_nan(_mean_of_active(norms[True]), _mean_of_active(norms[False]))


def _mean_of_active(norms: list[Any]) -> Any:
    stacked = tf.stack(norms) if norms else tf.zeros([1])
    return tf.math.divide_no_nan(tf.reduce_sum(stacked), tf.reduce_sum(tf.cast(stacked > 0, tf.float32)))
