"""DADS against every valid division of random graphs, priced by hand."""

from dataclasses import replace

import numpy as np
import pytest

from splitnets_tf.hardware import Graph, GraphBuilder, System, load_system
from splitnets_tf.partition import dads, neurosurgeon
from tests.splitnets_tf.partition.random_graphs import closed_subsets, random_chain_system, random_dag


def _price_ms(graph: Graph, on_sensor: frozenset[str], system: System) -> float:
    """Latency of one division, written down from the definition: work on both sides, each crossing tensor once."""
    sensor, aggregator = system.sensor, system.aggregator
    link = system.links[0]
    here = sum(op.macs for op in graph.operations if op.name in on_sensor) / sensor.macs_per_s
    there = sum(op.macs for op in graph.operations if op.name not in on_sensor) / aggregator.macs_per_s
    maker = {name: op.name for op in graph.operations for name in op.outputs}
    read_there = {name for op in graph.operations if op.name not in on_sensor for name in op.inputs}
    sent = [name for name in read_there if name not in maker or maker[name] in on_sensor]
    size = sum(graph.tensor(name).elements for name in sent)
    return 1e3 * (here + there + size / link.bandwidth_bytes_per_s)


def test_equals_brute_force_on_200_random_graphs():
    rng = np.random.default_rng(7)
    strictly_between = 0
    better_than_prefix = 0
    for _ in range(200):
        graph = random_dag(rng, int(rng.integers(1, 13)))
        system = random_chain_system(rng, 2)
        best = min(_price_ms(graph, subset, system) for subset in closed_subsets(graph))
        found = dads(graph, system)
        assert found.latency_ms == pytest.approx(best, rel=1e-9)
        chosen = frozenset(op.name for op in found.graph.operations[: found.n])
        assert _price_ms(graph, chosen, system) == pytest.approx(best, rel=1e-9)
        strictly_between += 0 < found.n < len(graph.operations)
        better_than_prefix += found.latency_ms < neurosurgeon(graph, system, memory_limit=False).latency_ms * (1 - 1e-9)
    # The cases must be worth their name: true divisions, some of which no cut of one order reaches.
    assert strictly_between > 40
    assert better_than_prefix > 5


def test_a_tensor_with_two_readers_is_sent_once():
    builder = GraphBuilder("two readers")
    image = builder.input("image", (10, 10, 3))
    small = builder.conv2d("small", image, 1, 3, strides=5)
    left = builder.conv2d("left", small, 64, 3)
    right = builder.conv2d("right", small, 64, 3)
    graph = builder.build([builder.add("sum", left, right)])
    hmd = load_system("hmd")
    slow_sensor = replace(hmd, processors=(replace(hmd.sensor, macs_per_s=1e9), hmd.aggregator))
    found = dads(graph, slow_sensor)
    assert found.sent == (("small",),)
    assert found.link.bytes == 4


def test_operations_of_one_layer_stay_together():
    rng = np.random.default_rng(11)
    for _ in range(30):
        graph = random_dag(rng, 8)
        graph = _with_layers(graph)
        found = dads(graph, random_chain_system(rng, 2))
        layers_before = {op.layer for op in found.graph.operations[: found.n]}
        assert layers_before.isdisjoint(op.layer for op in found.graph.operations[found.n :])


def test_behind_a_fusion_of_views_nothing_runs_on_a_sensor():
    builder = GraphBuilder("views")
    x = builder.conv2d("local", builder.input("image", (8, 8, 3)), 4, 3)
    x = builder.view_fuse("fuse", x, 12)
    graph = builder.build([builder.conv2d("mixed", x, 1, 1)])
    found = dads(graph, load_system("hmd-12"), views=12)
    assert {op.name for op in found.graph.operations[: found.n]} <= {"local"}
    assert found.aggregator.macs > 0


def _with_layers(graph: Graph) -> Graph:
    pairs = tuple(replace(op, layer=f"layer{i // 2}") for i, op in enumerate(graph.operations))
    return replace(graph, operations=pairs)
