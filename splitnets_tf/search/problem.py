"""What a search may propose: a space, what its architectures cost, and the constraints that they must keep."""

import dataclasses
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from splitnets_tf.search.constraints import Constraint, total_violation
from splitnets_tf.search.placement import place_split
from splitnets_tf.search.protocols import CostBackend, PopulationCostBackend
from splitnets_tf.space import Architecture, SearchSpace

__all__ = ["FeasibilityProblem"]


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

    def placed_vectors(self, vectors: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """As `placed`, for int `[n, vector_length]` as `SearchSpace.encode` makes them."""
        if self.fixed_split is None:
            return vectors
        placed = [self.space.encode(self.placed(self.space.decode(vector))) for vector in vectors]
        return np.stack(placed).astype(np.int64)

    @property
    def priced_together(self) -> tuple[Constraint, ...]:
        """The constraints that the backend can check for many architectures at once."""
        return tuple(each for each in self.constraints if self.prices_together(each.names))

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

    def passing(self, vectors: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Those of n vectors that keep what the backend can check for many at once, placed, each once, in their order.

        Args:
            vectors: int `[n, vector_length]` as `SearchSpace.encode` makes them.
        """
        placed = self.placed_vectors(vectors)
        distinct = placed[np.sort(np.unique(placed, axis=0, return_index=True)[1])]
        return distinct[self.least_of_vectors(distinct) == 0]

    def prices_together(self, names: Collection[str]) -> bool:
        """Whether the backend gives all these figures of many architectures at once."""
        return isinstance(self.cost, PopulationCostBackend) and self.cost.population_figures.issuperset(names)

    def figures(self, vectors: npt.NDArray[np.integer[Any]], names: Collection[str]) -> dict[str, npt.NDArray[Any]]:
        """Named figures of n architectures: at once where the backend can, else one by one.

        Args:
            vectors: int `[n, vector_length]` as `SearchSpace.encode` makes them.
            names: Of `COST_FIGURES`.

        Returns:
            Arrays `[n]` by name.
        """
        if isinstance(self.cost, PopulationCostBackend) and self.prices_together(names):
            return dict(self.cost.figures(vectors))
        costs = [self.cost.cost(self.space.decode(vector)) for vector in vectors]
        return {name: np.array([getattr(cost, name) for cost in costs]) for name in names}
