"""The cost of a cut: rows of the papers, and small cases by hand."""

from dataclasses import replace

import numpy as np
import pytest

from splitnets_tf.errors import UserError
from splitnets_tf.graph import build_backbone
from splitnets_tf.hardware import (
    GraphBuilder,
    chain_cost,
    energy_mj,
    feature_bytes,
    fuse_int8,
    latency_ms,
    load_system,
    peak_bytes,
    plan_arena,
    split_cost,
    sram_traffic_bytes,
    throughput_per_s,
    total_macs,
    total_params,
    transfer_ms,
    weight_bytes,
)


def two_layers():
    builder = GraphBuilder("two layers")
    x = builder.conv2d("first", builder.input("image", (8, 8, 3)), 4, 3)
    x = builder.batch_norm("norm", x)
    return builder.build([builder.conv2d("second", x, 10, 3, strides=2)])


def test_table_4_row_of_mnasnet_split_by_neurosurgeon():
    graph = build_backbone("MNASNet-1.0")
    n = [op.name for op in graph.operations].index("block3_0_project_bn") + 1
    cost = split_cost(graph, n, load_system("hmd"))
    assert cost.sensor.latency_ms == pytest.approx(0.82, abs=5e-3)
    assert cost.sensor.peak_bytes == pytest.approx(1.29e6, rel=0.01)
    assert cost.link.latency_ms == pytest.approx(0.418, abs=5e-4)
    assert cost.aggregator.latency_ms == pytest.approx(0.17, abs=5e-3)
    assert cost.latency_ms == pytest.approx(1.41, abs=5e-3)
    assert cost.throughput_per_s == pytest.approx(1e3 / cost.sensor.latency_ms)


def test_ends_of_a_network():
    graph, hmd = two_layers(), load_system("hmd")
    all_there, all_here = split_cost(graph, 0, hmd), split_cost(graph, 3, hmd)
    assert all_there.link.bytes == 8 * 8 * 3
    assert all_there.sensor.macs == all_there.sensor.peak_bytes == all_there.sensor.arena_bytes == 0
    assert all_here.link.bytes == 0
    assert all_here.latency_ms == all_here.sensor.latency_ms == pytest.approx(total_macs(graph) / 125e9 * 1e3)
    assert all_here.aggregator.macs == 0


def test_a_device_s_figures_are_those_of_its_part():
    graph, hmd = two_layers(), load_system("hmd")
    cost = split_cost(graph, 2, hmd)
    first = 3 * 3 * 3 * 4
    assert cost.sensor.params == first + 8
    assert cost.sensor.peak_bytes == first + 8 + 2 * 8 * 8 * 4
    assert cost.sensor.weight_bytes == first + 4 * 4
    assert cost.sensor.arena_bytes == 8 * 8 * 3 + 8 * 8 * 4
    assert cost.sensor.macs == 64 * first
    assert cost.aggregator.macs == 16 * 3 * 3 * 4 * 10
    assert cost.link.bytes == 8 * 8 * 4
    assert cost.link.latency_ms == pytest.approx(256 / 37.5e6 * 1e3)


@pytest.mark.parametrize(("bits", "expected"), [(4, 128), (8, 256), (16, 512)])
def test_link_bits_change_the_feature_but_not_the_raw_image(bits, expected):
    graph, hmd = two_layers(), load_system("hmd")
    assert split_cost(graph, 2, hmd, bits=bits).link.bytes == expected
    assert split_cost(graph, 0, hmd, bits=bits).link.bytes == 192


def test_an_odd_number_of_half_bytes_is_rounded_up():
    assert feature_bytes(5, 4) == 3
    assert feature_bytes(np.array([4, 5]), 4).tolist() == [2, 3]


def test_views_run_on_the_aggregator_until_they_are_fused():
    builder = GraphBuilder("views")
    x = builder.conv2d("local", builder.input("image", (8, 8, 3)), 4, 3)
    x = builder.view_fuse("fuse", x, 12)
    graph = builder.build([builder.conv2d("mixed", x, 2, 1)])
    system = load_system("hmd-12")
    local, mixed = 64 * 108, 64 * 48 * 2
    assert split_cost(graph, 0, system, views=12).aggregator.macs == 12 * local + mixed
    split = split_cost(graph, 1, system, views=12)
    assert (split.sensor.macs, split.aggregator.macs) == (local, mixed)
    assert split.link.latency_ms == pytest.approx(256 / 12.5e6 * 1e3)
    with pytest.raises(ValueError, match="a sensor has one view"):
        split_cost(graph, 2, system, views=12)
    with pytest.raises(ValueError, match="fuses 12 views"):
        split_cost(graph, 1, system, views=3)
    with pytest.raises(UserError, match="chain of 4 devices"):
        split_cost(graph, 1, load_system("jmsnas-chain"), views=12)


def test_without_a_fusion_everything_runs_once_for_each_view():
    graph = two_layers()
    assert split_cost(graph, 0, load_system("hmd-12"), views=12).aggregator.macs == 12 * total_macs(graph)


def test_fitting_by_the_paper_and_on_the_device_are_asked_separately():
    graph, hmd = two_layers(), load_system("hmd")
    cost = split_cost(graph, 2, hmd)
    device_need = cost.sensor.weight_bytes + cost.sensor.arena_bytes
    assert device_need < cost.sensor.peak_bytes

    def with_memory(memory_bytes):
        return replace(hmd, processors=(replace(hmd.sensor, memory_bytes=memory_bytes), hmd.aggregator))

    assert cost.fits(with_memory(cost.sensor.peak_bytes))
    assert not cost.fits(with_memory(cost.sensor.peak_bytes - 1))
    assert cost.fits_device(with_memory(device_need))
    assert not cost.fits_device(with_memory(device_need - 1))


def test_energy_adds_up_term_by_term():
    graph, hmd = two_layers(), load_system("hmd")
    cost = split_cost(graph, 2, hmd)
    head_traffic = (192 + 256) + (108 + 16)
    sensor_pj = 64 * 108 * 0.226 + head_traffic * 1.0
    assert cost.sensor.energy_mj == pytest.approx(sensor_pj * 1e-9 + 1.0 * cost.latency_ms * 1e-3, rel=1e-12)
    assert cost.link.energy_mj == pytest.approx(256 * 100.0 * 1e-9, rel=1e-12)
    tail_traffic = (256 + 160) + (360 + 40)
    aggregator_pj = 16 * 360 * 0.113 + tail_traffic * 2.0
    assert cost.aggregator.energy_mj == pytest.approx(aggregator_pj * 1e-9 + 10.0 * cost.latency_ms * 1e-3, rel=1e-12)
    assert cost.energy_mj == pytest.approx(
        cost.sensor.energy_mj + cost.link.energy_mj + cost.aggregator.energy_mj, rel=1e-12
    )


def test_an_idle_device_draws_its_idle_power_only():
    cost = split_cost(two_layers(), 3, load_system("hmd"))
    assert cost.aggregator.energy_mj == pytest.approx(10.0 * cost.latency_ms * 1e-3, rel=1e-12)
    assert split_cost(two_layers(), 2, load_system("jmsnas-chain")).energy_mj is None


def test_a_chain_adds_devices_and_links_up():
    graph, system = two_layers(), load_system("jmsnas-chain")
    cost = chain_cost(graph, (1, 2, 2), system)
    assert [device.macs for device in cost.devices] == [64 * 108, 0, 0, 16 * 360]
    assert [device.params for device in cost.devices] == [108, 8, 0, 360]
    assert [link.bytes for link in cost.links] == [256, 256, 256]
    expected = 6912 / 5e9 + 5760 / 1e12 + 256 / 3.125e6 + 256 / 6.25e6 + 256 / 25e6
    assert cost.latency_ms == pytest.approx(1e3 * expected, rel=1e-12)
    assert cost.throughput_per_s == pytest.approx(3.125e6 / 256, rel=1e-12)
    with pytest.raises(ValueError, match="3 ascending cuts"):
        chain_cost(graph, (2, 1, 3), system)
    with pytest.raises(ValueError, match="3 ascending cuts"):
        chain_cost(graph, (1,), system)


def test_two_parts_on_a_chain_are_relayed_link_after_link():
    graph, system = two_layers(), load_system("jmsnas-chain")
    split, chain = split_cost(graph, 2, system), chain_cost(graph, (2, 2, 2), system)
    assert split.latency_ms == pytest.approx(chain.latency_ms, rel=1e-12)
    assert split.link.bytes == 256


def test_formulas_take_arrays():
    macs = np.array([0, 125_000_000, 250_000_000])
    assert latency_ms(macs, 125e9).tolist() == [0.0, 1.0, 2.0]
    assert transfer_ms(np.array([37_500]), 37.5e6).tolist() == [1.0]
    times_ms = np.array([1.0, 2.0, 3.0])
    energy = energy_mj(
        macs=macs, pj_per_mac=2.0, sram_bytes=macs, pj_per_sram_byte=1.0, idle_mw=3.0, latency_ms=times_ms
    )
    assert energy.tolist() == pytest.approx([0.003, 0.375 + 0.006, 0.75 + 0.009])
    assert throughput_per_s(1.0, 4.0, 2.0) == 250.0
    assert throughput_per_s(0.0) == float("inf")


@pytest.mark.parametrize(
    ("backbone", "measured_arena_bytes"),
    [("MobileNet-v2", 122_880), ("EfficientNet-B0", 294_912), ("MobileNet-v3", 32_768)],
)
def test_arena_of_backbones_is_what_tflite_micro_measured(backbone, measured_arena_bytes):
    """Measured on the int8 files of keras.applications at 64x64 pixels with 10 classes (head of the arena)."""
    graph = build_backbone(backbone, resolution=64, classes=10)
    fused = fuse_int8(graph)
    assert plan_arena(fused).arena_bytes == measured_arena_bytes
    assert sram_traffic_bytes(fused) > weight_bytes(fused)
    largest = max(tensor.elements for tensor in graph.tensors)
    assert peak_bytes(graph) == total_params(graph) + 2 * largest
