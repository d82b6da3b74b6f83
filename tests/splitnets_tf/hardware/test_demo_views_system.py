"""`hmd-12-demo` must stand to the space `demo_views` as Table 6's system stands to EfficientNet-B0."""

import pytest

from splitnets_tf.graph import build_backbone
from splitnets_tf.hardware import load_system, split_cost
from splitnets_tf.space import architecture_graph, load_space

DEMO_CLASSES = 34
VIEWS = 12


@pytest.fixture(scope="module")
def demo():
    space = load_space("demo_views")
    return architecture_graph(space, space.largest(), DEMO_CLASSES)


def test_the_four_ratios_of_table_6(demo):
    ours, theirs = load_system("hmd-12-demo"), load_system("hmd-12")
    fused = split_cost(demo.graph, demo.sensor_operations, ours, views=VIEWS)
    image = split_cost(demo.graph, 0, ours, views=VIEWS)
    assert fused.sensor.latency_ms == pytest.approx(3.08, rel=1e-3)
    assert image.link.latency_ms == pytest.approx(150_528 / 12.5e6 * 1e3, rel=1e-3)
    assert ours.aggregator.macs_per_s / ours.sensor.macs_per_s == pytest.approx(10, rel=1e-3)
    assert fused.sensor.peak_bytes / ours.sensor.memory_bytes == pytest.approx(6.42 / 2.00, rel=1e-3)
    # The same ratios as our own EfficientNet-B0 gives on the paper's system, whatever the table prints.
    paper = build_backbone("EfficientNet-B0", views=VIEWS)
    fusion = [operation.kind for operation in paper.operations].index("view_fuse")
    reference = split_cost(paper, fusion, theirs, views=VIEWS)
    assert reference.sensor.latency_ms == pytest.approx(fused.sensor.latency_ms, rel=2e-3)
    assert reference.sensor.peak_bytes / theirs.sensor.memory_bytes == pytest.approx(
        fused.sensor.peak_bytes / ours.sensor.memory_bytes, rel=2e-3
    )
    all_there = split_cost(paper, 0, theirs, views=VIEWS).aggregator.latency_ms
    assert image.aggregator.latency_ms == pytest.approx(all_there, rel=0.01)


def test_twelve_sensors_share_its_bus():
    system = load_system("hmd-12-demo")
    assert system.sensor.count == system.hops[0].shared_by == VIEWS
    assert system.aggregator.memory_bytes is None
    assert system.sensor.assumed
    assert system.aggregator.assumed
    assert system.hops[0].assumed
