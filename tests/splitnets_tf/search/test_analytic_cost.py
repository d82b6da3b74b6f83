"""The hardware model as the search sees it."""

import dataclasses

import numpy as np
import pytest

from splitnets_tf.hardware import (
    cut,
    fuse_int8,
    load_system,
    peak_bytes,
    plan_arena,
    split_cost,
    total_macs,
    weight_bytes,
)
from splitnets_tf.search import COST_FIGURES, AnalyticCost, memory_constraints, total_violation
from splitnets_tf.space import architecture_graph, load_space, sample

SPACE = load_space("demo")
SYSTEM = load_system("hmd")


def test_figures_are_those_of_the_two_halves():
    cost = AnalyticCost(SPACE, SYSTEM, 34)
    rng = np.random.default_rng(0)
    for _ in range(10):
        architecture = sample(SPACE, rng)
        built = architecture_graph(SPACE, architecture, 34)
        head, tail = cut(built.graph, built.sensor_operations)
        fused = fuse_int8(head)
        figures = cost.cost(architecture)
        assert figures.sensor_memory_bytes == weight_bytes(fused) + plan_arena(fused).arena_bytes
        fused_tail = fuse_int8(tail)
        assert figures.aggregator_memory_bytes == weight_bytes(fused_tail) + plan_arena(fused_tail).arena_bytes
        assert figures.peak_bytes == peak_bytes(head)
        assert figures.sensor_macs == total_macs(head)
        assert figures.macs == total_macs(head) + total_macs(tail)
        assert figures.sensor_latency_ms == pytest.approx(total_macs(head) / 125e9 * 1e3)
        assert figures.aggregator_latency_ms == pytest.approx(total_macs(tail) / 1.25e12 * 1e3)
        assert figures.link_latency_ms == pytest.approx(figures.link_bytes / 37.5e6 * 1e3)
        parts = figures.sensor_latency_ms + figures.link_latency_ms + figures.aggregator_latency_ms
        assert figures.latency_ms == pytest.approx(parts)
        assert figures.latency_ms == split_cost(built.graph, built.sensor_operations, SYSTEM).latency_ms


def test_link_bytes_are_the_features_of_the_split():
    architecture = sample(SPACE, np.random.default_rng(1))
    side = architecture.resolution // SPACE.phases[architecture.split.phase].stride
    assert AnalyticCost(SPACE, SYSTEM, 34).cost(architecture).link_bytes == architecture.split.width * side**2


def test_without_a_split_everything_runs_on_the_aggregator():
    figures = AnalyticCost(SPACE, SYSTEM, 34).cost(SPACE.largest())
    assert (figures.sensor_macs, figures.peak_bytes, figures.sensor_memory_bytes) == (0, 0, 0)
    assert figures.link_bytes == 3 * 64 * 64


def test_an_architecture_is_priced_once():
    cost = AnalyticCost(SPACE, SYSTEM, 34)
    architecture = sample(SPACE, np.random.default_rng(2))
    same = dataclasses.replace(architecture)
    assert cost.cost(architecture) is cost.cost(same)


def test_figures_come_by_name_in_a_fixed_order():
    figures = AnalyticCost(SPACE, SYSTEM, 34).cost(SPACE.largest()).as_dict()
    assert tuple(figures) == COST_FIGURES and figures["macs"] > 1e6


def test_memory_constraints_hold_both_figures_to_the_sensor():
    constraints = memory_constraints(SYSTEM)
    figures = dict.fromkeys(COST_FIGURES, 0.0)
    assert total_violation(constraints, figures | {"peak_bytes": 2e6, "sensor_memory_bytes": 2e6}) == 0
    for name in ("peak_bytes", "sensor_memory_bytes"):
        assert total_violation(constraints, figures | {name: 3e6}) == pytest.approx(0.5)
    assert memory_constraints(_with_memory(SYSTEM.sensor, None)) == ()


def test_memory_constraints_hold_the_aggregator_to_its_memory():
    constraints = memory_constraints(_with_memory(SYSTEM.aggregator, 1000))
    figures = dict.fromkeys(COST_FIGURES, 0.0) | {"aggregator_memory_bytes": 1500.0}
    assert total_violation(constraints, figures) == pytest.approx(0.5)
    assert total_violation(constraints, figures | {"aggregator_memory_bytes": 1000.0}) == 0


def _with_memory(processor, memory_bytes):
    processors = (
        dataclasses.replace(each, memory_bytes=memory_bytes) if each.name == processor.name else each
        for each in SYSTEM.processors
    )
    return dataclasses.replace(SYSTEM, processors=tuple(processors))


def test_energy_is_that_of_the_split_cost_and_undefined_without_constants():
    architecture = sample(SPACE, np.random.default_rng(3))
    system = load_system("hmd-demo")
    built = architecture_graph(SPACE, architecture, 34)
    expected = split_cost(built.graph, built.sensor_operations, system).energy_mj
    assert expected > 0 and AnalyticCost(SPACE, system, 34).cost(architecture).energy_mj == expected
    processors = tuple(dataclasses.replace(each, energy=None) for each in system.processors)
    without = dataclasses.replace(system, processors=processors)
    assert np.isnan(AnalyticCost(SPACE, without, 34).cost(architecture).energy_mj)
