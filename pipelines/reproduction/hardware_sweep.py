"""How the best split moves with the hardware: one trained supernet, searched again for each of a series of systems.

The question of SplitNets' Appendix H. One property of the system changes at a time; accuracies do not depend on the
hardware, so a network is evaluated once for the whole sweep, and what one system's search has found is a candidate for
all of them. Each system's search has a folder of its own and resumes.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
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
    memory_constraints,
    run_search,
)
from splitnets_tf.space import Architecture, SearchSpace

__all__ = ["ACCURACY_SHARE", "AXES", "FACTORS", "SENSOR_COUNTS", "Sweep", "sweep_rows", "varied"]

ACCURACY_SHARE = 0.98
"""Unless told otherwise, so much of the best accuracy on the unchanged system is asked for."""
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
    min_accuracy: float | None
    """The fastest candidate above it stands for its system; `ACCURACY_SHARE` decides where it is None."""
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


def sweep_rows(
    sweep: Sweep, axes: Sequence[str], on_system: Callable[[int, int], None]
) -> tuple[float, list[dict[str, Any]]]:
    """Search each system, then choose for each among all that was evaluated for any; returns the floor and the rows.

    Args:
        sweep: What the searches share.
        axes: Keys of `AXES`.
        on_system: Called with the systems done and all systems.

    Returns:
        The accuracy that is asked for, and plain data for each system: `axis`, `value`, and either
        `infeasible_because` or the figures of the fastest candidate that is accurate enough (the most accurate one
        where none is, marked by `accurate_enough`).
    """
    points = [(axis, value) for axis in axes for value in AXES[axis]]
    evaluator = RememberingEvaluator(sweep.evaluator, sweep.directory / "accuracies.json", sweep.identity)
    known: dict[Architecture, float] = {}
    refusals: dict[tuple[str, float], str] = {}
    for done, (axis, value) in enumerate(points):
        on_system(done, len(points))
        folder = sweep.directory / "searches" / f"{axis.replace(' ', '_')}_{value:g}"
        try:
            result = _search(sweep, varied(sweep.system, axis, value), evaluator, folder)
        except _InfeasibleError as error:
            refusals[axis, value] = str(error)
            continue
        known |= {candidate.architecture: candidate.accuracy for candidate in result.evaluated}
    on_system(len(points), len(points))
    floor = _floor(sweep, known)
    rows = []
    for axis, value in points:
        row: dict[str, Any] = {"axis": axis, "value": value, "infeasible_because": None}
        deployable = _deployable(sweep, varied(sweep.system, axis, value), known)
        if deployable:
            candidate = _stands_for(deployable, floor)
            row |= {"accurate_enough": candidate.accuracy >= floor, **_figures(sweep.space, candidate)}
        else:
            row["infeasible_because"] = refusals[axis, value]
        rows.append(row)
    return floor, rows


class _InfeasibleError(Exception):
    """A search found nothing that fits its system."""


def _problem(sweep: Sweep, system: System) -> FeasibilityProblem:
    cost = AnalyticCost(sweep.space, system, sweep.num_classes)
    constraints = tuple(dict.fromkeys((*memory_constraints(system), *sweep.constraints)))
    return FeasibilityProblem(space=sweep.space, cost=cost, constraints=constraints)


def _search(sweep: Sweep, system: System, evaluator: Evaluator, folder: Path) -> SearchResult:
    problem = _problem(sweep, system)
    try:
        check_feasible(problem, np.random.default_rng(sweep.settings.seed))
    except UserError as error:
        raise _InfeasibleError(str(error)) from error
    return run_search(
        space=sweep.space,
        cost=problem.cost,
        evaluator=evaluator,
        constraints=problem.constraints,
        settings=sweep.settings,
        directory=folder,
        identity=sweep.identity,
    )


def _deployable(sweep: Sweep, system: System, known: Mapping[Architecture, float]) -> list[Candidate]:
    """What was evaluated for any system and keeps this one's constraints, at this one's costs."""
    problem = _problem(sweep, system)
    return [
        Candidate(architecture=architecture, accuracy=accuracy, cost=problem.cost.cost(architecture))
        for architecture, accuracy in known.items()
        if problem.violation(architecture) == 0
    ]


def _floor(sweep: Sweep, known: Mapping[Architecture, float]) -> float:
    if sweep.min_accuracy is not None:
        return sweep.min_accuracy
    accuracies = [candidate.accuracy for candidate in _deployable(sweep, sweep.system, known)]
    return ACCURACY_SHARE * max(accuracies, default=0.0)


def _stands_for(candidates: Sequence[Candidate], floor: float) -> Candidate:
    enough = [candidate for candidate in candidates if candidate.accuracy >= floor]
    if enough:
        return min(enough, key=lambda candidate: (candidate.cost.latency_ms, -candidate.accuracy))
    return max(candidates, key=lambda candidate: (candidate.accuracy, -candidate.cost.latency_ms))


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
