"""Feasible architectures where they are rare, and proof of effort where there are none.

Nothing here needs a trained network or TensorFlow, so a hopeless set of constraints is refused within a second.
"""

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from splitnets_tf.errors import UserError
from splitnets_tf.search.constraints import Constraint, total_violation
from splitnets_tf.search.neighbours import neighbours
from splitnets_tf.search.placement import place_split
from splitnets_tf.search.protocols import CostBackend, PopulationCostBackend
from splitnets_tf.search.rounding import as_limit
from splitnets_tf.space import Architecture, SearchSpace, mutate, sample, sample_vectors

__all__ = ["FeasibilityProblem", "check_feasible", "repair"]

RANDOM_STARTS = 24
"""Random architectures tried before the search gets directed."""
SCREENED = 8192
"""Random architectures screened after them, where the backend prices many at once."""
CLIMBS = 2
"""Starts of the directed search, the best first."""
STEPS_PER_CLIMB = 80
"""Architectures that one climb may price."""
KICKED_STEPS = 120
"""Architectures that the last climb may price, which leaves dead ends by mutation."""
KICK = 0.2
"""Chance that a gene changes in such a mutation."""

FORESEEN = 32
"""Neighbours whose violation is bounded together."""

Score = tuple[float, ...]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class FeasibilityProblem:
    """A space, its prices and the constraints that candidates must keep."""

    space: SearchSpace
    """Where candidates come from."""
    cost: CostBackend
    """What they cost."""
    constraints: tuple[Constraint, ...]
    """What they must keep."""
    fixed_split: tuple[int, int] | None = None
    """Phase and position at which every candidate is split; None where the place is searched, too."""

    def placed(self, architecture: Architecture) -> Architecture:
        """The architecture with its split moved to the fixed place, if there is one."""
        if self.fixed_split is None:
            return architecture
        phase, position = self.fixed_split
        return place_split(self.space, architecture, phase, position)

    @property
    def priced_together(self) -> tuple[Constraint, ...]:
        """The constraints that the backend can check for many architectures at once."""
        if not isinstance(self.cost, PopulationCostBackend):
            return ()
        return tuple(each for each in self.constraints if each.names <= self.cost.population_figures)

    def violation(self, architecture: Architecture) -> float:
        """Sum of the relative violations; 0 for a feasible architecture."""
        if not self.constraints:
            return 0.0
        return total_violation(self.constraints, self.cost.cost(architecture).as_dict())

    def least_violations(self, architectures: Sequence[Architecture]) -> npt.NDArray[np.float64]:
        """A lower bound of each `violation`: by the constraints of `priced_together`, exact if those are all.

        Returns:
            float64 `[n]`.
        """
        return self.least_of_vectors(np.stack([self.space.encode(architecture) for architecture in architectures]))

    def least_of_vectors(self, vectors: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.float64]:
        """As `least_violations`, for int `[n, vector_length]` as `SearchSpace.encode` makes them."""
        least = np.zeros(len(vectors))
        if self.priced_together and isinstance(self.cost, PopulationCostBackend):
            figures = self.cost.figures(vectors)
            for constraint in self.priced_together:
                least = least + constraint.violations(figures)
        return least


def repair(
    problem: FeasibilityProblem, start: Architecture, rng: np.random.Generator, *, max_steps: int = STEPS_PER_CLIMB
) -> Architecture | None:
    """Walk from an architecture to a feasible one, each step lowering the violation.

    Args:
        problem: Space, prices and constraints.
        start: An architecture with exactly one split.
        rng: Decides the order in which neighbours are tried.
        max_steps: Architectures that may be priced.

    Returns:
        A feasible architecture, or None where the walk ends before one is found.
    """
    found = _climb(
        problem,
        lambda architecture: (problem.violation(architecture),),
        start,
        rng,
        max_steps,
        kicks=True,
        foresee=problem,
    )
    return found if problem.violation(found) == 0 else None


def check_feasible(problem: FeasibilityProblem, rng: np.random.Generator) -> Architecture:
    """Find one feasible architecture, or say what is wrong with the constraints.

    Random architectures come first, then the screened ones of a large random population, then walks from the best of
    all; the number of architectures priced is bounded.

    Returns:
        A feasible architecture with exactly one split.

    Raises:
        UserError: None was found. The message names the closest architecture, every constraint that it misses and by
            how much, and the nearest value that can be reached.
    """
    tried: dict[Architecture, float] = {}

    def price(architecture: Architecture) -> Score:
        if architecture not in tried:
            tried[architecture] = problem.violation(architecture)
        return (tried[architecture],)

    for _ in range(RANDOM_STARTS):
        architecture = problem.placed(sample(problem.space, rng))
        if price(architecture) == (0.0,):
            return architecture
    for architecture in _screened(problem, rng):
        if price(architecture) == (0.0,):
            return architecture
    for start in sorted(tried, key=lambda architecture: tried[architecture])[:CLIMBS]:
        found = _climb(problem, price, start, rng, STEPS_PER_CLIMB)
        if price(found) == (0.0,):
            return found
    found = _climb(problem, price, min(tried, key=price), rng, KICKED_STEPS, kicks=True)
    if price(found) == (0.0,):
        return found
    closest = min(tried, key=lambda architecture: tried[architecture])
    figures = problem.cost.cost(closest).as_dict()
    missed = [constraint for constraint in problem.constraints if constraint.violation(figures) > 0]
    nearest = {constraint: _nearest(problem, constraint, list(tried), rng) for constraint in missed}
    for found in nearest.values():
        if price(found) == (0.0,):
            return found
    raise UserError(_explain(problem, closest, nearest))


def _screened(problem: FeasibilityProblem, rng: np.random.Generator) -> list[Architecture]:
    """A few random architectures that pass the screen; none where the backend cannot screen."""
    if not isinstance(problem.cost, PopulationCostBackend):
        return []
    vectors = sample_vectors(problem.space, rng, SCREENED if problem.fixed_split is None else SCREENED // 16)
    if problem.fixed_split is not None:
        vectors = np.stack([problem.space.encode(problem.placed(problem.space.decode(vector))) for vector in vectors])
    passing = vectors[problem.least_of_vectors(vectors) == 0]
    return [problem.space.decode(vector) for vector in passing[:RANDOM_STARTS]]


def _climb(
    problem: FeasibilityProblem,
    score: Callable[[Architecture], Score],
    start: Architecture,
    rng: np.random.Generator,
    max_steps: int,
    *,
    kicks: bool = False,
    foresee: FeasibilityProblem | None = None,
) -> Architecture:
    """First-improvement descent of a score (compared from left to right) until it is 0 or out of steps.

    Where no neighbour is better, the descent ends; with `kicks` it goes on from a mutation of the best so far.
    With `foresee`, whose violation is the score, neighbours are priced together where that can be; the descent is the
    same with it and without.
    """
    best, best_score = start, score(start)
    current, current_score = best, best_score
    exact = foresee is not None and foresee.priced_together == foresee.constraints
    moves = _foreseen(foresee, _moves(problem, current, rng))
    for _ in range(max_steps):
        if not any(best_score):
            break
        candidate, bound = next(moves, (None, (-math.inf,)))
        if candidate is None and not kicks:
            break
        if candidate is not None and bound >= current_score:
            continue
        kicked = candidate is None
        if candidate is None:
            candidate = problem.placed(mutate(problem.space, best, rng, probability=KICK))
        candidate_score = bound if exact and not kicked else score(candidate)
        if kicked or candidate_score < current_score:
            current, current_score = candidate, candidate_score
            moves = _foreseen(foresee, _moves(problem, current, rng))
        if candidate_score < best_score:
            best, best_score = candidate, candidate_score
    return best


def _moves(problem: FeasibilityProblem, current: Architecture, rng: np.random.Generator) -> Iterator[Architecture]:
    """Neighbours, those that differ only in a split that is fixed left out."""
    for neighbour in neighbours(problem.space, current, rng):
        if (placed := problem.placed(neighbour)) != current:
            yield placed


def _foreseen(
    problem: FeasibilityProblem | None, moves: Iterator[Architecture]
) -> Iterator[tuple[Architecture, Score]]:
    """Each neighbour with a lower bound of its violation, found for several at once where that can be."""
    if problem is None or not problem.priced_together:
        yield from ((move, (-math.inf,)) for move in moves)
        return
    while block := list(itertools.islice(moves, FORESEEN)):
        bounds = problem.least_violations(block).tolist()
        yield from ((move, (bound,)) for move, bound in zip(block, bounds, strict=True))


def _nearest(
    problem: FeasibilityProblem, constraint: Constraint, tried: Sequence[Architecture], rng: np.random.Generator
) -> Architecture:
    """The architecture that comes nearest to one constraint, the others kept as far as possible."""
    others = tuple(other for other in problem.constraints if other != constraint)

    def score(architecture: Architecture) -> Score:
        figures = problem.cost.cost(architecture).as_dict()
        return (total_violation(others, figures), constraint.violation(figures))

    return _climb(problem, score, min(tried, key=score), rng, STEPS_PER_CLIMB)


def _explain(problem: FeasibilityProblem, closest: Architecture, nearest: Mapping[Constraint, Architecture]) -> str:
    figures = problem.cost.cost(closest).as_dict()
    listed = " and ".join(constraint.text for constraint in problem.constraints)
    parts = ", ".join(_missed_by(constraint, figures) for constraint in nearest)
    reach = "; ".join(_reachable(problem, constraint, nearest[constraint]) for constraint in nearest)
    return (
        f"no architecture of the space {problem.space.name} satisfies {listed}: the closest one found "
        f"({closest.short_id}) has {parts}; {reach}; loosen the constraint to that or change the others"
    )


def _missed_by(constraint: Constraint, figures: Mapping[str, float]) -> str:
    value, limit = constraint.value(figures), constraint.limit.evaluate(figures)
    if not math.isfinite(value):
        return f"no defined {constraint.subject_text}"
    share = f"{100 * abs(value - limit) / abs(limit):.3g} % " if limit else ""
    amount = f"{share}{'over' if constraint.upper else 'under'} its limit"
    return f"{constraint.subject_text} = {as_limit(value, upper=constraint.upper)} ({amount})"


def _reachable(problem: FeasibilityProblem, constraint: Constraint, nearest: Architecture) -> str:
    figures = problem.cost.cost(nearest).as_dict()
    value = constraint.value(figures)
    if not math.isfinite(value):
        return f"{constraint.subject_text} divides by zero or names a figure that the system has no constants for"
    extreme = "smallest" if constraint.upper else "largest"
    others = [other for other in problem.constraints if other != constraint]
    kept = total_violation(others, figures) == 0
    condition = "" if not others else " under the other constraints" if kept else " where the others are missed least"
    return f"the {extreme} reachable {constraint.subject_text}{condition} is {as_limit(value, upper=constraint.upper)}"
