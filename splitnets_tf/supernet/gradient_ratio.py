"""How much larger the gradients of splitting layers are than those of regular ones.

Source: SplitNets, section 3.1.3: without care the ratio exceeds 10 and training is unstable.
"""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

__all__ = ["GRADIENT_RATIOS", "gradient_ratios"]

GRADIENT_RATIOS = (
    "gradient_ratio",
    "gradient_ratio_reduce",
    "gradient_ratio_recover",
    "gradient_rms_ratio_reduce",
    "gradient_rms_ratio_recover",
)
"""What `gradient_ratios` returns. The paper leaves open what a layer's gradient is: here the norm of its kernel's, and
as `rms` the root mean square of the kernel's elements, which does not grow with the kernel."""

_KERNEL_RANK = 4


def gradient_ratios(gradients: Sequence[Any], groups: Sequence[str]) -> dict[str, Any]:
    """Mean gradient of the splitting layers' convolution kernels over that of all other convolution kernels.

    Kernels without a gradient, such as those of splitting modules that no network of the step used, do not count.

    Args:
        gradients: One tensor for each variable.
        groups: What the variable belongs to: `reduce`, `recover` or `regular`.

    Returns:
        Scalars float32 by the names of `GRADIENT_RATIOS`, first for both kinds of splitting layers together; 0 where
        none has a gradient.
    """
    values = [
        _ratio(gradients, groups, {"reduce", "recover"}, tf.norm),
        _ratio(gradients, groups, {"reduce"}, tf.norm),
        _ratio(gradients, groups, {"recover"}, tf.norm),
        _ratio(gradients, groups, {"reduce"}, _root_mean_square),
        _ratio(gradients, groups, {"recover"}, _root_mean_square),
    ]
    return dict(zip(GRADIENT_RATIOS, values, strict=True))


def _ratio(gradients: Sequence[Any], groups: Sequence[str], above: set[str], size: Callable[[Any], Any]) -> Any:
    sizes: dict[bool, list[Any]] = {True: [], False: []}
    for gradient, group in zip(gradients, groups, strict=True):
        if len(gradient.shape) == _KERNEL_RANK and (group in above or group == "regular"):
            sizes[group in above].append(size(gradient))
    return tf.math.divide_no_nan(_mean_of_active(sizes[True]), _mean_of_active(sizes[False]))


def _root_mean_square(gradient: Any) -> Any:
    """Over the elements that a network of the step used: kernels are sliced, and what lies outside has no gradient."""
    used = tf.math.count_nonzero(gradient, dtype=tf.float32)
    return tf.math.divide_no_nan(tf.norm(gradient), tf.sqrt(used))


def _mean_of_active(sizes: list[Any]) -> Any:
    stacked = tf.stack(sizes) if sizes else tf.zeros([1])
    return tf.math.divide_no_nan(tf.reduce_sum(stacked), tf.reduce_sum(tf.cast(stacked > 0, tf.float32)))
