"""Sampling, mutation and crossover stay in the space and reach all of it."""

import collections
import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from splitnets_tf.errors import UserError
from splitnets_tf.space import Architecture, crossover, load_space, mutate, sample, sample_multi_split

DEMO = load_space("demo")


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32), probability=st.floats(0, 1))
def test_children_are_of_the_space_with_exactly_one_split(seed, probability):
    rng = np.random.default_rng(seed)
    first, second = sample(DEMO, rng), sample(DEMO, rng)
    for child in (crossover(DEMO, first, second, rng), mutate(DEMO, first, rng, probability=probability)):
        DEMO.check(child)
        assert child.is_split


def test_mutation_probability_is_per_gene():
    rng = np.random.default_rng(1)
    parent = sample(DEMO, rng)
    assert mutate(DEMO, parent, rng, probability=0.0) == parent
    changed = collections.Counter()
    vector = DEMO.encode(parent)
    for _ in range(2000):
        child = DEMO.encode(mutate(DEMO, parent, rng, probability=0.2))
        changed.update(np.flatnonzero(child != vector).tolist())
    for index, gene in enumerate(DEMO.genes):
        expected = 2000 * 0.2 * (1 - 1 / len(gene.choices))
        assert abs(changed[index] - expected) < 5 * np.sqrt(expected) + 1


def test_crossover_takes_every_gene_from_a_parent():
    rng = np.random.default_rng(2)
    first, second = sample(DEMO, rng), sample(DEMO, rng)
    a, b = DEMO.encode(first), DEMO.encode(second)
    genes = len(DEMO.genes)
    from_first = np.zeros(genes)
    for _ in range(200):
        child = DEMO.encode(crossover(DEMO, first, second, rng))
        assert np.all((child[:genes] == a[:genes]) | (child[:genes] == b[:genes]))
        from_first += child[:genes] == a[:genes]
    differing = a[:genes] != b[:genes]
    assert np.all(from_first[differing] > 60)
    assert np.all(from_first[differing] < 140)


def test_every_phase_and_position_is_sampled(tiny_space):
    rng = np.random.default_rng(3)
    places = {(a.split.phase, a.split.position) for a in (sample(tiny_space, rng) for _ in range(400))}
    assert places == set(tiny_space.split_choices([row.depths[-1] for row in tiny_space.stages]))


def test_multi_split_has_several_phases(tiny_space):
    rng = np.random.default_rng(4)
    for _ in range(20):
        architecture = sample_multi_split(tiny_space, rng)
        tiny_space.check(architecture)
        assert len(architecture.splits) == 2
        with pytest.raises(ValueError, match="at most one"):
            _ = architecture.split


def test_depth_change_keeps_the_split_legal():
    deep = DEMO.largest()
    place = max(DEMO.split_choices([choice.depth for choice in deep.stages]))
    rng = np.random.default_rng(5)
    parent = dataclasses.replace(
        deep, splits=(dataclasses.replace(sample(DEMO, rng).split, phase=place[0], position=place[1]),)
    )
    DEMO.check(parent)
    for _ in range(100):
        DEMO.check(mutate(DEMO, parent, rng, probability=0.9))


def test_json_round_trip_and_refusals():
    architecture = sample(DEMO, np.random.default_rng(6))
    assert Architecture.from_json(architecture.to_json()) == architecture
    assert len({architecture, Architecture.from_json(architecture.to_json())}) == 1
    data = architecture.to_dict()
    for wrong in (
        {**data, "resolution": "64"},
        {**data, "extra": 1},
        {**data, "stages": 3},
        {**data, "splits": [{"phase": 0}]},
    ):
        with pytest.raises(UserError):
            Architecture.from_dict(wrong)
    for text in ("[1]", "{"):
        with pytest.raises(UserError):
            Architecture.from_json(text)
