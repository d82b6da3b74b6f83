"""How the search proposes: the space's extremes and random feasible architectures first, then children of the best.

Source: SplitNets, section 3.2: networks of the current generation are mutated and crossed, children that break a hard
constraint are dropped, the others compete on accuracy and latency. Parents are ranked as in NSGA-II.
"""

import dataclasses
from collections.abc import Callable, Collection, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from splitnets_tf.search.candidate import Candidate
from splitnets_tf.search.descent import repair
from splitnets_tf.search.pareto import objective_array, rank_and_crowd
from splitnets_tf.search.problem import FeasibilityProblem
from splitnets_tf.search.settings import SearchSettings
from splitnets_tf.space import (
    Architecture,
    SearchSpace,
    Split,
    child_vectors,
    crossover,
    mutate,
    sample,
    sample_vectors,
)

__all__ = ["breed", "extremes", "propose", "select_parents"]

REPAIRS = 8
"""Directed walks after the plain retries have failed."""
LARGEST_BATCH = 32
"""Proposals made before they are screened together."""
FEW = 15
"""Proposals made one at a time before `MANY` are made at once: a loosely constrained search never needs them."""
MANY = 2048
"""Proposals made and screened at once where feasible networks are rare."""


def select_parents(evaluated: Sequence[Candidate], settings: SearchSettings) -> tuple[Architecture, ...]:
    """The architectures that may have children, best first.

    Half a generation's number of parents served both short searches (6 generations of 16) and long ones (15 of 50)
    best on synthetic tables; a whole generation's number was slower, a quarter's lost diversity.

    Args:
        evaluated: Every candidate of the earlier generations, so that nothing good is ever lost.
        settings: Gives the size of a generation and the objectives.

    Returns:
        Architectures by non-dominated rank, then by crowding distance; empty without candidates.
    """
    count = max(2, settings.population // 2)
    best = rank_and_crowd(objective_array(evaluated, settings.minimise), count)
    return tuple(evaluated[index].architecture for index in best)


def extremes(space: SearchSpace) -> tuple[Architecture, ...]:
    """The largest and the smallest network, each split at the start of every phase with a middling width.

    A random network is never near the largest one in a space of many genes (its MACs concentrate around the mean), so
    a short search would not find the accurate end of the front. Mutation moves their splits from here.
    """
    width = space.split_widths[len(space.split_widths) // 2]
    return tuple(
        dataclasses.replace(network, splits=(Split(phase=phase.index, position=0, width=width),))
        for network in (space.largest(), space.smallest())
        for phase in reversed(space.phases)
    )


def propose(
    problem: FeasibilityProblem,
    settings: SearchSettings,
    parents: Sequence[Architecture],
    known: Collection[Architecture],
    rng: np.random.Generator,
) -> Architecture | None:
    """A feasible architecture that has not been proposed before.

    Without parents the first proposals are the space's extremes, repaired where they break a constraint.

    Args:
        problem: Space, prices and constraints.
        settings: Probabilities and the bound on retries.
        parents: From `select_parents`; a random architecture is proposed where there are none.
        known: Architectures proposed so far.
        rng: The search's generator.

    Returns:
        An architecture with exactly one split, or None where a bounded effort finds no new one.
    """

    def fresh(architecture: Architecture) -> bool:
        return architecture not in known and problem.violation(architecture) == 0

    def random() -> Architecture:
        return problem.placed(sample(problem.space, rng))

    def child() -> Architecture:
        return problem.placed(_child(problem.space, settings, parents, rng))

    if not parents:
        firsts = tuple(dict.fromkeys(problem.placed(extreme) for extreme in extremes(problem.space)))
        for extreme in firsts[len(known) : len(known) + 1]:
            repaired = repair(problem, extreme, rng)
            if repaired is not None and repaired not in known:
                return repaired
    makers = [(random, lambda: problem.passing(sample_vectors(problem.space, rng, MANY)))]
    if parents:
        makers.insert(0, (child, lambda: breed(problem, settings, parents, MANY, rng)))
    for make, make_many in makers:
        for architecture in _candidates(problem, settings, make, make_many, rng):
            if fresh(architecture):
                return architecture
    for make, _ in makers:
        for _ in range(REPAIRS):
            repaired = repair(problem, make(), rng)
            if repaired is not None and repaired not in known:
                return repaired
    return None


def breed(
    problem: FeasibilityProblem,
    settings: SearchSettings,
    parents: Sequence[Architecture],
    count: int,
    rng: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """Many children at once, bred as those of `propose`, without those that the screen refuses.

    Args:
        problem: Space, prices and constraints.
        settings: Probabilities.
        parents: From `select_parents`, at least one.
        count: How many are bred.
        rng: The search's generator.

    Returns:
        Distinct value vectors, int64 `[n, vector_length]` with n from 0 to `count`, in random order.
    """
    ranks = rng.integers(len(parents), size=(2, count, 2)).min(axis=2)
    vectors = np.stack([problem.space.encode(parent) for parent in parents])
    children = child_vectors(
        problem.space,
        vectors[ranks[0]],
        vectors[ranks[1]],
        rng,
        crossed=rng.random(count) < settings.crossover_probability,
        mutation_probability=settings.mutation_probability,
    )
    return problem.passing(children)


def _candidates(
    problem: FeasibilityProblem,
    settings: SearchSettings,
    make: Callable[[], Architecture],
    make_many: Callable[[], npt.NDArray[np.int64]],
    rng: np.random.Generator,
) -> Iterator[Architecture]:
    """Up to `max_retries` proposals; where the backend can screen, a few, then those that pass among many."""
    if not problem.priced_together:
        yield from _screened(problem, make, settings.max_retries, rng)
        return
    yield from _screened(problem, make, min(FEW, settings.max_retries), rng)
    for vector in make_many()[: settings.max_retries]:
        yield problem.space.decode(vector)


def _screened(
    problem: FeasibilityProblem, make: Callable[[], Architecture], count: int, rng: np.random.Generator
) -> Iterator[Architecture]:
    """Up to `count` proposals, without those that the screen refuses.

    Batches grow from one on, so that a loosely constrained search makes none in vain. When a proposal is handed out the
    generator stands where making that one left it: the search draws the same numbers as if it made one at a time.
    """
    made, size = 0, 1
    while made < count:
        batch, states = [], []
        for _ in range(min(size, count - made)):
            batch.append(make())
            states.append(rng.bit_generator.state)
        passing = _passing(problem, batch)
        for architecture, state, passes in zip(batch, states, passing, strict=True):
            if passes:
                rng.bit_generator.state = state
                yield architecture
        rng.bit_generator.state = states[-1]
        made += len(batch)
        size = min(2 * size, LARGEST_BATCH) if problem.priced_together else 1


def _passing(problem: FeasibilityProblem, batch: Sequence[Architecture]) -> Sequence[bool]:
    """A single proposal is not worth screening: its figures will be wanted one by one."""
    if len(batch) == 1:
        return [True]
    return [least == 0 for least in problem.least_violations(batch).tolist()]


def _child(
    space: SearchSpace, settings: SearchSettings, parents: Sequence[Architecture], rng: np.random.Generator
) -> Architecture:
    child = _tournament(parents, rng)
    if rng.random() < settings.crossover_probability:
        child = crossover(space, child, _tournament(parents, rng), rng)
    return mutate(space, child, rng, probability=settings.mutation_probability)


def _tournament(parents: Sequence[Architecture], rng: np.random.Generator) -> Architecture:
    """The better of two random parents; they are sorted, so the lower index wins."""
    return parents[int(rng.integers(len(parents), size=2).min())]
