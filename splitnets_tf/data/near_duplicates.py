"""Finds rendered views that look the same, and objects that look the same from all sides.

The distance of two images is |a - b| / sqrt((|a|^2 + |b|^2) / 2) over all 8-bit values: the difference relative to the
brightness of what is shown, so that a slim object on much black background counts as much as one that fills the
image. 0 is pixel-identical; images of different objects lie between 0.3 and 1.4.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

__all__ = ["NEAR_IDENTICAL", "NearPairs", "distinct_objects", "near_view_pairs"]

NEAR_IDENTICAL = 0.1
"""Views closer than this count as near-identical: by eye they differ in the shade of a few pixels."""

_CELL = 4
_BLOCK = 1536


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class NearPairs:
    """Pairs of views that are near-identical."""

    first: np.ndarray
    """int64 [pairs, 2]: object and view in the first set."""
    second: np.ndarray
    """int64 [pairs, 2]: object and view in the second set."""
    distance: np.ndarray
    """float64 [pairs]."""


def near_view_pairs(
    first: np.ndarray, second: np.ndarray | None = None, threshold: float = NEAR_IDENTICAL
) -> NearPairs:
    """Every pair of a view of the first set and a view of the second that is closer than the threshold.

    Means over 4x4 cells can only bring images closer, so they find candidates cheaply without missing a pair.

    Args:
        first: uint8 [objects, views, size, size, 3]; size is a multiple of 4.
        second: uint8 [objects, views, size, size, 3]; None compares the first set with itself, and of each pair
            only the order with the lower view first is given.
        threshold: Distance below which a pair counts.

    Returns:
        The pairs, in order.
    """
    other = first if second is None else second
    flat_first, flat_second = (images.reshape(-1, *images.shape[2:]) for images in (first, other))
    found = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    for left, right in _candidates(flat_first, flat_second, threshold, upper_only=second is None):
        distance = _distances(flat_first[left], flat_second[right])
        near = distance < threshold
        found.append((left[near], right[near], distance[near]))
    left, right, distance = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return NearPairs(
        first=np.stack(np.divmod(left, first.shape[1]), axis=1),
        second=np.stack(np.divmod(right, other.shape[1]), axis=1),
        distance=distance,
    )


def distinct_objects(images: np.ndarray, threshold: float = NEAR_IDENTICAL) -> np.ndarray:
    """Keeps one of each group of objects that look the same from all sides, also when one is turned.

    Args:
        images: uint8 [objects, views, size, size, 3], views of equal azimuth steps.
        threshold: Distance below which two views count as the same.

    Returns:
        int64 [kept]: indices of the kept objects, ascending; of two alike the earlier one stays.
    """
    objects, views = images.shape[:2]
    pairs = near_view_pairs(images, threshold=threshold)
    turn = (pairs.second[:, 1] - pairs.first[:, 1]) % views
    forward = pairs.first[:, 0] != pairs.second[:, 0]
    key = (pairs.first[:, 0] * objects + pairs.second[:, 0]) * views + turn
    keys, counts = np.unique(key[forward], return_counts=True)
    alike: dict[int, set[int]] = {}
    for pair in keys[counts == views] // views:
        earlier, later = divmod(int(pair), objects)
        alike.setdefault(later, set()).add(earlier)
    kept: list[int] = []
    chosen: set[int] = set()
    for index in range(objects):
        if not alike.get(index, set()) & chosen:
            kept.append(index)
            chosen.add(index)
    return np.array(kept, dtype=np.int64)


def _candidates(
    first: np.ndarray, second: np.ndarray, threshold: float, *, upper_only: bool
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields indices of pairs whose cell means are closer than the threshold, in blocks."""
    cells_first, energy_first = _cells(first)
    cells_second, energy_second = (cells_first, energy_first) if upper_only else _cells(second)
    # |a - b|^2 < t^2 (|a|^2 + |b|^2) / 2 on cells, as 2 a.b > f(a) + f(b); with a little slack for float32.
    slack = threshold**2 * 1.01 + 1e-4
    bound_first, bound_second = (
        np.einsum("ij,ij->i", cells, cells) - slack / 2 / _CELL**2 * energy
        for cells, energy in ((cells_first, energy_first), (cells_second, energy_second))
    )
    for top in range(0, len(first), _BLOCK):
        block = 2.0 * cells_first[top : top + _BLOCK]
        for start in range(top if upper_only else 0, len(second), _BLOCK):
            product = block @ cells_second[start : start + _BLOCK].T
            product -= bound_first[top : top + _BLOCK, None]
            left, right = np.nonzero(product > bound_second[None, start : start + _BLOCK])
            left, right = left + top, right + start
            if upper_only:
                left, right = left[left < right], right[left < right]
            for part in range(0, len(left), _BLOCK):
                yield left[part : part + _BLOCK], right[part : part + _BLOCK]


def _cells(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means over cells, float32 [n, cells * 3], and the sum of squares of all values, float32 [n]."""
    count, size = images.shape[:2]
    cells = np.empty((count, (size // _CELL) ** 2 * 3), np.float32)
    energy = np.empty(count, np.float32)
    for start in range(0, count, _BLOCK):
        part = images[start : start + _BLOCK].astype(np.float32)
        energy[start : start + _BLOCK] = np.einsum("nijc,nijc->n", part, part)
        shaped = part.reshape(-1, size // _CELL, _CELL, size // _CELL, _CELL, 3)
        cells[start : start + _BLOCK] = shaped.mean(axis=(2, 4)).reshape(len(part), -1)
    return cells, energy


def _distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Distances of images [n, size, size, 3] pair by pair, float64 [n]."""
    a, b = first.astype(np.float32), second.astype(np.float32)
    difference = a - b
    squared = np.einsum("nijc,nijc->n", difference, difference, dtype=np.float64)
    energy = np.einsum("nijc,nijc->n", a, a, dtype=np.float64) + np.einsum("nijc,nijc->n", b, b, dtype=np.float64)
    return np.sqrt(squared / np.maximum(energy / 2, 1e-12))
