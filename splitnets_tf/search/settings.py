"""How long and how boldly the evolutionary search explores."""

import dataclasses
import math

from splitnets_tf.errors import UserError
from splitnets_tf.search.protocols import COST_FIGURES

__all__ = ["SearchSettings"]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SearchSettings:
    """Settings of the evolutionary search; the defaults are the paper's recipe (AttentiveNAS's, which it names)."""

    population: int = 512
    """Candidates of one generation."""
    generations: int = 20
    """Generations, the random first one included."""
    mutation_probability: float = 0.2
    """Chance that a child's gene is redrawn."""
    crossover_probability: float = 0.5
    """Chance that a child mixes two parents before mutation; otherwise it starts as a copy of one."""
    seed: int = 0
    """Seed of the search's random generator."""
    max_retries: int = 100
    """Proposals that may be infeasible or already known before a child is made by repair instead."""
    minimise: tuple[str, ...] = ("latency_ms",)
    """Cost figures to minimise; accuracy is always maximised."""
    validation_parts: tuple[float, ...] = ()
    """Shares of the validation images, rising, after each of which a candidate that is clearly dominated is given up
    (successive halving); without any, every candidate is counted on all images."""
    predictor: bool = False
    """Whether a predictor of accuracy, fitted to what was evaluated, chooses among several children."""
    children: int = 128
    """Children among which the predictor chooses one."""
    least_rank_correlation: float = 0.5
    """The predictor is asked only while its rank correlation with the last candidates is at least this."""

    def __post_init__(self) -> None:
        for field, least in (("population", 2), ("generations", 1), ("seed", 0), ("max_retries", 1), ("children", 1)):
            value = getattr(self, field)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise UserError(f"search: {field} should be an integer of at least {least}, received {value!r}")
        for field in ("mutation_probability", "crossover_probability", "least_rank_correlation"):
            value = getattr(self, field)
            if not _is_number(value) or not 0 <= value <= 1:
                raise UserError(f"search: {field} should lie between 0 and 1, received {value!r}")
        unknown = [name for name in self.minimise if name not in COST_FIGURES]
        if unknown or not self.minimise or len(set(self.minimise)) != len(self.minimise):
            raise UserError(
                f"search: minimise should name one or more of {', '.join(COST_FIGURES)}, each once; "
                f"received {list(self.minimise)}"
            )
        parts = self.validation_parts
        if not all(_is_number(part) and 0 < part < 1 for part in parts) or list(parts) != sorted(set(parts)):
            raise UserError(
                f"search: validation_parts should be rising shares between 0 and 1, such as [0.25], received "
                f"{list(parts)}"
            )

    @property
    def max_candidates(self) -> int:
        """How many candidates the search evaluates at most."""
        return self.population * self.generations


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
