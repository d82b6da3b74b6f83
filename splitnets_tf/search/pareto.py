"""Non-dominated sets: fronts, crowding, hypervolume and the knee.

Every function works on an array of objectives where lower is better in each column; `objective_array` makes it.
Source: Deb et al., "A fast and elitist multiobjective genetic algorithm: NSGA-II" (2002), for rank and crowding.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from splitnets_tf.search.candidate import Candidate

__all__ = [
    "crowding_distance",
    "hypervolume_2d",
    "knee_index",
    "non_dominated",
    "objective_array",
    "pareto_front",
    "rank_and_crowd",
]

Floats = npt.NDArray[np.float64]


def objective_array(candidates: Sequence[Candidate], minimise: Sequence[str] = ("latency_ms",)) -> Floats:
    """The objectives of candidates, lower is better.

    Args:
        candidates: n evaluated candidates.
        minimise: Cost figures to minimise.

    Returns:
        float64 `[n, 1 + len(minimise)]`: minus the accuracy, then the figures.
    """
    rows = [[-candidate.accuracy, *(candidate.figure(name) for name in minimise)] for candidate in candidates]
    return np.asarray(rows, dtype=np.float64).reshape(len(candidates), 1 + len(minimise))


def non_dominated(objectives: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Which points no other point dominates (at least as good everywhere and better somewhere).

    Args:
        objectives: `[n, m]`, lower is better; equal points do not dominate each other.

    Returns:
        bool `[n]`.
    """
    points = np.asarray(objectives, dtype=np.float64)
    keep = np.zeros(len(points), dtype=bool)
    # In lexicographic order a point can only be dominated by one before it, and if by any, then by one that is kept.
    kept = np.empty_like(points)
    count = 0
    for index in np.lexsort(points.T[::-1]):
        point = points[index]
        front = kept[:count]
        dominated = (front <= point).all(axis=1) & (front < point).any(axis=1)
        if not dominated.any():
            keep[index] = True
            kept[count] = point
            count += 1
    return keep


def crowding_distance(objectives: npt.ArrayLike) -> Floats:
    """How lonely each point of one front is: the sum over objectives of the gap between its neighbours.

    Args:
        objectives: `[n, m]`.

    Returns:
        float64 `[n]`, infinite for the ends of each objective.
    """
    points = np.asarray(objectives, dtype=np.float64)
    distance = np.zeros(len(points))
    for column in points.T:
        order = np.argsort(column, kind="stable")
        extent = column[order[-1]] - column[order[0]] if len(order) else 0.0
        distance[order[[0, -1]] if len(order) else order] = np.inf
        if extent > 0:
            distance[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / extent
    return distance


def rank_and_crowd(objectives: npt.ArrayLike, count: int) -> list[int]:
    """The `count` best points by front, and within a front by crowding distance, best first.

    Args:
        objectives: `[n, m]`, lower is better.
        count: How many to choose; all where there are fewer.

    Returns:
        Their indices; ties go to the earlier point, so that the order is reproducible.
    """
    points = np.asarray(objectives, dtype=np.float64)
    left = np.arange(len(points))
    chosen: list[int] = []
    while len(left) and len(chosen) < count:
        front = non_dominated(points[left])
        members = left[front]
        order = np.argsort(-crowding_distance(points[members]), kind="stable")
        chosen += [int(index) for index in members[order]]
        left = left[~front]
    return chosen[:count]


def pareto_front(candidates: Sequence[Candidate], minimise: Sequence[str] = ("latency_ms",)) -> tuple[Candidate, ...]:
    """The non-dominated candidates, lowest first figure first."""
    if not candidates:
        return ()
    keep = non_dominated(objective_array(candidates, minimise))
    front = [candidate for candidate, kept in zip(candidates, keep, strict=True) if kept]
    return tuple(sorted(front, key=lambda candidate: (candidate.figure(minimise[0]), candidate.accuracy)))


def hypervolume_2d(objectives: npt.ArrayLike, reference: tuple[float, float]) -> float:
    """Area that a set of points dominates up to a reference point.

    Args:
        objectives: `[n, 2]`, lower is better; dominated points add nothing.
        reference: The worst corner; points beyond it add nothing.

    Returns:
        The area in the product of the two units.
    """
    points = np.asarray(objectives, dtype=np.float64).reshape(-1, 2)
    points = points[(points < np.asarray(reference)).all(axis=1)]
    area, ceiling = 0.0, reference[1]
    for x, y in points[np.lexsort((points[:, 1], points[:, 0]))]:
        if y < ceiling:
            area += (reference[0] - x) * (ceiling - y)
            ceiling = y
    return float(area)


def knee_index(objectives: npt.ArrayLike) -> int:
    """The point of a two-objective front that bulges farthest beyond the line between its ends.

    Both objectives are scaled to the front's extent first. Where nothing bulges (a line, or two points), the point
    that is best in the first objective is taken.

    Args:
        objectives: `[n, 2]` of at least one non-dominated point, lower is better.
    """
    points = np.asarray(objectives, dtype=np.float64)
    extent = np.ptp(points, axis=0)
    scaled = (points - points.min(axis=0)) / np.where(extent > 0, extent, 1.0)
    bulge = 1.0 - scaled.sum(axis=1)
    best = np.flatnonzero(bulge >= bulge.max() - 1e-12)
    return int(best[np.argmin(points[best, 0])])
