"""Files with placeholder weights cost what exported files cost, so Vela can price what nobody has trained."""

import pytest
from reduced_spaces import reduced_space
from tiny_job import CLASSES, SPACE, SPLIT

from splitnets_tf.graph import read_tflite
from splitnets_tf.hardware import Graph, Operation, Tensor, cut, load_system, plan_arena, split_cost
from splitnets_tf.space import architecture_graph, space_from_dict
from tflite_export import npu_for, vela_costs, vela_reports
from tflite_export.placeholder_file import placeholder_file
from tflite_export.vela_report import vela_report

SYSTEM = load_system("hmd-demo")


@pytest.fixture(scope="module")
def network():
    built = architecture_graph(space_from_dict(SPACE), SPLIT, CLASSES)
    return built.graph, built.sensor_operations


def test_operations_are_those_of_the_exported_file(network, split_export, tmp_path):
    for part, exported in zip(cut(*network), split_export.paths, strict=True):
        path = tmp_path / "placeholder.tflite"
        path.write_bytes(placeholder_file(part))
        made, expected = read_tflite(path), read_tflite(exported)
        rows = [(op.kind, op.function, op.kernel_elements, op.macs, op.strides) for op in expected.operations]
        assert [(op.kind, op.function, op.kernel_elements, op.macs, op.strides) for op in made.operations] == [
            row for row in rows if row[0] != "reshape"
        ]
        assert plan_arena(made).arena_bytes == plan_arena(expected).arena_bytes


def test_vela_gives_them_the_cycles_and_memory_of_the_exported_file(network, split_export):
    (cost,) = vela_costs([network], SYSTEM)
    sensor, aggregator = (
        vela_report(path, npu_for(role, SYSTEM))
        for path, role in zip(split_export.paths, ("sensor", "aggregator"), strict=True)
    )
    assert cost.sensor_ms == pytest.approx(sensor.latency_ms, rel=0.02)
    assert cost.aggregator_ms == pytest.approx(aggregator.latency_ms, rel=0.05)
    assert cost.sensor_bytes == pytest.approx(min(sensor.required_bytes, sensor.size_required_bytes), rel=0.05)
    assert cost.link_ms == split_cost(*network, SYSTEM).link.latency_ms
    assert cost.latency_ms == pytest.approx(cost.sensor_ms + cost.link_ms + cost.aggregator_ms)


def test_every_preset_has_placeholders_that_run_on_the_npu_alone(tmp_path):
    requests = []
    for name in ("demo", "attentive_nas_split", "fbnetv3_split"):
        space = reduced_space(name)
        path = tmp_path / f"{name}.tflite"
        path.write_bytes(placeholder_file(architecture_graph(space, space.smallest(), CLASSES).graph))
        requests.append((path, npu_for("aggregator", SYSTEM)))
    reports = vela_reports(requests)
    assert [report.model for report in reports] == [path.name for path, _ in requests]
    for report in reports:
        assert report.cpu_operations == ()
        assert report.cycles > 0


def test_where_nothing_runs_on_a_device_it_costs_nothing(network):
    graph, _ = network
    on_aggregator, on_sensor = vela_costs([(graph, 0), (graph, len(graph.operations))], SYSTEM)
    assert (on_aggregator.sensor_ms, on_aggregator.sensor_bytes) == (0.0, 0)
    assert (on_sensor.aggregator_ms, on_sensor.link_ms) == (0.0, 0.0)
    assert on_aggregator.aggregator_ms < on_sensor.sensor_ms
    assert on_aggregator.fits(SYSTEM)


def test_the_same_graph_gives_the_same_bytes(network):
    assert placeholder_file(network[0]) == placeholder_file(network[0])
    assert placeholder_file(network[0]) != placeholder_file(network[0], seed=1)


def test_an_operation_without_a_placeholder_is_named():
    tensors = (Tensor(name="x", shape=(4, 4, 2)), Tensor(name="strange", shape=(4, 4, 2)))
    operation = Operation(name="strange", kind="fourier", inputs=("x",), outputs=("strange",))
    graph = Graph(name="g", operations=(operation,), tensors=tensors, inputs=("x",), outputs=("strange",))
    with pytest.raises(ValueError, match="'strange' of kind 'fourier'"):
        placeholder_file(graph)
