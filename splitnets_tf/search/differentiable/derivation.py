"""The network of largest summed log-probability within a latency: exact, by dynamic programming.

A device's layers are joined one by one; of all combinations only those stay that no other beats in both time and
log-probability. Parallel devices are joined at their common latest time. Nothing is rounded, so the answer is optimal.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from splitnets_tf.errors import UserError
from splitnets_tf.search.differentiable.latency import PlacedLatency

__all__ = ["DerivedNetwork", "derive"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class DerivedNetwork:
    """A network of fixed operations."""

    choices: tuple[int, ...]
    """Index of the chosen candidate of each layer."""

    latency_ms: float
    """T."""

    log_probability: float
    """Sum over the layers."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Front:
    """Combinations of some layers' operations, none beaten in both figures: times and log-probabilities ascend."""

    times_ms: Floats
    scores: Floats
    choices: Integers
    """`[combinations, layers]`, -1 where a layer does not belong to these."""


def derive(latency: PlacedLatency, log_probabilities: Sequence[Floats], limit_ms: float) -> DerivedNetwork:
    """Finds the most probable network within a latency; of equally probable ones the fastest.

    For given probabilities a smaller limit never gives a slower network.

    Args:
        latency: Times of all candidates.
        log_probabilities: For each layer the logarithm of each candidate's probability.
        limit_ms: T_const.

    Raises:
        UserError: No network is that fast; the fastest one's latency is named.
    """
    fastest_ms = float(latency.network_ms([int(np.argmin(times)) for times in latency.operation_ms]))
    if fastest_ms > limit_ms:
        raise UserError(
            f"no network of this space answers within {limit_ms:g} ms; the fastest one takes {fastest_ms:.4g} ms: "
            "raise --latency-ms, or name faster devices"
        )
    problem = _Problem(latency, log_probabilities, limit_ms)
    whole = problem.start()
    for step in latency.topology.path:
        if isinstance(step, str):
            whole = problem.behind(whole, step)
        else:
            whole = problem.in_sequence(whole, _in_parallel([problem.behind(problem.start(), name) for name in step]))
    # Sums in another order differ in the last digit, so the limit is judged by the one expression for T.
    for row in range(len(whole.scores) - 1, -1, -1):
        choices = tuple(int(choice) for choice in whole.choices[row])
        time_ms = float(latency.network_ms(choices))
        if time_ms <= limit_ms:
            return DerivedNetwork(choices=choices, latency_ms=time_ms, log_probability=float(whole.scores[row]))
    raise UserError(f"no network of this space answers within {limit_ms:g} ms; raise --latency-ms by a little")


class _Problem:
    def __init__(self, latency: PlacedLatency, scores: Sequence[Floats], limit_ms: float) -> None:
        self._latency = latency
        self._scores = scores
        self._limit_ms = limit_ms * (1 + 1e-9)

    def start(self) -> _Front:
        """Nothing computed yet."""
        layers = len(self._scores)
        return _Front(times_ms=np.zeros(1), scores=np.zeros(1), choices=np.full((1, layers), -1, dtype=np.int64))

    def behind(self, front: _Front, device: str) -> _Front:
        """What a device adds: its fixed times, then layer by layer."""
        fixed_ms = self._latency.fixed_ms.get(device, 0.0) + self._latency.sent_ms[device]
        front = dataclasses.replace(front, times_ms=front.times_ms + fixed_ms)
        for layer, owner in enumerate(self._latency.layer_devices):
            if owner == device:
                front = self._with_layer(front, layer)
        return front

    def in_sequence(self, first: _Front, second: _Front) -> _Front:
        """All pairs of two fronts whose layers differ."""
        a, b = np.divmod(np.arange(len(first.scores) * len(second.scores)), len(second.scores))
        total_ms = first.times_ms[a] + second.times_ms[b]
        total = first.scores[a] + second.scores[b]
        kept = self._worth_keeping(total_ms, total)
        choices = np.maximum(first.choices[a[kept]], second.choices[b[kept]])
        return _Front(times_ms=total_ms[kept], scores=total[kept], choices=choices)

    def _with_layer(self, front: _Front, layer: int) -> _Front:
        times_ms, scores = self._latency.operation_ms[layer], self._scores[layer]
        rows, candidates = np.divmod(np.arange(len(front.scores) * len(times_ms)), len(times_ms))
        total_ms = front.times_ms[rows] + times_ms[candidates]
        total = front.scores[rows] + scores[candidates]
        kept = self._worth_keeping(total_ms, total)
        choices = front.choices[rows[kept]].copy()
        choices[:, layer] = candidates[kept]
        return _Front(times_ms=total_ms[kept], scores=total[kept], choices=choices)

    def _worth_keeping(self, times_ms: Floats, scores: Floats) -> Integers:
        within = np.flatnonzero(times_ms <= self._limit_ms)
        kept: Integers = within[_unbeaten(times_ms[within], scores[within])]
        return kept


def _in_parallel(branches: Sequence[_Front]) -> _Front:
    """At each time at which one branch ends, the best that every branch can do until then."""
    slowest_start = max(branch.times_ms[0] for branch in branches)
    ends = np.unique(np.concatenate([branch.times_ms for branch in branches]))
    ends = ends[ends >= slowest_start]
    rows = [np.searchsorted(branch.times_ms, ends, side="right") - 1 for branch in branches]
    total = np.sum([branch.scores[row] for branch, row in zip(branches, rows, strict=True)], axis=0)
    choices = np.maximum.reduce([branch.choices[row] for branch, row in zip(branches, rows, strict=True)])
    kept = _unbeaten(ends, total)
    return _Front(times_ms=ends[kept], scores=total[kept], choices=choices[kept])


def _unbeaten(times_ms: Floats, scores: Floats) -> Integers:
    """Rows by ascending time, each with a higher score than all faster ones."""
    order = np.lexsort((-scores, times_ms))
    best_before = np.concatenate([[-np.inf], np.maximum.accumulate(scores[order])[:-1]])
    kept: Integers = order[scores[order] > best_before]
    return kept
