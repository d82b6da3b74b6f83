"""What all proposals of one generation share: its parents, the front so far, and the predictor if it is any good.

It follows from the candidates of the earlier generations alone, so a resumed search, or one with many workers, proposes
the same.
"""

import dataclasses
from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

from splitnets_tf.search.breeding import propose, select_parents
from splitnets_tf.search.candidate import Candidate, PredictorCheck
from splitnets_tf.search.feasibility import FeasibilityProblem
from splitnets_tf.search.halving import margins
from splitnets_tf.search.pareto import objective_array
from splitnets_tf.search.predictor import AccuracyPredictor, rank_correlation
from splitnets_tf.search.protocols import Cost
from splitnets_tf.search.settings import SearchSettings
from splitnets_tf.space import Architecture

__all__ = ["Generation", "begin_generation", "propose_next"]

LEAST_FITTED = 16
"""Candidates below which no predictor is fitted."""
LEAST_JUDGED = 16
"""Unseen candidates below which its rank correlation would be chance."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Generation:
    """The state of a search between two generations."""

    parents: tuple[Architecture, ...]
    """Best first; none for the first generation."""
    rivals: npt.NDArray[np.float64]
    """The candidates counted on all images, float64 `[n, 1 + minimised figures]`: minus the accuracy, the figures."""
    predictor: AccuracyPredictor | None = None
    """Screens children; None where it is off or poor."""
    check: PredictorCheck | None = None
    """How it was judged, if it could be."""

    after_parts: npt.NDArray[np.float64] | None = None
    """The rivals' accuracies after each part of the validation images, float64 `[n, parts]`, where there are parts."""

    def front_accuracy(self, cost: Cost, settings: SearchSettings) -> float:
        """The best accuracy so far at this cost; the lowest of all where everything so far costs more."""
        cheaper = self._cheaper(cost, settings)
        return float(-self.rivals[cheaper, 0].min()) if cheaper.any() else float(-self.rivals[:, 0].max())

    def floors_of(self, cost: Cost, settings: SearchSettings) -> tuple[float | None, ...]:
        """The accuracies that a candidate of this cost must reach after each part; None where nothing demands any."""
        if self.after_parts is None:
            return (None,) * len(settings.validation_parts)
        cheaper = self._cheaper(cost, settings)
        if not cheaper.any():
            return (None,) * len(settings.validation_parts)
        floors = self.after_parts[cheaper].max(axis=0) - margins(-self.rivals[:, 0], self.after_parts)
        return tuple(float(floor) if floor > 0 else None for floor in floors)

    def _cheaper(self, cost: Cost, settings: SearchSettings) -> npt.NDArray[np.bool_]:
        """Which rivals cost no more in any minimised figure."""
        figures = np.array([getattr(cost, name) for name in settings.minimise], dtype=np.float64)
        return np.all(self.rivals[:, 1:] <= figures, axis=1)


def begin_generation(
    problem: FeasibilityProblem, settings: SearchSettings, earlier: Sequence[Sequence[Candidate]]
) -> Generation:
    """What the next generation starts from.

    Args:
        problem: Space, prices, constraints.
        settings: The search's.
        earlier: The candidates of each earlier generation, in the order of proposal.
    """
    evaluated = [each for generation in earlier for each in generation]
    whole = [each for each in evaluated if not each.given_up]
    predictor, check = _judged_predictor(problem, settings, earlier) if settings.predictor else (None, None)
    return Generation(
        parents=select_parents(whole, settings),
        rivals=objective_array(whole, settings.minimise),
        predictor=predictor,
        check=check,
        after_parts=np.array([each.after_parts for each in whole]) if settings.validation_parts and whole else None,
    )


def _judged_predictor(
    problem: FeasibilityProblem, settings: SearchSettings, earlier: Sequence[Sequence[Candidate]]
) -> tuple[AccuracyPredictor | None, PredictorCheck | None]:
    """Fit to the earlier generations and predict the last one, or as many as a judgement needs.

    If the ranks agree, the predictor that is returned is fitted to all.
    """
    seen, unseen = [list(generation) for generation in earlier], list[Candidate]()
    while seen and len(unseen) < LEAST_JUDGED:
        unseen = seen.pop() + unseen
    fitted = [each for generation in seen for each in generation]
    if len(fitted) < LEAST_FITTED or len(unseen) < LEAST_JUDGED:
        return None, None
    guessed = AccuracyPredictor(problem.space, fitted).predict([(each.architecture, each.cost) for each in unseen])
    correlation = rank_correlation(guessed, [each.accuracy for each in unseen])
    good = correlation >= settings.least_rank_correlation
    check = PredictorCheck(generation=len(earlier) + 1, rank_correlation=correlation, used=good)
    return AccuracyPredictor(problem.space, [*fitted, *unseen]) if good else None, check


def propose_next(
    problem: FeasibilityProblem,
    settings: SearchSettings,
    generation: Generation,
    known: Collection[Architecture],
    rng: np.random.Generator,
) -> Architecture | None:
    """The next candidate: a child, or of several children the one that promises most beyond the front.

    Args:
        problem: Space, prices, constraints.
        settings: The search's.
        generation: From `begin_generation`.
        known: Architectures proposed so far.
        rng: The search's generator.

    Returns:
        None where a bounded effort finds no new feasible architecture.
    """
    if generation.predictor is None:
        return propose(problem, settings, generation.parents, known, rng)
    children: list[Architecture] = []
    seen = set(known)
    while len(children) < settings.children:
        child = propose(problem, settings, generation.parents, seen, rng)
        if child is None:
            break
        children.append(child)
        seen.add(child)
    if not children:
        return None
    costs = [problem.cost.cost(child) for child in children]
    gains = generation.predictor.predict(list(zip(children, costs, strict=True)))
    gains -= [generation.front_accuracy(cost, settings) for cost in costs]
    return children[int(np.argmax(gains))]
