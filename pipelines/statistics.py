"""Accuracy with intervals bootstrapped over families, and paired differences.

Images of one family are near-alikes, so they are drawn together: a bootstrap over images would make intervals too
narrow.
"""

import dataclasses

import numpy as np

__all__ = ["Estimate", "accuracy_estimate", "object_votes", "paired_difference", "pooled_estimate"]

RESAMPLES = 2000
"""Bootstrap resamples."""
_TAIL_PERCENT = 2.5
_DRAWN_AT_ONCE = 2**22
"""Families drawn at once, which bounds memory where each of many images is a family of its own."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float]:
        """Plain numbers."""
        return dataclasses.asdict(self)


def accuracy_estimate(correct: np.ndarray, families: np.ndarray, *, seed: int) -> Estimate:
    """Mean of `correct` over images.

    Args:
        correct: bool or float `[n]`, one for each image.
        families: int `[n]`, the family of each image; families are resampled as a whole.
        seed: Seed of the resampling.
    """
    sums, counts = _by_family(np.asarray(correct, dtype=np.float64), families)
    means = _resampled_means(sums[None], counts, np.random.default_rng(seed))[0]
    low, high = np.percentile(means, [_TAIL_PERCENT, 100 - _TAIL_PERCENT])
    return Estimate(value=float(sums.sum() / counts.sum()), low=float(low), high=float(high))


def paired_difference(first: np.ndarray, second: np.ndarray, families: np.ndarray, *, seed: int) -> Estimate:
    """Mean of `first - second` over the same images, with the interval of the paired bootstrap.

    Raises:
        ValueError: The two do not have one value for each image.
    """
    if not len(first) == len(second) == len(families):
        raise ValueError(f"expected equal lengths, received {len(first)}, {len(second)} and {len(families)}")
    difference = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    return accuracy_estimate(difference, families, seed=seed)


def pooled_estimate(values: np.ndarray, families: np.ndarray, *, seed: int) -> Estimate:
    """Mean over several trainings and all images; trainings and families are both resampled.

    Args:
        values: `[trainings, n]`, such as paired differences of correctness, each training's over the same images.
        families: int `[n]`, the family of each image.
        seed: Seed of the resampling.

    Raises:
        ValueError: There is no training, or not one value for each image.
    """
    if values.ndim != 2 or len(values) == 0 or values.shape[1] != len(families):
        raise ValueError(f"expected a row of {len(families)} values for each training, received {values.shape}")
    sums = np.stack([_by_family(row.astype(np.float64), families)[0] for row in values])
    counts = _by_family(np.ones(len(families)), families)[1]
    random = np.random.default_rng(seed)
    trainings = random.integers(len(sums), size=(RESAMPLES, len(sums)))
    of_training = _resampled_means(sums, counts, random)
    means = np.take_along_axis(of_training, trainings.T, axis=0).mean(axis=0)
    low, high = np.percentile(means, [_TAIL_PERCENT, 100 - _TAIL_PERCENT])
    return Estimate(value=float(values.mean()), low=float(low), high=float(high))


def object_votes(predicted: np.ndarray, objects: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a network says of each object: the class that most of its images were given, the lowest where tied.

    Args:
        predicted: int `[n]`, classes of images.
        objects: int `[n]`, the object of each image.

    Returns:
        Class of each object, int `[m]`, and the row of its first image, int `[m]`.
    """
    _, first, index = np.unique(objects, return_index=True, return_inverse=True)
    votes = np.zeros((len(first), int(np.max(predicted, initial=0)) + 1), dtype=np.int64)
    np.add.at(votes, (index, predicted), 1)
    return votes.argmax(axis=1), first


def _resampled_means(sums: np.ndarray, counts: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Means over drawn families, float64 `[rows, RESAMPLES]`, of sums `[rows, families]` over counts `[families]`."""
    at_once = max(1, _DRAWN_AT_ONCE // len(counts))
    parts = []
    for first in range(0, RESAMPLES, at_once):
        drawn = random.integers(len(counts), size=(min(at_once, RESAMPLES - first), len(counts)))
        parts.append(sums[:, drawn].sum(axis=-1) / counts[drawn].sum(axis=-1))
    return np.concatenate(parts, axis=-1)


def _by_family(values: np.ndarray, families: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if len(values) == 0:
        raise ValueError("an estimate needs at least one image")
    _, index = np.unique(families, return_inverse=True)
    return np.bincount(index, weights=values), np.bincount(index).astype(np.float64)
