"""Fronts, crowding, hypervolume and knee against brute force."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitnets_tf.search import hypervolume_2d, knee_index, non_dominated
from splitnets_tf.search.pareto import crowding_distance, rank_and_crowd


def points(dimensions, largest=6):
    row = st.tuples(*[st.integers(0, largest)] * dimensions)
    return st.lists(row, min_size=1, max_size=25)


def dominates(a, b):
    return all(x <= y for x, y in zip(a, b, strict=True)) and a != b


@given(st.one_of(points(1), points(2), points(3)))
def test_a_point_is_kept_exactly_where_nothing_dominates_it(rows):
    expected = [not any(dominates(other, row) for other in rows) for row in rows]
    assert non_dominated(rows).tolist() == expected


@given(points(2), st.integers(1, 25))
def test_ranking_takes_whole_fronts_before_the_next(rows, count):
    chosen = rank_and_crowd(rows, count)
    assert len(chosen) == len(set(chosen)) == min(count, len(rows))
    left = set(range(len(rows)))
    while left and chosen:
        front = {i for i in left if not any(dominates(rows[j], rows[i]) for j in left)}
        taken, chosen = chosen[: len(front)], chosen[len(front) :]
        assert set(taken) <= front
        left -= front


def test_crowding_prefers_the_ends_and_then_the_lonely():
    rows = [(0, 10), (1, 9), (2, 8), (6, 3), (10, 0)]
    distance = crowding_distance(rows)
    assert np.isinf(distance[[0, 4]]).all()
    assert distance[1:4] == pytest.approx([0.2 + 0.2, 0.5 + 0.6, 0.8 + 0.8])
    assert rank_and_crowd(rows, 3) == [0, 4, 3]


@given(points(2, largest=8))
def test_hypervolume_counts_the_dominated_unit_squares(rows):
    reference = (7, 8)
    squares = itertools.product(range(7), range(8))
    expected = sum(any(x <= square[0] and y <= square[1] for x, y in rows) for square in squares)
    assert hypervolume_2d(rows, reference) == expected


def test_no_points_have_no_volume():
    assert hypervolume_2d(np.empty((0, 2)), (1, 1)) == 0


@pytest.mark.parametrize(
    ("rows", "index"),
    [
        ([(5, 5)], 0),
        ([(0, 10), (10, 0)], 0),
        ([(10, 0), (0, 10)], 1),
        ([(0, 100), (1, 20), (5, 10), (10, 0)], 1),
        ([(0, 100), (9, 80), (10, 0)], 0),
        ([(0, 3), (1, 2), (2, 1), (3, 0)], 0),
    ],
)
def test_the_knee_bulges_farthest_and_ties_go_to_the_first_objective(rows, index):
    assert knee_index(rows) == index


@given(points(2), st.floats(0.1, 10), st.floats(0.1, 10))
def test_the_knee_does_not_depend_on_units(rows, first, second):
    front = np.unique(np.asarray(rows)[non_dominated(rows)], axis=0)
    assert knee_index(front) == knee_index(front * [first, second])
