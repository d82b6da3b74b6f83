"""What all proposals of one generation share: its parents, the front so far, and the predictor if it is any good.

It follows from the candidates of the earlier generations alone, so a resumed search, or one with many workers, proposes
the same.
"""

import dataclasses
from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

from splitnets_tf.search.breeding import breed, propose, select_parents
from splitnets_tf.search.candidate import Candidate, PredictorCheck
from splitnets_tf.search.halving import margins
from splitnets_tf.search.pareto import objective_array
from splitnets_tf.search.predictor import LOGARITHMS, AccuracyPredictor, rank_correlation
from splitnets_tf.search.problem import FeasibilityProblem
from splitnets_tf.search.protocols import Cost
from splitnets_tf.search.settings import SearchSettings
from splitnets_tf.space import Architecture

__all__ = ["Generation", "begin_generation", "propose_next"]

LEAST_FITTED = 16
"""Candidates below which no predictor is fitted."""
LEAST_JUDGED = 16
"""Unseen candidates below which its rank correlation would be chance."""

BRED = 4
"""Children bred for each that is compared: some are alike, others break a constraint."""
MOST_ALONE = 8
"""Children that are compared where the backend prices them one by one."""


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

    def front_accuracies(self, figures: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The best accuracy so far at n costs; the lowest of all where everything so far costs more.

        Args:
            figures: The minimised figures, float64 `[n, minimised figures]`.
        """
        cheaper = np.all(self.rivals[None, :, 1:] <= figures[:, None, :], axis=2)
        return np.where(cheaper, -self.rivals[:, 0], -self.rivals[:, 0].max()).max(axis=1)

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
    blind = AccuracyPredictor(problem.space, fitted)
    figures = {name: np.array([each.figure(name) for each in unseen]) for name in LOGARITHMS}
    guessed = blind.predict(np.stack([problem.space.encode(each.architecture) for each in unseen]), figures)
    correlation = rank_correlation(guessed, [each.accuracy for each in unseen])
    good = correlation >= settings.least_rank_correlation
    check = PredictorCheck(generation=len(earlier) + 1, rank_correlation=correlation, used=good)
    return AccuracyPredictor(problem.space, [*fitted, *unseen], like=blind) if good else None, check


def propose_next(
    problem: FeasibilityProblem,
    settings: SearchSettings,
    generation: Generation,
    known: Collection[Architecture],
    rng: np.random.Generator,
) -> Architecture | None:
    """The next candidate: a child, or of many children the one that promises most.

    Args:
        problem: Space, prices, constraints.
        settings: The search's.
        generation: From `begin_generation`.
        known: Architectures proposed so far.
        rng: The search's generator.

    Returns:
        None where a bounded effort finds no new feasible architecture.
    """
    if generation.predictor is not None:
        promising = _most_promising(problem, settings, generation, generation.predictor, known, rng)
        if promising is not None:
            return promising
    return propose(problem, settings, generation.parents, known, rng)


def _most_promising(
    problem: FeasibilityProblem,
    settings: SearchSettings,
    generation: Generation,
    predictor: AccuracyPredictor,
    known: Collection[Architecture],
    rng: np.random.Generator,
) -> Architecture | None:
    """The new feasible child with the highest drawn accuracy, every other time with the largest gain beyond the front.

    Each proposal has a draw of its own (Thompson sampling), so that the candidates of one generation differ although
    all follow from the same evaluations. Gains alone would seldom be sought at the accurate end of the front, where
    they are small and where networks are chosen.
    """
    names = {*LOGARITHMS, *settings.minimise}
    count = settings.children if problem.prices_together(names) else min(settings.children, MOST_ALONE)
    vectors = breed(problem, settings, generation.parents, BRED * count, rng)[:count]
    if not len(vectors):
        return None
    figures = problem.figures(vectors, names)
    promise = predictor.draw(vectors, figures, rng)
    if rng.random() < 0.5:
        promise -= generation.front_accuracies(np.stack([figures[name] for name in settings.minimise], axis=1))
    for index in np.argsort(-promise, kind="stable"):
        child = problem.space.decode(vectors[index])
        if child not in known and problem.violation(child) == 0:
            return child
    return None
