"""HiveMind against every ascending choice of cuts on random chains of devices."""

import itertools

import numpy as np
import pytest

from splitnets_tf.errors import UserError
from splitnets_tf.hardware import Graph, System, chain_cost
from splitnets_tf.partition import hivemind, neurosurgeon
from tests.splitnets_tf.partition.random_graphs import random_chain_system, random_dag


def _all_costs(graph: Graph, system: System, *, memory_limit: bool):
    positions = range(len(graph.operations) + 1)
    for cuts in itertools.combinations_with_replacement(positions, len(system.hops)):
        cost = chain_cost(graph, cuts, system)
        fits = all(
            processor.memory_bytes is None or device.peak_bytes <= processor.memory_bytes
            for device, processor in zip(cost.devices, system.chain, strict=True)
        )
        if fits or not memory_limit:
            yield cost


def _slowest_ms(cost) -> float:
    return max(stage.latency_ms for stage in (*cost.devices, *cost.links))


@pytest.mark.parametrize("devices", [2, 3, 4])
def test_equals_brute_force_on_random_chains(devices):
    rng = np.random.default_rng(devices)
    cut_somewhere = 0
    for _ in range(67):
        graph = random_dag(rng, int(rng.integers(1, 8)))
        system = random_chain_system(rng, devices)
        costs = list(_all_costs(graph, system, memory_limit=False))
        found = hivemind(graph, system)
        assert found.latency_ms == pytest.approx(min(cost.latency_ms for cost in costs), rel=1e-9)
        even = hivemind(graph, system, objective="bottleneck")
        slowest = min(_slowest_ms(cost) for cost in costs)
        assert _slowest_ms(even.cost) == pytest.approx(slowest, rel=1e-9)
        fastest_of_those = min(c.latency_ms for c in costs if _slowest_ms(c) <= slowest * (1 + 1e-9))
        assert even.latency_ms == pytest.approx(fastest_of_those, rel=1e-9)
        cut_somewhere += 0 < found.cuts[0] < len(graph.operations)
    assert cut_somewhere > 8


def test_memory_limit_equals_brute_force():
    rng = np.random.default_rng(5)
    limited = 0
    for _ in range(60):
        graph = random_dag(rng, int(rng.integers(2, 7)))
        system = random_chain_system(rng, 3, memory=True)
        allowed = list(_all_costs(graph, system, memory_limit=True))
        if not allowed:
            with pytest.raises(UserError, match="no legal cut fits"):
                hivemind(graph, system)
            continue
        found = hivemind(graph, system)
        assert found.feasible
        assert found.latency_ms == pytest.approx(min(cost.latency_ms for cost in allowed), rel=1e-9)
        limited += found.latency_ms > hivemind(graph, system, memory_limit=False).latency_ms * (1 + 1e-9)
    assert limited > 3


def test_equals_neurosurgeon_for_two_devices():
    rng = np.random.default_rng(3)
    for _ in range(100):
        graph = random_dag(rng, int(rng.integers(1, 13)))
        system = random_chain_system(rng, 2)
        one, other = hivemind(graph, system, memory_limit=False), neurosurgeon(graph, system, memory_limit=False)
        assert one.cuts == other.cuts
        assert one.latency_ms == other.latency_ms


def test_unknown_objective_is_refused():
    rng = np.random.default_rng(1)
    with pytest.raises(UserError, match="'latency' or 'bottleneck'"):
        hivemind(random_dag(rng, 3), random_chain_system(rng, 2), objective="speed")
