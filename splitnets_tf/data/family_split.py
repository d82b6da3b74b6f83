"""Divides families among train, validation and test so that no look-alikes are torn apart.

A family goes to one split as a whole. Families that hold near-identical views (a pitch of 5.00 and of 5.08 mm, the
backs of plugs and sockets) should land in the same split, because what remains near-identical across the split has to
be removed. A seeded local search weighs that loss against each class's shares.
"""

from __future__ import annotations

import dataclasses

import numpy as np

__all__ = ["FamilyTable", "SplitShares", "assign_families"]

_TRAIN, _VALIDATION, _TEST = 0, 1, 2


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SplitShares:
    """What each class should give to validation and test."""

    validation: float = 0.13
    """Share of a class's objects."""
    test: float = 0.27
    """Share of a class's objects."""
    steps: int = 60_000
    """Steps of the local search."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class FamilyTable:
    """Families with what ties them together."""

    sizes: np.ndarray
    """int64 [families]: number of objects."""
    classes: np.ndarray
    """int64 [families]: class of each family."""
    conflicts: np.ndarray
    """float64 [families, families], symmetric: objects to remove if the two are put in different splits."""


def assign_families(table: FamilyTable, shares: SplitShares, rng: np.random.Generator) -> np.ndarray:
    """Chooses a split for each family.

    Classes with three families or more get at least one family in each split; a class with two gets none in
    validation; a class with one stays in train.

    Args:
        table: The families.
        shares: Wanted shares.
        rng: Source of the random moves.

    Returns:
        int64 [families]: 0 train, 1 validation, 2 test.
    """
    assignment = _start(table, rng)
    members = [np.flatnonzero(table.classes == label) for label in range(int(table.classes.max()) + 1)]
    costs = np.array([_class_cost(table, shares, assignment, group) for group in members])
    best, best_cost, cost = assignment.copy(), 0.0, 0.0
    for temperature in np.geomspace(10.0, 0.02, shares.steps):
        family, split = int(rng.integers(len(assignment))), int(rng.integers(3))
        moved = assignment == assignment[family]
        # Half of the moves take along what looks like the family, or a bundle of look-alikes could never move.
        moved &= (table.conflicts[family] > 0) & (rng.random() < 0.5)
        moved[family] = True
        if assignment[family] == split:
            continue
        proposal = np.where(moved, split, assignment)
        labels = np.unique(table.classes[moved])
        new_costs = [_class_cost(table, shares, proposal, members[label]) for label in labels]
        rows = table.conflicts[moved]
        torn = rows[:, (assignment == assignment[family]) & ~moved].sum() - rows[:, assignment == split].sum()
        change = float(sum(new_costs) - costs[labels].sum() + torn)
        if change <= 0 or rng.random() < np.exp(-change / temperature):
            assignment, cost = proposal, cost + change
            costs[labels] = new_costs
            if cost < best_cost - 1e-9:
                best, best_cost = assignment.copy(), cost
    return best


def _start(table: FamilyTable, rng: np.random.Generator) -> np.ndarray:
    """A valid start: per class, one family in test, one in validation, the rest in train."""
    assignment = np.zeros(len(table.sizes), np.int64)
    for label in range(int(table.classes.max()) + 1):
        group = rng.permutation(np.flatnonzero(table.classes == label))
        if len(group) >= 2:
            assignment[group[0]] = _TEST
        if len(group) >= 3:
            assignment[group[1]] = _VALIDATION
    return assignment


def _class_cost(table: FamilyTable, shares: SplitShares, assignment: np.ndarray, group: np.ndarray) -> float:
    """How far one class is from its shares, in objects; large where a split that could be filled is empty."""
    sizes, splits = table.sizes[group], assignment[group]
    total = int(sizes.sum())
    validation, test = int(sizes[splits == _VALIDATION].sum()), int(sizes[splits == _TEST].sum())
    wanted_validation = shares.validation * total if len(group) >= 3 else 0.0
    wanted_test = shares.test * total if len(group) >= 2 else 0.0
    cost = abs(validation - wanted_validation) + abs(test - wanted_test)
    train = total - validation - test
    cost += (
        1000.0 * (train == 0)
        + 1000.0 * (len(group) >= 2 and test == 0)
        + 1000.0 * (len(group) >= 3 and validation == 0)
    )
    # The largest family shows what a class mostly looks like: without it in train, the class can't be learnt.
    cost += 20.0 * (sizes[splits == _TRAIN].max(initial=0) < sizes.max())
    # A class that trains on a single family could learn the series instead of the class.
    return cost + 20.0 * (len(group) >= 4 and int((splits == _TRAIN).sum()) < 2)
