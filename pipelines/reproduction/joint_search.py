"""The central ablation: does searching split and architecture together pay?

On one trained supernet, at equal numbers of evaluations: (a) the joint search; (b) a search at each fixed place of the
split; (c) the architecture first, without a split and by its MACs, then Neurosurgeon's cut for each network found;
(d) no split, wholly on the sensor and wholly on the aggregator; (e) random networks and splits. An architecture that
another arm has evaluated costs nothing, but counts.
"""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from pipelines.reproduction.remembering import RememberingEvaluator
from splitnets_tf.errors import UserError
from splitnets_tf.hardware import Graph, System
from splitnets_tf.partition import neurosurgeon
from splitnets_tf.search import (
    AnalyticCost,
    Candidate,
    Constraint,
    Cost,
    CostBackend,
    Evaluator,
    FeasibilityProblem,
    SearchSettings,
    cost_of_cut,
    memory_constraints,
    run_search,
)
from splitnets_tf.space import Architecture, SearchSpace, architecture_graph, sample

__all__ = ["JOINT", "Ablation", "Arm", "arms", "run_arm"]

JOINT = "joint"
"""Name of the arm that the others are compared with."""
_RANDOM_TRIES = 1000
"""Random networks drawn for each that must be feasible."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ablation:
    """What all arms share."""

    space: SearchSpace
    """The supernet's space."""
    system: System
    """Prices and memory."""
    num_classes: int
    """Outputs of the classifier."""
    constraints: tuple[Constraint, ...]
    """What the user asked for besides the memory."""
    settings: SearchSettings
    """Size of each search; the seed is the arm's."""
    evaluator: RememberingEvaluator
    """The trained supernet."""
    directory: Path
    """Where the searches are kept."""
    identity: str
    """Fingerprint of the supernet and what it is evaluated on."""

    @property
    def all_constraints(self) -> tuple[Constraint, ...]:
        """Memory and the user's."""
        return tuple(dict.fromkeys((*memory_constraints(self.system), *self.constraints)))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Arm:
    """One way of spending the evaluations."""

    name: str
    """As tables show it."""
    run: Callable[[Ablation, SearchSettings, Path], tuple[Candidate, ...]]
    """Returns what it evaluated, priced as it would be deployed; what cannot be deployed is left out."""


def arms(space: SearchSpace) -> tuple[Arm, ...]:
    """All arms for a space, the joint one first."""
    deepest = [row.depths[-1] for row in space.stages]
    fixed = [
        Arm(
            name=f"split fixed at stride {space.phases[phase].stride}, block {position}",
            run=_fixed_search(phase, position),
        )
        for phase, position in space.split_choices(deepest)
    ]
    return (
        Arm(name=JOINT, run=_joint_search),
        *fixed,
        Arm(name="architecture first, then Neurosurgeon", run=_architecture_first),
        Arm(name="no split, all on sensor", run=_unsplit_search(lambda graph: len(graph.operations))),
        Arm(name="no split, all on aggregator", run=_unsplit_search(lambda graph: 0)),
        Arm(name="random", run=_random_search),
    )


def run_arm(ablation: Ablation, arm: Arm, seed: int) -> tuple[Candidate, ...]:
    """Spend the evaluations of one arm with one seed, or read back what was spent; returns the deployable candidates.

    An arm for which nothing fits the system returns nothing.
    """
    folder = ablation.directory / "searches" / f"{arm.name.replace(',', '').replace(' ', '_')}-{seed}"
    return arm.run(ablation, dataclasses.replace(ablation.settings, seed=seed), folder)


def _joint_search(ablation: Ablation, settings: SearchSettings, folder: Path) -> tuple[Candidate, ...]:
    cost = AnalyticCost(ablation.space, ablation.system, ablation.num_classes)
    return _search(ablation, settings, folder, cost, ablation.evaluator, ablation.all_constraints)


def _fixed_search(phase: int, position: int) -> Callable[..., tuple[Candidate, ...]]:
    def search(ablation: Ablation, settings: SearchSettings, folder: Path) -> tuple[Candidate, ...]:
        cost = AnalyticCost(ablation.space, ablation.system, ablation.num_classes)
        place = (phase, position)
        return _search(
            ablation, settings, folder, cost, ablation.evaluator, ablation.all_constraints, fixed_split=place
        )

    return search


def _unsplit_search(sensor_operations: Callable[[Graph], int]) -> Callable[..., tuple[Candidate, ...]]:
    def search(ablation: Ablation, settings: SearchSettings, folder: Path) -> tuple[Candidate, ...]:
        cost = _UnsplitCost(ablation, sensor_operations)
        return _search_unsplit(ablation, settings, folder, cost, ablation.all_constraints)

    return search


def _architecture_first(ablation: Ablation, settings: SearchSettings, folder: Path) -> tuple[Candidate, ...]:
    """Accuracy against MACs knows nothing of the devices; the cut comes afterwards, for each network that was found."""
    by_macs = dataclasses.replace(settings, minimise=("macs",))
    found = _search_unsplit(ablation, by_macs, folder, _UnsplitCost(ablation, lambda graph: 0), ())
    cut = []
    for candidate in found:
        graph = architecture_graph(ablation.space, candidate.architecture, ablation.num_classes).graph
        try:
            operations = neurosurgeon(graph, ablation.system).n
        except UserError:  # no cut of this network fits into the memory
            continue
        cost = cost_of_cut(graph, operations, ablation.system)
        if all(constraint.violation(cost.as_dict()) == 0 for constraint in ablation.all_constraints):
            cut.append(dataclasses.replace(candidate, cost=cost))
    return tuple(cut)


def _random_search(ablation: Ablation, settings: SearchSettings, folder: Path) -> tuple[Candidate, ...]:
    """Nothing is kept but the accuracies: the same seed draws the same networks."""
    problem = FeasibilityProblem(
        space=ablation.space,
        cost=AnalyticCost(ablation.space, ablation.system, ablation.num_classes),
        constraints=ablation.all_constraints,
    )
    rng = np.random.default_rng(settings.seed)
    drawn: dict[Architecture, Candidate] = {}
    for _ in range(_RANDOM_TRIES * settings.max_candidates):
        if len(drawn) == settings.max_candidates:
            break
        architecture = sample(ablation.space, rng)
        if architecture not in drawn and problem.violation(architecture) == 0:
            accuracy = ablation.evaluator.evaluate(architecture)
            cost = problem.cost.cost(architecture)
            drawn[architecture] = Candidate(architecture=architecture, accuracy=accuracy, cost=cost)
    return tuple(drawn.values())


def _search_unsplit(
    ablation: Ablation,
    settings: SearchSettings,
    folder: Path,
    cost: "_UnsplitCost",
    constraints: Sequence[Constraint],
) -> tuple[Candidate, ...]:
    """The search knows split networks only, so each stands for the one without its splitting module."""
    one_width = dataclasses.replace(ablation.space, split_widths=ablation.space.split_widths[:1])
    narrowed = dataclasses.replace(ablation, space=one_width)
    found = _search(
        narrowed, settings, folder, cost, _UnsplitEvaluator(ablation.evaluator), constraints, fixed_split=(0, 0)
    )
    return tuple(dataclasses.replace(each, architecture=_unsplit(each.architecture)) for each in found)


def _search(
    ablation: Ablation,
    settings: SearchSettings,
    folder: Path,
    cost: CostBackend,
    evaluator: Evaluator,
    constraints: Sequence[Constraint],
    *,
    fixed_split: tuple[int, int] | None = None,
) -> tuple[Candidate, ...]:
    try:
        result = run_search(
            space=ablation.space,
            cost=cost,
            evaluator=evaluator,
            constraints=constraints,
            settings=settings,
            directory=folder,
            identity=ablation.identity,
            fixed_split=fixed_split,
        )
    except UserError:
        if folder.exists():  # the search could begin, so this is another matter than a system too small
            raise
        return ()
    return result.evaluated


def _unsplit(architecture: Architecture) -> Architecture:
    return dataclasses.replace(architecture, splits=())


class _UnsplitCost:
    """Prices the network without its splitting module, a given number of operations on the sensor."""

    def __init__(self, ablation: Ablation, sensor_operations: Callable[[Graph], int]) -> None:
        self._ablation = ablation
        self._sensor_operations = sensor_operations
        self._known: dict[Architecture, Cost] = {}

    def cost(self, architecture: Architecture) -> Cost:
        """Figures of the network as it would be deployed."""
        bare = _unsplit(architecture)
        if bare not in self._known:
            graph = architecture_graph(self._ablation.space, bare, self._ablation.num_classes).graph
            self._known[bare] = cost_of_cut(graph, self._sensor_operations(graph), self._ablation.system)
        return self._known[bare]


@dataclasses.dataclass(frozen=True)
class _UnsplitEvaluator:
    """Evaluates the network without its splitting module."""

    evaluator: Evaluator

    def evaluate(self, architecture: Architecture) -> float:
        return self.evaluator.evaluate(_unsplit(architecture))
