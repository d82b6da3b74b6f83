"""How the best split moves with the hardware: one trained supernet, searched again for each of a series of systems.

The question of SplitNets' Appendix H. One property of the system changes at a time; accuracies do not depend on the
hardware, so a network is evaluated once for the whole sweep. Each system's search has a folder of its own and resumes.
"""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.reproduction.remembering import RememberingEvaluator
from splitnets_tf.errors import UserError
from splitnets_tf.hardware import System
from splitnets_tf.search import (
    AnalyticCost,
    Candidate,
    Constraint,
    Evaluator,
    FeasibilityProblem,
    SearchResult,
    SearchSettings,
    check_feasible,
    choose,
    memory_constraints,
    run_search,
)
from splitnets_tf.space import SearchSpace

__all__ = ["AXES", "FACTORS", "SENSOR_COUNTS", "Sweep", "sweep_rows", "varied"]

FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""What bandwidth, sensor speed and sensor memory are multiplied by."""
SENSOR_COUNTS = (1, 2, 4, 8, 12)
"""Sensors that share the link."""
AXES: dict[str, tuple[float, ...]] = {
    "bandwidth": FACTORS,
    "sensor speed": FACTORS,
    "sensor memory": FACTORS,
    "sensors": SENSOR_COUNTS,
}
"""Property of the system -> its values."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sweep:
    """What all searches of a sweep share."""

    space: SearchSpace
    """The supernet's space."""
    system: System
    """The system that is varied."""
    num_classes: int
    """Outputs of the classifier."""
    constraints: tuple[Constraint, ...]
    """What the user asked for besides the memory, which varies."""
    settings: SearchSettings
    """Size of each search."""
    evaluator: Evaluator
    """The trained supernet."""
    min_accuracy: float
    """The fastest candidate above it stands for its system."""
    directory: Path
    """Where the searches and the accuracies are kept."""
    identity: str
    """Fingerprint of the supernet and what it is evaluated on."""


def varied(system: System, axis: str, value: float) -> System:
    """The system with one property changed.

    Args:
        system: A system of two processors.
        axis: A key of `AXES`.
        value: The factor, or the number of sensors.

    Returns:
        The changed system; without a memory limit, changing it changes nothing.
    """
    sensor, link = system.sensor, system.hops[0]
    if axis == "bandwidth":
        link = dataclasses.replace(link, bandwidth_bytes_per_s=link.bandwidth_bytes_per_s * value)
    elif axis == "sensor speed":
        sensor = dataclasses.replace(sensor, macs_per_s=sensor.macs_per_s * value)
    elif axis == "sensor memory":
        limit = None if sensor.memory_bytes is None else round(sensor.memory_bytes * value)
        sensor = dataclasses.replace(sensor, memory_bytes=limit)
    elif axis == "sensors":
        sensor = dataclasses.replace(sensor, count=int(value))
        link = dataclasses.replace(link, shared_by=int(value))
    else:
        raise ValueError(f"axis should be one of {', '.join(AXES)}, received {axis!r}")
    processors = tuple(sensor if each.name == sensor.name else each for each in system.processors)
    links = tuple(link if each.name == link.name else each for each in system.links)
    return dataclasses.replace(system, processors=processors, links=links)


def sweep_rows(sweep: Sweep, axes: Sequence[str], on_system: Callable[[int, int], None]) -> list[dict[str, Any]]:
    """Search each system; returns a row for each.

    Args:
        sweep: What the searches share.
        axes: Keys of `AXES`.
        on_system: Called with the systems done and all systems.

    Returns:
        Plain data: `axis`, `value`, and either `infeasible_because` or the figures of the fastest candidate that is
        accurate enough (the most accurate one where none is, marked by `accurate_enough`).
    """
    points = [(axis, value) for axis in axes for value in AXES[axis]]
    evaluator = RememberingEvaluator(sweep.evaluator, sweep.directory / "accuracies.json", sweep.identity)
    rows = []
    for done, (axis, value) in enumerate(points):
        on_system(done, len(points))
        system = varied(sweep.system, axis, value)
        row: dict[str, Any] = {"axis": axis, "value": value}
        folder = sweep.directory / "searches" / f"{axis.replace(' ', '_')}_{value:g}"
        try:
            result = _search(sweep, system, evaluator, folder)
        except _InfeasibleError as error:
            rows.append(row | {"infeasible_because": str(error)})
            continue
        candidate, enough = _stands_for(result, sweep.min_accuracy)
        rows.append(row | {"infeasible_because": None, "accurate_enough": enough, **_figures(sweep.space, candidate)})
    on_system(len(points), len(points))
    return rows


class _InfeasibleError(Exception):
    """Nothing of the space fits a system."""


def _search(sweep: Sweep, system: System, evaluator: Evaluator, folder: Path) -> SearchResult:
    cost = AnalyticCost(sweep.space, system, sweep.num_classes)
    constraints = tuple(dict.fromkeys((*memory_constraints(system), *sweep.constraints)))
    problem = FeasibilityProblem(space=sweep.space, cost=cost, constraints=constraints)
    try:
        check_feasible(problem, np.random.default_rng(sweep.settings.seed))
    except UserError as error:
        raise _InfeasibleError(str(error)) from error
    return run_search(
        space=sweep.space,
        cost=cost,
        evaluator=evaluator,
        constraints=constraints,
        settings=sweep.settings,
        directory=folder,
        identity=sweep.identity,
    )


def _stands_for(result: SearchResult, min_accuracy: float) -> tuple[Candidate, bool]:
    if max(candidate.accuracy for candidate in result.front) >= min_accuracy:
        return choose(result.front, min_accuracy=min_accuracy)[0], True
    return max(result.front, key=lambda candidate: candidate.accuracy), False


def _figures(space: SearchSpace, candidate: Candidate) -> dict[str, Any]:
    split = candidate.architecture.split
    if split is None:
        raise ValueError("expected a candidate with a split, received one without")
    return {
        "id": candidate.id,
        "accuracy": candidate.accuracy,
        "resolution": candidate.architecture.resolution,
        "split_stride": space.phases[split.phase].stride,
        "split_position": split.position,
        "split_channels": split.width,
        **candidate.cost.as_dict(),
    }
