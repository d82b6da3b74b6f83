"""Widths that follow from other widths."""

from collections.abc import Callable
from typing import Any

__all__ = ["squeeze_width"]

_QUARTER = 4
_DIVISOR = 8


def squeeze_width(channels: Any, *, larger: Callable[[Any, Any], Any] = max) -> Any:
    """Channels between the two convolutions of a squeeze-and-excitation: a quarter, rounded to a multiple of 8.

    Halves are rounded up, and the result is at least 8.

    Args:
        channels: Channels that a quarter is taken of, an integer or a scalar integer tensor.
        larger: Maximum of two numbers of that kind.

    Returns:
        A number of the kind of `channels`.

    Reference:
        AttentiveNAS, whose rounding this equals from 96 hidden channels on.
    """
    return larger(_DIVISOR, (channels // _QUARTER + _DIVISOR // 2) // _DIVISOR * _DIVISOR)
