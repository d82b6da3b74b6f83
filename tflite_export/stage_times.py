"""Times of many frames, stage by stage, as the few figures that a report shows."""

import dataclasses
from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np

from tflite_export.terminal import console

__all__ = ["StageTimes", "Summary", "print_stages"]

_KEPT = 100_000
"""Latest frames whose times are kept."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """Times of one stage in milliseconds."""

    median_ms: float
    """Median."""
    p95_ms: float
    """95th percentile."""
    max_ms: float
    """Largest."""


class StageTimes:
    """Collects times by stage; the latest 100 000 of each are kept."""

    def __init__(self) -> None:
        self._times: dict[str, deque[float]] = {}

    def add(self, **stages_ms: float) -> None:
        """Note one frame's times."""
        for name, time_ms in stages_ms.items():
            self._times.setdefault(name, deque(maxlen=_KEPT)).append(time_ms)

    def summary(self) -> dict[str, Summary]:
        """Figures of each stage, in the order in which they were first noted."""
        result = {}
        for name, times in self._times.items():
            median, p95 = np.percentile(list(times), (50, 95))
            result[name] = Summary(median_ms=float(median), p95_ms=float(p95), max_ms=float(max(times)))
        return result


def print_stages(title: str, stages: Mapping[str, Summary], facts: Mapping[str, Any]) -> None:
    """Print a table of stages and lines of further facts.

    Args:
        title: Above the table.
        stages: Name of each stage and its times.
        facts: Label and value of each line below it.
    """
    from rich.table import Table

    table = Table(title=title)
    table.add_column("stage")
    for heading in ("median ms", "95 % ms", "slowest ms"):
        table.add_column(heading, justify="right")
    for name, row in stages.items():
        table.add_row(name, f"{row.median_ms:.3f}", f"{row.p95_ms:.3f}", f"{row.max_ms:.3f}")
    out = console()
    if stages:
        out.print(table)
    for label, value in facts.items():
        out.print(f"{label}: {value}")
