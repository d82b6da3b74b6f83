"""Spaces of several views: the split is where they are fused, and what a network costs says so."""

import dataclasses

import numpy as np
import pytest

from splitnets_tf.errors import UserError
from splitnets_tf.hardware import GraphBuilder, fuse_int8, load_system, plan_arena, split_cost, total_macs
from splitnets_tf.search import AnalyticCost
from splitnets_tf.space import (
    Split,
    ViewFuseBlock,
    architecture_graph,
    blueprint,
    crossover,
    load_space,
    mutate,
    sample,
    space_from_dict,
    space_to_dict,
)

SPACE = load_space("demo_views")
SYSTEM = load_system("hmd-12-demo")


def test_every_network_is_fused_at_exactly_one_place():
    unfused = dataclasses.replace(SPACE.largest(), splits=())
    twice = dataclasses.replace(SPACE.largest(), splits=(Split(phase=0, position=0, width=2), *SPACE.largest().splits))
    for network in (unfused, twice):
        with pytest.raises(UserError, match=r"12 views are fused at the split.* exactly one"):
            SPACE.check(network)
    rng = np.random.default_rng(0)
    for network in (SPACE.largest(), SPACE.smallest(), sample(SPACE, rng)):
        SPACE.check(mutate(SPACE, crossover(SPACE, network, sample(SPACE, rng), rng), rng))
    assert SPACE.count() == SPACE.count(with_none=False)


def test_the_extremes_are_fused_late_and_early():
    largest, smallest = SPACE.largest().split, SPACE.smallest().split
    assert (largest.phase, largest.position, largest.width) == (3, 3, 16)
    assert (smallest.phase, smallest.position, smallest.width) == (0, 0, 2)


def test_view_fusion_lies_between_reduce_and_recover():
    sensor, aggregator = blueprint(SPACE, SPACE.largest(), 34).segments
    fuse, recover = aggregator[:2]
    assert sensor[-1].name == "reduce_3"
    assert fuse == ViewFuseBlock(name="fuse_3", in_channels=16, out_channels=192, views=12, how="concat")
    assert (recover.name, recover.in_channels, recover.out_channels) == ("recover_3", 192, 80)
    pooled = dataclasses.replace(SPACE, view_fusion="max")
    assert blueprint(pooled, pooled.largest(), 34).segments[1][1].in_channels == 16


def test_plain_form_round_trip_and_bad_values():
    assert space_from_dict(space_to_dict(SPACE)) == SPACE
    assert "views" not in space_to_dict(load_space("demo"))
    with pytest.raises(UserError, match=r"view_fusion must be one of .*'lstm'"):
        dataclasses.replace(SPACE, view_fusion="lstm")
    with pytest.raises(UserError, match="views must be at least 1, received 0"):
        dataclasses.replace(SPACE, views=0)


@pytest.mark.parametrize("fusion", ["concat", "max"])
def test_costs_of_a_network_by_hand(fusion):
    """The sensor's part counts once, the aggregator's once, and each view sends its own d channels."""
    space = dataclasses.replace(SPACE, view_fusion=fusion)
    network = dataclasses.replace(space.smallest(), splits=(Split(phase=1, position=0, width=4),))
    cost = AnalyticCost(space, SYSTEM, 34).cost(network)
    sensor, aggregator = blueprint(space, network, 34).segments
    side = 8  # 32 pixels at stride 4
    assert cost.link_bytes == 4 * side**2
    assert cost.link_latency_ms == pytest.approx(4 * side**2 / (6.88776e6 / 12) * 1e3)
    fused = 48 if fusion == "concat" else 4
    assert aggregator[1].in_channels == fused
    built = architecture_graph(space, network, 34)
    operations = built.graph.operations[: built.sensor_operations]
    assert cost.sensor_macs == sum(operation.macs for operation in operations)
    assert cost.macs == total_macs(built.graph)
    recover = next(operation for operation in built.graph.operations if operation.name == "recover_1_conv")
    assert recover.macs == side**2 * fused * 16
    assert len(sensor) + len(aggregator) == len(blueprint(space, network, 34).blocks)


def test_the_aggregator_holds_one_input_for_each_view():
    builder = GraphBuilder("tail")
    x = builder.view_fuse("fuse", builder.input("feature", (4, 4, 2)), 3)
    lowered = fuse_int8(builder.build([builder.conv2d("mixed", x, 5, 1)]))
    assert [lowered.tensor(name).shape for name in lowered.inputs] == [(4, 4, 2)] * 3
    assert lowered.operations[0].inputs == lowered.inputs
    assert plan_arena(lowered).arena_bytes == max(3 * 32 + 96, 96 + 80)


def test_pricing_without_a_fusion_is_refused():
    vector = SPACE.encode(dataclasses.replace(SPACE.largest(), splits=()))
    with pytest.raises(UserError, match="12 views are fused at the split"):
        AnalyticCost(SPACE, SYSTEM, 34).figures(vector[None])


def test_late_and_early_fusion_put_the_work_on_different_sides():
    cost = AnalyticCost(SPACE, SYSTEM, 34)
    early = dataclasses.replace(SPACE.largest(), splits=SPACE.smallest().splits)
    assert cost.cost(early).sensor_macs / cost.cost(early).macs < 0.2
    assert cost.cost(SPACE.largest()).sensor_macs / cost.cost(SPACE.largest()).macs > 0.9
    built = architecture_graph(SPACE, early, 34)
    assert split_cost(built.graph, 0, SYSTEM, views=12).aggregator.macs > 12 * cost.cost(early).sensor_macs
