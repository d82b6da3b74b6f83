"""Feasible architectures where they are rare, and proof of effort where there are none.

Nothing here needs a trained network or TensorFlow, so a hopeless set of constraints is refused within a second.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from splitnets_tf.errors import UserError
from splitnets_tf.search.constraints import Constraint, total_violation
from splitnets_tf.search.descent import STEPS_PER_CLIMB, Score, climb
from splitnets_tf.search.problem import FeasibilityProblem
from splitnets_tf.search.protocols import PopulationCostBackend
from splitnets_tf.search.rounding import as_limit
from splitnets_tf.space import Architecture, sample, sample_vectors

__all__ = ["check_feasible"]

RANDOM_STARTS = 24
"""Random architectures tried before the search gets directed."""
SCREENED = 8192
"""Random architectures screened after them, where the backend prices many at once."""
CLIMBS = 2
"""Starts of the directed search, the best first."""
KICKED_STEPS = 120
"""Architectures that the last climb may price, which leaves dead ends by mutation."""


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
        found = climb(problem, price, start, rng, STEPS_PER_CLIMB)
        if price(found) == (0.0,):
            return found
    found = climb(problem, price, min(tried, key=price), rng, KICKED_STEPS, kicks=True)
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
    return [problem.space.decode(vector) for vector in problem.passing(vectors)[:RANDOM_STARTS]]


def _nearest(
    problem: FeasibilityProblem, constraint: Constraint, tried: Sequence[Architecture], rng: np.random.Generator
) -> Architecture:
    """The architecture that comes nearest to one constraint, the others kept as far as possible."""
    others = tuple(other for other in problem.constraints if other != constraint)

    def score(architecture: Architecture) -> Score:
        figures = problem.cost.cost(architecture).as_dict()
        return (total_violation(others, figures), constraint.violation(figures))

    return climb(problem, score, min(tried, key=score), rng, STEPS_PER_CLIMB)


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
    amount = f"{_share(abs(value - limit), abs(limit))}{'over' if constraint.upper else 'under'} its limit"
    return f"{constraint.subject_text} = {as_limit(value, upper=constraint.upper)} ({amount})"


def _share(distance: float, limit: float) -> str:
    """How far, in percent of the limit; of a limit of 0 there is no share."""
    if not limit:
        return ""
    percent = 100 * distance / limit
    return f"{percent:.3g} % " if percent < 1000 else f"{percent:,.0f} % "


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
