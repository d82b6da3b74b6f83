"""Numbers for messages that a user can type back in as a limit."""

import decimal

__all__ = ["as_limit"]

DIGITS = 4
"""Significant digits shown."""


def as_limit(value: float, *, upper: bool) -> str:
    """A short number that, used as a limit, lets this value pass.

    Args:
        value: The value that should pass.
        upper: Whether the limit bounds it from above; the number is then rounded up, else down.

    Returns:
        At most four significant digits, without an exponent.
    """
    rounding = decimal.ROUND_CEILING if upper else decimal.ROUND_FLOOR
    context = decimal.Context(prec=DIGITS, rounding=rounding)
    # The shortest text that stands for the float: 0.41 stays 0.41, although the float lies beside it.
    number = context.create_decimal(repr(value)).normalize()
    return f"{number:f}"
