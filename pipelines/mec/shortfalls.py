"""In what baselines beat the searched network, in words."""

from collections.abc import Mapping
from typing import Any

__all__ = ["shortfall"]


def shortfall(comparison: Mapping[str, Any]) -> str:
    """In what a baseline beats the searched network; empty where in nothing."""
    points = f"{100 * abs(comparison['difference']['value']):.1f} points"
    if comparison["more_accurate"]:
        also = ", and faster" if comparison["faster"] else ", but slower"
        return f"{comparison['against']} is {points} more accurate{also}"
    if comparison["faster"]:
        other = f"{points} less accurate" if comparison["difference"]["low"] > 0 else "of the same accuracy"
        return f"{comparison['against']} is {comparison['latency_ratio']:.1f} times as fast, and {other}"
    return ""
