"""Figures in which the paper disagrees with itself; the model is never bent to them.

Each entry says what the paper's own formulas give. An entry is checked too: it fails when the model no longer gives
that value, or when the printed figure agrees with it after all.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DISCREPANCIES", "Discrepancy"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Discrepancy:
    """One printed figure that the paper's own formulas contradict."""

    table: str
    """`table4` or `table6`."""

    method: str
    """Method of the row."""

    backbone: str
    """Backbone of the row."""

    column: str
    """Column of the figure."""

    formula: float
    """What the paper's formulas give, in the column's unit (for a bound: the bound)."""

    reason: str
    """Why the printed figure cannot be right, or what it seems to be."""

    printed: float | None = None
    """The figure as printed where the CSV has it with its unit mended."""


_SHARE = "its own 301e6 OPs / 125e9 give 2.41"
_TWO_LARGEST = "fits weights + 1 x the largest tensor: a network without BN whose activation works in place"
_OPS = "about 1.7 % above OPs / 1.25e12, which Table 4 follows"
_UNIT = "printed in ns; OPs / 1.25e12 gives so many microseconds"
_BELOW_WEIGHTS = "below the bytes of its own weights"


def _entries(
    table: str,
    method: str,
    column: str,
    reason: str,
    formulas: dict[str, float],
    printed: dict[str, float] | None = None,
) -> tuple[Discrepancy, ...]:
    return tuple(
        Discrepancy(
            table=table,
            method=method,
            backbone=backbone,
            column=column,
            formula=formula,
            reason=reason,
            printed=(printed or {}).get(backbone),
        )
        for backbone, formula in formulas.items()
    )


DISCREPANCIES: tuple[Discrepancy, ...] = (
    *_entries("table4", "all-on-sensor", "sensor_ms", _SHARE, {"MobileNet-v2": 2.41}),
    *_entries("table4", "all-on-sensor", "total_ms", _SHARE, {"MobileNet-v2": 2.41}),
    *_entries(
        "table4",
        "all-on-sensor",
        "sensor_peak_bytes",
        "weights + largest input + output, which fits the networks around it, gives little more than half",
        {"ResNet-152": 61.8e6, "RegNetX-3.2GF": 17.7e6},
    ),
    *_entries(
        "table4", "all-on-aggregator", "total_ms", "not the sum of its own parts, 4.01 + 2.54", {"RegNetX-3.2GF": 6.56}
    ),
    *_entries(
        "table4",
        "neurosurgeon",
        "comm_ms",
        "the time of 40 x 28^2 bytes, though the row sends 80 x 14^2",
        {"MNASNet-1.0": 0.42},
    ),
    *_entries(
        "table4", "neurosurgeon", "total_ms", "contains the wrong transfer time of its row", {"MNASNet-1.0": 1.41}
    ),
    *_entries(
        "table4",
        "head-distill",
        "sensor_peak_bytes",
        _TWO_LARGEST,
        {"ResNet-152": 1.62e6, "DenseNet-169": 1.62e6, "Inception-v3": 2.89e6},
    ),
    *_entries(
        "table6",
        "all-on-aggregator",
        "agg_ms",
        _OPS,
        {"VGG-11": 72.0, "ResNet-18": 17.4, "MNASNet-0.5": 0.99, "EfficientNet-B0": 3.70},
    ),
    *_entries("table6", "all-on-aggregator", "agg_ms", "9 % above OPs / 1.25e12", {"MobileNet-v3": 0.53}),
    *_entries("table6", "split-at-fusion", "sensor_peak_bytes", _TWO_LARGEST, {"VGG-11": 15.6e6}),
    *_entries(
        "table6",
        "split-at-fusion",
        "agg_ms",
        _UNIT,
        {"ResNet-18": 4.1e-4, "MobileNet-v3": 1.29e-3, "MNASNet-0.5": 1.02e-3, "EfficientNet-B0": 1.02e-3},
        {"ResNet-18": 0.40e-6, "MobileNet-v3": 1.29e-6, "MNASNet-0.5": 1.03e-6, "EfficientNet-B0": 1.03e-6},
    ),
    *_entries("table6", "splitnets", "sensor_peak_bytes", _BELOW_WEIGHTS, {"A": 0.14e6, "B": 0.17e6, "C": 0.18e6}),
    *_entries("table6", "splitnets", "agg_ms", "well above OPs / 1.25e12", {"B": 0.044, "C": 0.059}),
)
