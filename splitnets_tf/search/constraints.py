"""Hard constraints: comparisons over an architecture's figures that every candidate must satisfy.

Source: SplitNets, section 3.2: only networks that satisfy all hard constraints, whatever their accuracy, may survive.
"""

import dataclasses
import math
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from splitnets_tf.search.expression import Expression, parse_comparison
from splitnets_tf.search.protocols import COST_FIGURES

__all__ = ["Constraint", "parse_constraint", "parse_constraints", "total_violation"]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Constraint:
    """One comparison, with the side that varies between architectures first."""

    text: str
    """The comparison as written."""
    subject: Expression
    """The side that names figures."""
    subject_text: str
    """That side as written."""
    limit: Expression
    """The other side; a constant in the usual case."""
    upper: bool
    """Whether the limit bounds the subject from above."""
    strict: bool
    """Whether the limit itself is excluded."""

    @property
    def names(self) -> frozenset[str]:
        """The figures that it compares."""
        return self.subject.names | self.limit.names

    def value(self, figures: Mapping[str, float]) -> float:
        """The subject's value."""
        return float(self.subject.evaluate(figures))

    def violation(self, figures: Mapping[str, float]) -> float:
        """By what part of its limit the subject misses it: 0 where satisfied, infinite where undefined.

        Where the limit is 0 the amount is absolute.
        """
        value, limit = self.value(figures), self.limit.evaluate(figures)
        gap = value - limit if self.upper else limit - value
        if math.isnan(gap):
            return math.inf
        if gap < 0 or (gap == 0 and not self.strict):
            return 0.0
        # A strict bound that is met exactly has no gap, yet it is violated.
        return max(gap / abs(limit) if limit else gap, sys.float_info.epsilon)

    def violations(self, figures: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.float64]:
        """What `violation` says of each architecture of a population, to the last digit.

        Args:
            figures: Arrays `[n]` by name; at least those of `names`.

        Returns:
            float64 `[n]`.
        """
        value, limit = self.subject.evaluate(figures), self.limit.evaluate(figures)
        gap, limit = np.broadcast_arrays(value - limit if self.upper else limit - value, limit)
        amount = np.divide(gap, np.abs(limit), out=np.array(gap), where=limit != 0)
        amount = np.maximum(amount, sys.float_info.epsilon)
        kept = gap < 0 if self.strict else gap <= 0
        return np.where(kept, 0.0, np.where(np.isnan(gap), math.inf, amount))


def parse_constraint(text: str) -> Constraint:
    """Read one constraint, such as `peak_bytes <= 2e6` or `1.5 > latency_ms`.

    Raises:
        UserError: The text does not follow the grammar of `expression` or names no known figure.
    """
    read = parse_comparison(text, COST_FIGURES)
    flipped = not read.left.names
    return Constraint(
        text=text.strip(),
        subject=read.right if flipped else read.left,
        subject_text=read.right_text if flipped else read.left_text,
        limit=read.left if flipped else read.right,
        upper=(read.symbol[0] == "<") != flipped,
        strict=len(read.symbol) == 1,
    )


def parse_constraints(texts: Iterable[str]) -> tuple[Constraint, ...]:
    """Read several constraints, all of which must hold; repeated ones count once.

    Raises:
        UserError: As `parse_constraint`.
    """
    return tuple(dict.fromkeys(parse_constraint(text) for text in texts))


def total_violation(constraints: Iterable[Constraint], figures: Mapping[str, float]) -> float:
    """Sum of the relative violations; 0 exactly where every constraint holds."""
    return sum(constraint.violation(figures) for constraint in constraints)
