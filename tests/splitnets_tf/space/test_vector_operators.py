"""Populations of vectors: of the space, distributed as what the operators on single networks make."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from splitnets_tf.space import child_vectors, crossover, load_space, mutate, sample, sample_vectors

DEMO = load_space("demo")


def children(first, second, count, seed, *, crossed, mutation):
    fathers, mothers = (np.tile(DEMO.encode(parent), (count, 1)) for parent in (first, second))
    rng = np.random.default_rng(seed)
    return child_vectors(DEMO, fathers, mothers, rng, crossed=np.full(count, crossed), mutation_probability=mutation)


def shares(vectors):
    """How often each value of each column occurs."""
    return [dict(zip(*np.unique(column, return_counts=True), strict=True)) for column in np.asarray(vectors).T]


def assert_alike(one, other):
    """Two samples of one distribution differ by chance alone."""
    for mine, theirs in zip(shares(one), shares(other), strict=True):
        for value in mine.keys() | theirs.keys():
            counts = mine.get(value, 0), theirs.get(value, 0)
            assert abs(counts[0] - counts[1]) < 5 * np.sqrt(sum(counts)) + 1


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), crossed=st.booleans(), mutation=st.floats(0, 1))
def test_children_are_of_the_space_with_exactly_one_split(seed, crossed, mutation):
    rng = np.random.default_rng(seed)
    for vector in children(sample(DEMO, rng), sample(DEMO, rng), 4, seed, crossed=crossed, mutation=mutation):
        assert DEMO.decode(vector).is_split  # decoding refuses what is not of the space


def test_without_crossover_and_mutation_a_child_is_its_first_parent():
    rng = np.random.default_rng(0)
    first, second = sample(DEMO, rng), sample(DEMO, rng)
    assert (children(first, second, 3, 0, crossed=False, mutation=0.0) == DEMO.encode(first)).all()


def test_mutants_are_distributed_as_single_ones():
    rng = np.random.default_rng(0)
    parent = sample(DEMO, rng)
    singly = [DEMO.encode(mutate(DEMO, parent, rng, probability=0.3)) for _ in range(600)]
    assert_alike(children(parent, parent, 600, 0, crossed=False, mutation=0.3), singly)


def test_crossed_children_are_distributed_as_single_ones():
    rng = np.random.default_rng(0)
    first, second = sample(DEMO, rng), sample(DEMO, rng)
    singly = [DEMO.encode(crossover(DEMO, first, second, rng)) for _ in range(600)]
    assert_alike(children(first, second, 600, 0, crossed=True, mutation=0.0), singly)


def test_random_vectors_are_distributed_as_single_ones():
    rng = np.random.default_rng(1)
    assert_alike(sample_vectors(DEMO, rng, 600), [DEMO.encode(sample(DEMO, rng)) for _ in range(600)])
