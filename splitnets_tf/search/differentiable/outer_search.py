"""The outer search over d(m): how many layers each device has, chosen before the search of the operations."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from splitnets_tf.search.differentiable.latency import PlacedLatency
from splitnets_tf.space import LayeredSpace, LayerRow

__all__ = ["neighbouring_spaces", "uniform_expected_ms"]


def neighbouring_spaces(space: LayeredSpace, parallel_step: int | None = None) -> Iterator[LayeredSpace]:
    """Yields the same layers cut at all other places; every device keeps at least one.

    Args:
        space: The space.
        parallel_step: Step of the parallel devices, whose layers stay theirs, as do those behind them; None where there
            are none.
    """
    free = len(space.devices) if parallel_step is None else parallel_step
    singles = [single for rows in space.devices[:free] for row in rows for single in _singles(row)]
    for cuts in _cuts(len(singles), free):
        steps = tuple(tuple(singles[start:end]) for start, end in zip((0, *cuts), (*cuts, len(singles)), strict=True))
        yield dataclasses.replace(space, devices=(*steps, *space.devices[free:]))


def uniform_expected_ms(latency: PlacedLatency) -> float:
    """E[T] while all candidates of a layer are equally probable."""
    return latency.expected_ms([np.full(len(times), 1.0 / len(times)) for times in latency.operation_ms])


def _singles(row: LayerRow) -> list[LayerRow]:
    first = dataclasses.replace(row, layers=1)
    return [first, *[dataclasses.replace(first, stride=1)] * (row.layers - 1)]


def _cuts(layers: int, devices: int) -> Iterator[tuple[int, ...]]:
    if devices == 1:
        yield ()
        return
    for first in range(1, layers - devices + 2):
        for rest in _cuts(layers - first, devices - 1):
            yield (first, *(first + cut for cut in rest))
