"""An evaluated architecture, and what a whole search returns."""

import dataclasses

from splitnets_tf.search.protocols import Cost
from splitnets_tf.space import Architecture

__all__ = ["Candidate", "SearchProgress", "SearchResult"]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """An architecture with its measured accuracy and its figures."""

    architecture: Architecture
    """The network, with one split."""
    accuracy: float
    """Validation accuracy in [0, 1], inherited from the supernet."""
    cost: Cost
    """Hardware figures."""

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
class SearchResult:
    """The outcome of a search."""

    front: tuple[Candidate, ...]
    """Non-dominated candidates, fastest first."""
    evaluated: tuple[Candidate, ...]
    """Every evaluated candidate in the order of proposal."""
    generations: int
    """Generations that were begun; fewer than asked for where the space ran out of feasible architectures."""
