"""A population priced at once equals its graphs priced one by one, to the last digit."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from splitnets_tf.errors import UserError
from splitnets_tf.hardware import PopulationCost, load_system, split_cost
from splitnets_tf.space import (
    PRESETS,
    SearchSpace,
    StageRow,
    architecture_graph,
    load_space,
    price_population,
    sample,
    sample_multi_split,
    sample_vectors,
)

HMD = load_system("hmd")
DEVICE_FIGURES = ("params", "macs", "peak_bytes", "weight_bytes", "latency_ms")


def priced_alone(space, vector, classes=34, system=HMD, **options):
    """The figures of a population's cost, taken from the graph of one network."""
    built = architecture_graph(space, space.decode(vector), classes)
    cost = split_cost(built.graph, built.sensor_operations, system, **options)
    devices = {
        f"{side}_{key}": getattr(getattr(cost, side), key)
        for side in ("sensor", "aggregator")
        for key in DEVICE_FIGURES
    }
    return devices | {"link_bytes": cost.link.bytes, "link_latency_ms": cost.link.latency_ms}, cost.latency_ms


def assert_equal(space, vectors, **options):
    priced = price_population(space, vectors, options.pop("classes", 34), options.pop("system", HMD), **options)
    options = {"views": space.views} | options
    fields = {field.name for field in dataclasses.fields(PopulationCost)}
    for index, vector in enumerate(vectors):
        alone, latency_ms = priced_alone(space, vector, **options)
        assert alone.keys() == fields
        assert {key: getattr(priced, key)[index] for key in fields} == alone
        assert priced.latency_ms[index] == latency_ms


@pytest.mark.parametrize(
    ("name", "count"), [("demo", 300), ("demo_views", 60), ("attentive_nas_split", 40), ("fbnetv3_split", 40)]
)
def test_random_networks_of_the_presets(name, count):
    space = load_space(name)
    vectors = sample_vectors(space, np.random.default_rng(0), count)
    ends = [space.encode(space.largest()), space.encode(space.smallest())]
    assert_equal(space, np.vstack([vectors, ends]))


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
def test_ten_thousand_networks_of_each_preset(name):
    """Takes about three minutes for each of the large spaces."""
    space = load_space(name)
    assert_equal(space, sample_vectors(space, np.random.default_rng(1), 10_000))


rows = st.builds(
    StageRow,
    name=st.just("a"),
    widths=st.sampled_from([(8,), (8, 12), (4, 8, 20)]),
    depths=st.sampled_from([(1,), (1, 2), (2, 3), (1, 4)]),
    kernels=st.sampled_from([(3,), (3, 5), (5,)]),
    expansions=st.sampled_from([(1,), (2,), (2, 3)]),
    stride=st.sampled_from([1, 2]),
    squeeze_excite=st.booleans(),
    project_shortcut=st.booleans(),
)
spaces = st.builds(
    lambda stages, **fields: SearchSpace(
        name="random",
        stages=tuple(dataclasses.replace(row, name=f"s{index}") for index, row in enumerate(stages)),
        **fields,
    ),
    stages=st.lists(rows, min_size=1, max_size=4).filter(lambda stages: any(row.stride == 2 for row in stages)),
    resolutions=st.sampled_from([(17, 30), (32,)]),
    stem_widths=st.sampled_from([(8,), (4, 12)]),
    head_widths=st.sampled_from([(16,), (16, 24)]),
    split_widths=st.sampled_from([(3,), (2, 6)]),
    split_kernel=st.sampled_from([1, 3]),
    split_last_phase=st.booleans(),
    activation=st.sampled_from(["relu6", "swish", "hard_swish"]),
    squeeze_base=st.sampled_from(["hidden", "input"]),
    squeeze_gate=st.sampled_from(["sigmoid", "hard_sigmoid"]),
    head_expansion=st.sampled_from([0, 3]),
)


@settings(max_examples=60, deadline=None)
@given(space=spaces, seed=st.integers(0, 1000))
def test_networks_of_random_spaces_split_or_not(space, seed):
    rng = np.random.default_rng(seed)
    vectors = [space.encode(sample(space, rng, split=bool(index % 4))) for index in range(8)]
    assert_equal(space, np.stack(vectors))


@pytest.mark.parametrize("options", [{"views": 4}, {"bits": 4}, {"bits": 16, "views": 12}])
def test_views_and_bits(options):
    space = load_space("demo")
    assert_equal(space, sample_vectors(space, np.random.default_rng(2), 30), **options)


def test_devices_between_pass_the_features_on():
    space, chain = load_space("demo"), load_system("jmsnas-chain")
    assert len(chain.hops) > 1
    vectors = sample_vectors(space, np.random.default_rng(3), 30)
    priced = price_population(space, vectors, 34, chain)
    for index, vector in enumerate(vectors):
        assert priced.link_latency_ms[index] == priced_alone(space, vector, system=chain)[0]["link_latency_ms"]
    with pytest.raises(UserError, match="views need sensors around"):
        price_population(space, vectors, 34, chain, views=2)


def test_chunks_leave_the_order_as_it_is():
    space = load_space("demo")
    vectors = sample_vectors(space, np.random.default_rng(4), 5000)
    whole, backwards = (price_population(space, each, 34, HMD) for each in (vectors, vectors[::-1]))
    for field in dataclasses.fields(PopulationCost):
        np.testing.assert_array_equal(getattr(whole, field.name), getattr(backwards, field.name)[::-1])
    assert len(price_population(space, vectors[:0], 34, HMD).latency_ms) == 0


def test_sampled_vectors_are_legal_and_distributed_as_samples():
    space = load_space("demo")
    vectors = sample_vectors(space, np.random.default_rng(5), 4000)
    one_by_one = [sample(space, np.random.default_rng([6, seed])) for seed in range(4000)]
    drawn = [space.decode(vector) for vector in vectors]
    for choose in (
        lambda each: each.split.phase,
        lambda each: each.split.position,
        lambda each: each.split.width,
        lambda each: each.stages[1].depth,
        lambda each: each.head_width,
    ):
        shares = [np.unique([choose(each) for each in group], return_counts=True) for group in (drawn, one_by_one)]
        assert shares[0][0].tolist() == shares[1][0].tolist()
        np.testing.assert_allclose(shares[0][1] / 4000, shares[1][1] / 4000, atol=0.05)


def test_what_is_not_of_the_space_is_refused():
    space = load_space("demo")
    good = sample_vectors(space, np.random.default_rng(7), 3)
    for column, value, message in ((0, 33, "resolution"), (5, 9, "expansion"), (len(space.genes) - 1, 1, "head_width")):
        bad = good.copy()
        bad[1, column] = value
        with pytest.raises(UserError, match=rf"{message}.* received {value}"):
            price_population(space, bad, 34, HMD)
    bad = space.encode(sample(space, np.random.default_rng(0)))
    bad[len(space.genes) :: 2] = (99, -1, -1)
    with pytest.raises(UserError, match="99 is no position"):
        price_population(space, [bad], 34, HMD)
    several = space.encode(sample_multi_split(space, np.random.default_rng(0)))
    with pytest.raises(ValueError, match="at most one"):
        price_population(space, [several], 34, HMD)
    with pytest.raises(ValueError, match="shape"):
        price_population(space, good[0], 34, HMD)
