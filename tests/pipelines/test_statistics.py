"""Intervals over families."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.statistics import accuracy_estimate, object_votes, paired_difference, pooled_estimate


def test_value_is_the_mean_over_images_not_over_families():
    correct, families = np.array([1, 1, 1, 0]), np.array([0, 0, 0, 1])
    assert accuracy_estimate(correct, families, seed=0).value == 0.75


def test_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = 0
    for trial in range(200):
        chance = rng.beta(6, 4, size=60)  # families differ, images within one are alike
        families = np.repeat(np.arange(60), 10)
        estimate = accuracy_estimate(rng.random(600) < chance[families], families, seed=trial)
        hits += estimate.low <= 0.6 <= estimate.high
    assert 0.89 <= hits / 200 <= 0.99


def test_interval_over_families_is_wider_than_over_images():
    rng = np.random.default_rng(1)
    families = np.repeat(np.arange(30), 20)
    correct = (rng.random(30) < 0.5)[families]
    by_family = accuracy_estimate(correct, families, seed=0)
    by_image = accuracy_estimate(correct, np.arange(600), seed=0)
    assert by_family.high - by_family.low > 2 * (by_image.high - by_image.low)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_paired_difference_is_antisymmetric_and_zero_for_equals(seed):
    rng = np.random.default_rng(seed)
    first, second, families = rng.random(40) < 0.7, rng.random(40) < 0.6, rng.integers(0, 8, 40)
    there = paired_difference(first, second, families, seed=1)
    back = paired_difference(second, first, families, seed=1)
    assert there.value == pytest.approx(-back.value)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))
    same = paired_difference(first, first, families, seed=1)
    assert (same.low, same.value, same.high) == (0, 0, 0)


def test_pairing_removes_what_both_share():
    rng = np.random.default_rng(2)
    families = np.repeat(np.arange(40), 12)
    hard = (rng.random(40) < 0.5)[families]
    first = hard.copy()
    second = hard & (rng.random(480) < 0.98)
    paired = paired_difference(first, second, families, seed=0)
    alone = accuracy_estimate(first, families, seed=0)
    assert paired.high - paired.low < 0.2 * (alone.high - alone.low)


def test_objects_are_judged_by_the_vote_of_their_images():
    objects = np.array([7, 7, 7, 3, 3, 9])
    votes, rows = object_votes(np.array([2, 0, 2, 5, 1, 4]), objects)
    assert dict(zip(objects[rows].tolist(), votes.tolist(), strict=True)) == {7: 2, 3: 1, 9: 4}
    assert rows.tolist() == [3, 0, 5]


def test_wrong_lengths_and_nothing():
    with pytest.raises(ValueError, match="equal lengths"):
        paired_difference(np.ones(3), np.ones(2), np.arange(3), seed=0)
    with pytest.raises(ValueError, match="at least one"):
        accuracy_estimate(np.array([]), np.array([]), seed=0)


def test_trainings_that_disagree_widen_the_pooled_interval():
    families = np.repeat(np.arange(50), 4)
    same = np.tile(np.random.default_rng(0).integers(-1, 2, size=200), (3, 1))
    apart = same + np.array([[-0.2], [0.0], [0.2]])
    narrow, wide = (pooled_estimate(values, families, seed=0) for values in (same, apart))
    single = accuracy_estimate(same[0], families, seed=0)
    assert narrow.value == pytest.approx(wide.value) == pytest.approx(single.value)
    assert narrow.high - narrow.low == pytest.approx(single.high - single.low, rel=0.15)
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


def test_pooling_needs_a_value_for_each_image():
    with pytest.raises(ValueError, match="a row of 4 values"):
        pooled_estimate(np.zeros((2, 3)), np.arange(4), seed=0)


def test_what_is_drawn_at_once_decides_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    values, families = rng.random((2, 90)), rng.integers(30, size=90)
    single, pooled = accuracy_estimate(values[0], families, seed=1), pooled_estimate(values, families, seed=1)
    monkeypatch.setattr("pipelines.statistics._DRAWN_AT_ONCE", 1_000)
    assert accuracy_estimate(values[0], families, seed=1) == single
    assert pooled_estimate(values, families, seed=1) == pooled
