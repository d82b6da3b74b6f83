"""Figures as text: three significant digits, decimal units, intervals in per cent."""

import math

__all__ = [
    "NOTHING",
    "TIMES",
    "bytes_text",
    "count_text",
    "integer_text",
    "interval_text",
    "ms_text",
    "points_text",
    "seconds_text",
]

TIMES = "\N{MULTIPLICATION SIGN}"
_NARROW_SPACE = "\N{NARROW NO-BREAK SPACE}"
NOTHING = "\N{EN DASH}"
"""Stands where there is no figure."""
_SPACE = "\N{NO-BREAK SPACE}"
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_MINUS = "\N{MINUS SIGN}"


def count_text(value: float | None) -> str:
    """Parameters or operations: `82.3 K`, `103 M`, `1.18 G`."""
    if value is None:
        return NOTHING
    return _scaled(value, (("G", 1e9), ("M", 1e6), ("K", 1e3), ("", 1.0)))


def bytes_text(value: float | None) -> str:
    """Bytes in decimal units: `768 B`, `79.3 kB`, `2 MB`."""
    if value is None:
        return NOTHING
    return _scaled(value, (("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("B", 1.0)))


def integer_text(value: float) -> str:
    """A whole number in groups of three digits: `15 288`; from a million million on, a power of ten."""
    if value < 1e12:
        return f"{value:,.0f}".replace(",", _NARROW_SPACE)
    exponent = math.floor(math.log10(value))
    return f"{value / 10**exponent:.1f} {TIMES} 10{str(exponent).translate(_SUPERSCRIPTS)}"


def ms_text(value: float | None) -> str:
    """Milliseconds: `0.511 ms`, `13.2 ms`, `0 ms`."""
    return NOTHING if value is None else f"{_significant(value)}{_SPACE}ms"


def seconds_text(value: float | None) -> str:
    """Wall time: `8.4 s`, `3 min 05 s`, `2 h 07 min`."""
    if value is None:
        return NOTHING
    if value < 60:
        return f"{value:.1f}{_SPACE}s"
    minutes, seconds = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes}{_SPACE}min{_SPACE}{seconds:02d}{_SPACE}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}{_SPACE}h{_SPACE}{minutes:02d}{_SPACE}min"


def interval_text(low: float, high: float, *, signed: bool = False) -> str:
    """A 95 % interval of fractions in per cent: `[67.1, 71.4]`."""
    return f"[{_percent(low, signed)}, {_percent(high, signed)}]"


def points_text(value: float, *, signed: bool = False) -> str:
    """A fraction in per cent without its sign of unit: `69.3`, or `+0.8` where `signed`."""
    return _percent(value, signed)


def _percent(fraction: float, signed: bool) -> str:
    text = f"{100 * fraction:{'+' if signed else ''}.1f}"
    if float(text) == 0:
        text = "0.0"
    return text.replace("-", _MINUS)


def _scaled(value: float, units: tuple[tuple[str, float], ...]) -> str:
    for unit, scale in units:
        if abs(value) >= scale * 0.9995 or scale == 1.0:
            text = _significant(value / scale)
            return f"{text}{_SPACE}{unit}" if unit else text
    raise ValueError("the last unit must have scale 1")


def _significant(value: float, digits: int = 3) -> str:
    """Three significant digits without exponent; integers below 1000 stay whole."""
    if value == 0:
        return "0"
    if float(value).is_integer() and abs(value) < 1000:
        return f"{value:.0f}".replace("-", _MINUS)
    rounded = float(f"{value:.{digits - 1}e}")
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    return f"{value:.{decimals}f}".replace("-", _MINUS)
