"""Successive halving over the validation images: who is clearly dominated on a part of them is not counted on the rest.

A candidate's rival is the one that is most accurate on the same part among those of earlier generations that cost no
more. Only candidates that were counted on all images are rivals, so every candidate that is given up is dominated by
one that is not.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from splitnets_tf.search.protocols import PartwiseEvaluator
from splitnets_tf.space import Architecture

__all__ = ["MARGIN", "Evaluation", "clearly_worse", "evaluate_in_parts"]

MARGIN = 2.0
"""Standard errors by which a candidate must lie behind its rival."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """What is known of an architecture's accuracy."""

    accuracy: float
    """Share of the counted images that are classified correctly."""
    counted: float
    """Share of all images that were counted; 1 unless it was given up."""
    after_parts: tuple[float, ...]
    """Accuracy after each part that was counted."""


def clearly_worse(accuracy: float, rival: float, images: int, share: float) -> bool:
    """Whether a lead on a part of the images lets hardly a doubt about all of them.

    The standard error is that of the difference of two counts on a random part of a finite set of images. Both are
    counted on the same images, which makes the true error smaller, so the margin is on the safe side.

    Args:
        accuracy: The candidate's, on the part.
        rival: The rival's, on the same part.
        images: Images of the part.
        share: The part's share of all images.
    """
    variance = accuracy * (1 - accuracy) + rival * (1 - rival)
    return rival - accuracy > MARGIN * math.sqrt(variance * (1 - share) / images)


def evaluate_in_parts(
    evaluator: PartwiseEvaluator, architecture: Architecture, parts: Sequence[float], rivals: Sequence[float | None]
) -> Evaluation:
    """Count an architecture part by part until it is clearly worse than its rival.

    Args:
        evaluator: Counts.
        architecture: What is counted.
        parts: Rising shares in (0, 1).
        rivals: The rival's accuracy after each part; None where there is none.
    """
    correct: list[np.ndarray] = []
    after: list[float] = []
    for index, part in enumerate(evaluator.correct_in_parts(architecture, parts)):
        correct.append(part)
        counted = np.concatenate(correct)
        accuracy = float(np.mean(counted))
        if index == len(parts):
            break
        after.append(accuracy)
        rival = rivals[index]
        if rival is not None and clearly_worse(accuracy, rival, len(counted), parts[index]):
            return Evaluation(accuracy=accuracy, counted=parts[index], after_parts=tuple(after))
    return Evaluation(accuracy=accuracy, counted=1.0, after_parts=tuple(after))
