"""`hmd-demo` must stand to the space `demo` as the paper's system stands to EfficientNet-B0."""

import pytest

from splitnets_tf.graph import build_backbone
from splitnets_tf.hardware import load_system, split_cost
from splitnets_tf.space import architecture_graph, load_space

DEMO_CLASSES = 34
"""Classes of the embedded data set; a few more or less change the figures by less than the tolerance."""


@pytest.fixture(scope="module")
def demo():
    space = load_space("demo")
    return architecture_graph(space, space.largest(), DEMO_CLASSES).graph


@pytest.fixture(scope="module")
def paper():
    return build_backbone("EfficientNet-B0")


def test_the_four_ratios_of_table_4(demo, paper):
    ours, theirs = load_system("hmd-demo"), load_system("hmd")
    sensor, all_there = split_cost(demo, len(demo.operations), ours), split_cost(demo, 0, ours)
    assert sensor.sensor.latency_ms == pytest.approx(386e6 / 125e9 * 1e3, rel=1e-3)
    assert all_there.link.latency_ms == pytest.approx(150_528 / 37.5e6 * 1e3, rel=1e-3)
    assert all_there.aggregator.latency_ms == pytest.approx(386e6 / 1.25e12 * 1e3, rel=1e-3)
    assert sensor.sensor.peak_bytes / ours.sensor.memory_bytes == pytest.approx(7.70 / 2.00, rel=1e-3)
    # The same ratios as our own EfficientNet-B0 gives on the paper's system, whatever the table prints.
    reference = split_cost(paper, len(paper.operations), theirs)
    assert reference.sensor.peak_bytes / 2e6 == pytest.approx(
        sensor.sensor.peak_bytes / ours.sensor.memory_bytes, rel=2e-3
    )
    assert reference.sensor.latency_ms == pytest.approx(sensor.sensor.latency_ms, rel=2e-3)


def test_it_shares_its_bus_as_the_paper_s_system_does():
    ours, theirs = load_system("hmd-demo"), load_system("hmd")
    assert ours.sensor.count == theirs.sensor.count == ours.hops[0].shared_by == 4
    assert ours.aggregator.memory_bytes is None
    assert ours.sensor.assumed
    assert ours.aggregator.assumed
