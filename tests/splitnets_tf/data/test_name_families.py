"""Families by name, and divisions that keep them whole."""

from __future__ import annotations

import collections

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from splitnets_tf.data.name_families import hold_out, name_families


def test_names_that_differ_in_numbers_are_one_family() -> None:
    names = ["Bolt_M3x10", "bolt-M4x16.5", "nut_3", "washer", "washer 2", "sub/washer"]
    families = name_families(names)
    assert families[0] == families[1]
    assert families[3] == families[4]
    assert len(set(families)) == 4


def test_merely_numbered_objects_are_families_of_their_own() -> None:
    names = ["chair_0001", "chair_0002", "stool_0001", "stool_0002"]
    assert name_families(names) == names


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 12), min_size=3, max_size=15),
    shares=st.lists(st.floats(0.05, 0.3), min_size=1, max_size=2),
    seed=st.integers(0, 1000),
)
def test_families_stay_whole_and_every_part_gets_one(sizes: list[int], shares: list[float], seed: int) -> None:
    families = [f"family {number}" for number, size in enumerate(sizes) for _ in range(size)]
    chosen = hold_out(families, shares, np.random.default_rng(seed))
    parts = collections.defaultdict(set)
    for family, part in zip(families, chosen, strict=True):
        parts[family].add(int(part))
    assert all(len(found) == 1 for found in parts.values())
    assert set(chosen) == set(range(len(shares) + 1))
    assert parts[families[int(np.argmax(np.repeat(sizes, sizes)))]] == {0}
    np.testing.assert_array_equal(chosen, hold_out(families, shares, np.random.default_rng(seed)))


def test_equal_families_give_the_wanted_shares() -> None:
    families = [str(number) for number in range(100)]
    chosen = hold_out(families, [0.15, 0.1], np.random.default_rng(0))
    assert np.bincount(chosen).tolist() == [75, 15, 10]
    assert chosen.tolist() != hold_out(families, [0.15, 0.1], np.random.default_rng(1)).tolist()


def test_too_few_families_are_refused() -> None:
    with pytest.raises(ValueError, match="need 3 families, got 2"):
        hold_out(["a", "a", "b"], [0.1, 0.1], np.random.default_rng(0))
