"""Families of objects by their names, and a division of each class that keeps families whole."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

__all__ = ["hold_out", "name_families"]


_LEAST_FAMILIES = 3
"""One for each split."""


def name_families(names: Sequence[str]) -> list[str]:
    """Groups objects of one class by what their names have in common once numbers are dropped.

    `bolt_M3x10` and `bolt_M4x16` are one family: the same thing in two sizes, which would be recognised rather than
    classified if one were in train and the other in test. Objects that are merely numbered (`chair_0001`) would be one
    family by this rule: where it leaves fewer than three, each object is a family of its own.

    Args:
        names: Paths of the objects below their class folder, without the ending.

    Returns:
        A family for each name.
    """
    families = [re.sub(r"[\W_]+", " ", re.sub(r"\d+(?:[.,]\d+)*", "", name.lower())).strip() for name in names]
    return families if len(set(families)) >= _LEAST_FAMILIES else list(names)


def hold_out(families: Sequence[str], shares: Sequence[float], rng: np.random.Generator) -> np.ndarray:
    """Sets whole families of one class aside.

    The largest family stays, for it shows what the class mostly looks like. Each share gets at least one family, and
    further ones as long as it comes nearer to its size.

    Args:
        families: The family of each object.
        shares: Wanted shares of the objects, such as 0.15 for validation and 0.15 for test.
        rng: Chooses the families.

    Returns:
        int [objects]: 0 for what stays, 1 for the first share, and so on.

    Raises:
        ValueError: There are not more families than shares.
    """
    names, member, sizes = np.unique(np.asarray(families), return_inverse=True, return_counts=True)
    if len(names) <= len(shares):
        raise ValueError(f"{len(shares)} shares and a rest need {len(shares) + 1} families, got {len(names)}")
    order = rng.permutation(len(names))
    waiting = [int(family) for family in order if family != np.argmax(sizes)]
    chosen = np.zeros(len(names), np.int64)
    for number, share in enumerate(shares, start=1):
        wanted, taken = share * len(families), 0
        still_needed = len(shares) - number
        for family in list(waiting):
            if taken and (len(waiting) <= still_needed or taken + sizes[family] / 2 > wanted):
                continue
            chosen[family] = number
            taken += int(sizes[family])
            waiting.remove(family)
    return chosen[member]
