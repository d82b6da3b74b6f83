"""Neurosurgeon against the paper's choices in Table 4, and the table of cuts against the cost model."""

from dataclasses import replace

import numpy as np
import pytest

from splitnets_tf.errors import UserError
from splitnets_tf.graph import build_backbone
from splitnets_tf.hardware import GraphBuilder, load_system, split_cost
from splitnets_tf.partition import all_on_aggregator, all_on_sensor, cut_table, legal_cuts, neurosurgeon
from tests.splitnets_tf.partition.random_graphs import random_chain_system, random_dag

TABLE_4 = ("MobileNet-v2", "MNASNet-1.0", "EfficientNet-B0", "ResNet-152", "RegNetX-3.2GF")


@pytest.mark.parametrize("backbone", TABLE_4)
def test_under_the_memory_limit_it_chooses_as_the_paper_reports(backbone):
    found = neurosurgeon(build_backbone(backbone), load_system("hmd"))
    assert found.feasible
    if backbone != "MNASNet-1.0":
        assert found.n == 0
        return
    assert found.graph.tensor(found.sent[0][0]).shape == (14, 14, 80)
    assert found.cut_after == ("block3_0_project_bn",)
    assert found.sensor.params == 82_312
    assert found.sensor.macs == pytest.approx(102.5e6, rel=1e-3)
    assert found.link.bytes == 80 * 14**2


@pytest.mark.parametrize(("backbone", "latency_ms"), [("MobileNet-v2", 1.445), ("EfficientNet-B0", 1.630)])
def test_memory_not_latency_forces_the_degenerate_choice(backbone, latency_ms):
    graph, system = build_backbone(backbone), load_system("hmd")
    free = neurosurgeon(graph, system, memory_limit=False)
    assert free.latency_ms == pytest.approx(latency_ms, abs=5e-4)
    assert 0 < free.n < len(graph.operations)
    assert not free.feasible
    assert "sensor needs" in free.reason


def test_it_is_never_worse_than_the_baselines_it_contains():
    rng = np.random.default_rng(2)
    for _ in range(50):
        graph, system = random_dag(rng, 9), random_chain_system(rng, 2)
        best = neurosurgeon(graph, system, memory_limit=False).latency_ms
        assert best <= all_on_sensor(graph, system).latency_ms
        assert best <= all_on_aggregator(graph, system).latency_ms


def test_each_row_of_the_cut_table_is_what_split_cost_says():
    rng = np.random.default_rng(4)
    for bits in (4, 8, 16):
        graph, system = random_dag(rng, 12), random_chain_system(rng, 3)
        table = cut_table(graph, bits=bits)
        times_ms = table.latency_ms(system)
        for n in range(len(graph.operations) + 1):
            cost = split_cost(graph, n, system, bits=bits)
            assert table.link_bytes[n] == cost.link.bytes
            assert (table.head_macs[n], table.tail_macs[n]) == (cost.sensor.macs, cost.aggregator.macs)
            assert (table.head_peak_bytes[n], table.tail_peak_bytes[n]) == (
                cost.sensor.peak_bytes,
                cost.aggregator.peak_bytes,
            )
            assert times_ms[n] == pytest.approx(cost.latency_ms, rel=1e-12)


def test_cuts_fall_between_layers_and_before_a_fusion():
    builder = GraphBuilder("layers")
    x = builder.input("image", (8, 8, 3))
    builder.layer = "first"
    x = builder.activation("first/relu", builder.conv2d("first", x, 4, 3), "relu")
    builder.layer = "second"
    x = builder.conv2d("second", x, 4, 3)
    builder.layer = ""
    x = builder.view_fuse("fuse", x, 3)
    graph = builder.build([builder.dense("logits", builder.global_average_pool("pool", x), 2)])
    assert legal_cuts(graph) == [0, 2, 3, 4, 5, 6]
    assert legal_cuts(graph, views=3) == [0, 2, 3]
    with pytest.raises(UserError, match="no single sensor has"):
        all_on_sensor(graph, load_system("hmd"), views=3)


def test_when_nothing_fits_the_neediest_layer_is_named():
    system = load_system("hmd")
    aggregator = replace(system.aggregator, memory_bytes=1000)
    tight = replace(system, processors=(replace(system.sensor, memory_bytes=1000), aggregator))
    builder = GraphBuilder("wide")
    x = builder.conv2d("narrow", builder.input("image", (16, 16, 3)), 4, 3)
    graph = builder.build([builder.conv2d("greedy", x, 64, 3)])
    with pytest.raises(UserError, match="'greedy' with 19712 bytes"):
        neurosurgeon(graph, tight)
