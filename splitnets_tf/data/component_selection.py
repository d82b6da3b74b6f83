"""Chooses the objects of `components` and their splits; ran once, its result is the frozen manifest."""

from __future__ import annotations

import dataclasses
import logging
import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from splitnets_tf.data.family_split import FamilyTable, SplitShares, assign_families
from splitnets_tf.data.near_duplicates import distinct_objects, near_view_pairs

__all__ = ["Candidate", "Selection", "select_objects"]

_LOGGER = logging.getLogger(__name__)

_SPLIT_NAMES = ("train", "validation", "test")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """One object that could be taken."""

    path: str
    """`folder.3dshapes/stem.wrl`."""
    class_name: str
    """Its class."""
    family: str
    """Its family, unique within the class."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Which candidates are taken, and where they go."""

    kept: np.ndarray
    """int64 [kept]: indices of candidates, ascending."""
    splits: tuple[str, ...]
    """Split of each kept candidate."""


def select_objects(
    candidates: Sequence[Candidate],
    images: np.ndarray,
    *,
    family_limit: int = 30,
    class_limit: int = 100,
    seed: int = 0,
) -> Selection:
    """Removes look-alikes, bounds families and classes, and divides the rest by family.

    Args:
        candidates: The objects, [n].
        images: uint8 [n, views, size, size, 3]: their renderings.
        family_limit: Most objects that a family keeps; they are spread evenly over the series.
        class_limit: Most objects that a class keeps.
        seed: Seed of the division.

    Returns:
        The selection. No view in one split is near-identical to a view in another.
    """
    kept = _without_look_alikes(candidates, images)
    _LOGGER.info("%d of %d candidates are distinct", len(kept), len(candidates))
    kept = _bounded(candidates, kept, family_limit=family_limit, class_limit=class_limit)
    _LOGGER.info("%d are left with at most %d a family and %d a class", len(kept), family_limit, class_limit)
    pairs = near_view_pairs(images[kept])
    first = np.concatenate([pairs.first[:, 0], pairs.second[:, 0]])
    second = np.concatenate([pairs.second[:, 0], pairs.first[:, 0]])
    families, family_of = np.unique(
        [f"{candidates[index].class_name}/{candidates[index].family}" for index in kept], return_inverse=True
    )
    table = _family_table(families, family_of, first, second)
    assignment = assign_families(table, SplitShares(), np.random.default_rng(seed))
    splits = assignment[family_of]
    remaining = _untangled(splits, first, second)
    _LOGGER.info("%d are left after removing views that are near-identical across splits", len(remaining))
    return Selection(kept=kept[remaining], splits=tuple(_SPLIT_NAMES[split] for split in splits[remaining]))


def _natural_key(path: str) -> tuple[tuple[int, float, str], ...]:
    """Sorts 1x2 before 1x10."""
    parts = re.split(r"(\d+(?:\.\d+)?)", path)
    return tuple((1, float(part), "") if part[:1].isdigit() else (0, 0.0, part) for part in parts)


def _without_look_alikes(candidates: Sequence[Candidate], images: np.ndarray) -> np.ndarray:
    """Indices of objects that differ from every other object in some view, in natural order of their paths."""
    order = np.array(sorted(range(len(candidates)), key=lambda index: _natural_key(candidates[index].path)))
    groups: dict[str, list[int]] = defaultdict(list)
    for index in order:
        groups[candidates[index].class_name].append(int(index))
    # Within the class first, which is cheap; then across classes.
    within = np.concatenate([np.array(group)[distinct_objects(images[group])] for group in groups.values()])
    return within[distinct_objects(images[within])]


def _bounded(candidates: Sequence[Candidate], kept: np.ndarray, *, family_limit: int, class_limit: int) -> np.ndarray:
    """Thins families, largest first, evenly over the series; ascending."""
    classes: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index in kept:
        classes[candidates[index].class_name][candidates[index].family].append(int(index))
    chosen: list[int] = []
    for families in classes.values():
        limit = min(family_limit, max(map(len, families.values())))
        while sum(min(len(members), limit) for members in families.values()) > class_limit:
            limit -= 1
        for members in families.values():
            spread = np.rint(np.linspace(0, len(members) - 1, min(len(members), limit))).astype(int)
            chosen.extend(members[position] for position in spread)
    return np.array(sorted(chosen))


def _family_table(families: np.ndarray, family_of: np.ndarray, first: np.ndarray, second: np.ndarray) -> FamilyTable:
    count = len(families)
    involved = np.unique(np.stack([first, family_of[second]], axis=1), axis=0)
    tied = np.zeros((count, count))
    np.add.at(tied, (family_of[involved[:, 0]], involved[:, 1]), 1.0)
    # To part two families, the near-identical objects of one of them have to go: of the one that has fewer.
    conflicts = np.minimum(tied, tied.T)
    np.fill_diagonal(conflicts, 0.0)
    _, classes = np.unique([name.split("/")[0] for name in families], return_inverse=True)
    return FamilyTable(sizes=np.bincount(family_of, minlength=count), classes=classes, conflicts=conflicts)


def _untangled(splits: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Removes objects, most entangled first, until no near-identical pair spans two splits; ascending indices."""
    neighbours: dict[int, set[int]] = defaultdict(set)
    for a, b in np.unique(np.stack([first, second], axis=1), axis=0):
        if splits[a] != splits[b]:
            neighbours[int(a)].add(int(b))
            neighbours[int(b)].add(int(a))
    removed = set()
    while any(neighbours.values()):
        # At equal entanglement a training object goes first, for there are more of them.
        worst = max(neighbours, key=lambda index: (len(neighbours[index]), splits[index] == 0, -index))
        removed.add(worst)
        for other in neighbours.pop(worst):
            neighbours[other].discard(worst)
    return np.array([index for index in range(len(splits)) if index not in removed])
