"""Walks from neighbour to neighbour towards a feasible architecture."""

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np

from splitnets_tf.search.neighbours import neighbours
from splitnets_tf.search.problem import FeasibilityProblem
from splitnets_tf.space import Architecture, mutate

__all__ = ["STEPS_PER_CLIMB", "Score", "climb", "repair"]

STEPS_PER_CLIMB = 80
"""Architectures that one climb may price."""
KICK = 0.2
"""Chance that a gene changes in such a mutation as leaves a dead end."""
FORESEEN = 32
"""Neighbours whose violation is bounded together."""

Score = tuple[float, ...]


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
    found = climb(
        problem,
        lambda architecture: (problem.violation(architecture),),
        start,
        rng,
        max_steps,
        kicks=True,
        foresee=problem,
    )
    return found if problem.violation(found) == 0 else None


def climb(
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
    With `foresee`, whose violation is the score, the constraints that can be checked for many at once come first: only
    what keeps all of them is priced alone.
    """

    def rated(candidate: Architecture, bound: float | None) -> Score:
        if bound is None:
            return score(candidate)
        return (bound, math.inf) if bound else (0.0, *score(candidate))

    best, best_score = start, rated(start, _bound(foresee, start))
    current, current_score = best, best_score
    moves = _foreseen(foresee, _moves(problem, current, rng))
    for _ in range(max_steps):
        if not any(best_score):
            break
        candidate, bound = next(moves, (None, None))
        if candidate is None and not kicks:
            break
        kicked = candidate is None
        if candidate is None:
            candidate = problem.placed(mutate(problem.space, best, rng, probability=KICK))
            bound = _bound(foresee, candidate)
        elif bound is not None and (bound, 0.0) >= current_score:
            continue
        candidate_score = rated(candidate, bound)
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


def _bound(problem: FeasibilityProblem | None, architecture: Architecture) -> float | None:
    """A lower bound of the violation, where it costs less than the violation."""
    if problem is None or not problem.priced_together:
        return None
    return float(problem.least_violations([architecture])[0])


def _foreseen(
    problem: FeasibilityProblem | None, moves: Iterator[Architecture]
) -> Iterator[tuple[Architecture, float | None]]:
    """Each neighbour with a lower bound of its violation, found for several at once where that can be."""
    if problem is None or not problem.priced_together:
        yield from ((move, None) for move in moves)
        return
    while block := list(itertools.islice(moves, FORESEEN)):
        yield from zip(block, problem.least_violations(block).tolist(), strict=True)
