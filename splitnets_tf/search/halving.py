"""Successive halving over the validation images: who is clearly dominated on a part of them is not counted on the rest.

A candidate's rival is the one that is most accurate on the same part among those of earlier generations that cost no
more. Only candidates that were counted on all images are rivals, so every candidate that is given up is dominated by
one that is not.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from splitnets_tf.search.protocols import PartwiseEvaluator
from splitnets_tf.space import Architecture

__all__ = ["MARGIN", "Evaluation", "evaluate_in_parts", "margins"]

MARGIN = 2.0
"""Standard errors by which a candidate must lie behind its rival."""
LEAST_WHOLE = 6
"""Candidates counted on all images, below which nothing is given up: they tell how large the error is."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """What is known of an architecture's accuracy."""

    accuracy: float
    """Share of the counted images that are classified correctly."""
    counted: float
    """Share of all images that were counted; 1 unless it was given up."""
    after_parts: tuple[float, ...]
    """Accuracy after each part that was counted."""


def margins(accuracies: npt.ArrayLike, after_parts: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """How far behind its rival a candidate must lie on each part, so that hardly a doubt is left about all images.

    What a part adds to or takes from an accuracy is much the same for all candidates, since all are counted on the same
    images; only what differs between candidates can mislead. Its standard deviation is estimated from those that were
    counted on all images, and a difference of two has the square root of two of it.

    Args:
        accuracies: Of n candidates on all images, `[n]`.
        after_parts: Of the same candidates after each part, `[n, parts]`.

    Returns:
        float64 `[parts]`; infinite where there are too few candidates to tell.
    """
    parts = np.asarray(after_parts, dtype=np.float64)
    if len(parts) < LEAST_WHOLE:
        return np.full(parts.shape[1:], math.inf)
    errors = parts - np.asarray(accuracies, dtype=np.float64)[:, None]
    return MARGIN * math.sqrt(2) * np.std(errors, axis=0, ddof=1)


def evaluate_in_parts(
    evaluator: PartwiseEvaluator, architecture: Architecture, parts: Sequence[float], floors: Sequence[float | None]
) -> Evaluation:
    """Count an architecture part by part until it falls below a floor.

    Args:
        evaluator: Counts.
        architecture: What is counted.
        parts: Rising shares in (0, 1).
        floors: After each part the accuracy below which it is given up; None where there is none.
    """
    correct: list[np.ndarray] = []
    after: list[float] = []
    for index, part in enumerate(evaluator.correct_in_parts(architecture, parts)):
        correct.append(part)
        accuracy = float(np.mean(np.concatenate(correct)))
        if index == len(parts):
            break
        after.append(accuracy)
        floor = floors[index]
        if floor is not None and accuracy < floor:
            return Evaluation(accuracy=accuracy, counted=parts[index], after_parts=tuple(after))
    return Evaluation(accuracy=accuracy, counted=1.0, after_parts=tuple(after))
