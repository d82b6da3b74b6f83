"""An evaluated architecture, and what a whole search returns."""

import dataclasses

from splitnets_tf.search.protocols import Cost
from splitnets_tf.space import Architecture

__all__ = ["Candidate", "PredictorCheck", "SearchProgress", "SearchResult"]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """An architecture with its measured accuracy and its figures."""

    architecture: Architecture
    """The network, with one split."""
    accuracy: float
    """Validation accuracy in [0, 1], inherited from the supernet."""
    cost: Cost
    """Hardware figures."""
    counted: float = 1.0
    """Share of the validation images on which the accuracy was counted; below 1, the candidate was given up as clearly
    dominated."""
    after_parts: tuple[float, ...] = dataclasses.field(default=(), compare=False)
    """Accuracy after each part of the validation images, where the search counts in parts."""

    @property
    def given_up(self) -> bool:
        """Whether the accuracy was counted on a part of the images only."""
        return self.counted < 1

    @property
    def id(self) -> str:
        """The architecture's short name in files and tables."""
        return self.architecture.short_id

    def figure(self, name: str) -> float:
        """Accuracy or one of the cost's figures by its name."""
        return self.accuracy if name == "accuracy" else float(getattr(self.cost, name))


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SearchProgress:
    """How far a search is; given to the caller's hook before the first and after each evaluation."""

    done: int
    """Candidates evaluated, those of an earlier, interrupted call included."""
    total: int
    """Candidates of the whole search."""
    generation: int
    """Generation under evaluation, counted from 1."""
    generations: int
    """Generations of the whole search."""
    best_accuracy: float
    """Highest validation accuracy so far; 0 before the first evaluation."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class PredictorCheck:
    """How well the accuracy predictor ranked the last candidates, which it had not seen."""

    generation: int
    """The generation before which the predictor was judged, counted from 1; those before it were predicted."""
    rank_correlation: float
    """Spearman's, between predicted and measured accuracies."""
    used: bool
    """Whether it was good enough to screen the generation's children."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SearchResult:
    """The outcome of a search."""

    front: tuple[Candidate, ...]
    """Non-dominated candidates, fastest first; none that was given up is among them."""
    evaluated: tuple[Candidate, ...]
    """Every evaluated candidate in the order of proposal."""
    generations: int
    """Generations that were begun; fewer than asked for where the space ran out of feasible architectures."""
    predictor_checks: tuple[PredictorCheck, ...] = ()
    """One for each generation that the predictor could be judged for; empty without one."""
