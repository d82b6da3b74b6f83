"""Vela's figures: the processors of the paper, zero operations on the CPU, and its command."""

import json

import numpy as np
import pytest

from splitnets_tf.errors import UserError
from splitnets_tf.graph import read_tflite
from splitnets_tf.hardware import load_system, plan_arena, total_macs
from tflite_export.vela import main
from tflite_export.vela_report import npu_for, vela_report


@pytest.fixture(scope="module")
def reports(split_export):
    system = load_system("hmd")
    return [
        vela_report(path, npu_for(role, system))
        for path, role in zip(split_export.paths, ("sensor", "aggregator"), strict=True)
    ]


def test_the_processors_have_the_papers_speed():
    system = load_system("hmd")
    sensor, aggregator = npu_for("sensor", system), npu_for("aggregator", system)
    assert (sensor.name, sensor.clock_hz) == ("ethos-u55-256", 488.28125e6)
    assert (aggregator.name, aggregator.clock_hz) == ("ethos-u85-2048", 610.3515625e6)
    slow = npu_for("sensor", load_system("hmd-demo"))
    assert slow.clock_hz * slow.macs_per_cycle == pytest.approx(load_system("hmd-demo").sensor.macs_per_s)


def test_both_halves_run_on_the_npu_alone(reports, split_export):
    for report, path in zip(reports, split_export.paths, strict=True):
        graph = read_tflite(path)
        assert report.cpu_operations == ()
        # The NPU computes a convolution's multiply-accumulates, and those of a mean, which the paper does not count.
        assert total_macs(graph) <= report.macs <= 1.1 * total_macs(graph)
        # Vela takes a mean apart.
        names = {op.name.removesuffix("_intermediate") for op in report.operations}
        assert names <= {op.name for op in graph.operations}
        assert 0 < report.utilisation < 1
        assert report.latency_ms == pytest.approx(report.cycles / report.npu.clock_hz * 1e3)
        assert report.size_sram_bytes <= report.sram_bytes
        assert report.required_bytes == report.sram_bytes + report.flash_bytes


def test_sram_is_of_the_order_of_the_planned_arena(reports, split_export):
    arena = plan_arena(read_tflite(split_export.paths[0])).arena_bytes
    assert 0.5 * arena < reports[0].sram_bytes < 3 * arena


def test_the_clock_changes_time_but_not_cycles(reports, split_export):
    slow = vela_report(split_export.paths[0], npu_for("sensor", load_system("hmd-demo")))
    assert slow.cycles == reports[0].cycles
    assert slow.latency_ms == pytest.approx(reports[0].latency_ms * 125e9 / 2.7782e9)


def test_what_an_npu_cannot_run_is_named(tmp_path):
    import keras

    from pipelines.partitioning.tflite_model import convert

    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    path = tmp_path / "float.tflite"
    path.write_bytes(convert(keras.Model(image, keras.layers.MaxPooling2D()(x))))

    report = vela_report(path, npu_for("sensor", load_system("hmd")))
    assert [operation.kind for operation in report.cpu_operations] == ["conv2d", "max_pool"]
    assert report.utilisation == 0


def test_the_command_prints_and_writes_both_processors(split_export, reports, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")  # so that no name is broken over lines
    target = tmp_path / "vela.json"
    assert main([str(split_export.paths[0]), "--json", str(target), "--operations"]) == 0

    printed = " ".join(capsys.readouterr().out.split())
    assert f"{reports[0].cycles:,}" in printed
    assert all(operation.name in printed for operation in reports[0].operations)
    data = json.loads(target.read_text("utf-8"))
    assert [row["npu"]["name"] for row in data["reports"]] == ["ethos-u55-256", "ethos-u85-2048"]
    assert data["reports"][0]["cycles"] == reports[0].cycles
    assert data["reports"][0]["measured_by"].startswith("Vela 5.")
    assert np.isclose(data["reports"][0]["utilisation"], reports[0].utilisation)


def test_damaged_files_and_a_missing_vela_end_in_one_line(split_export, tmp_path, capsys, monkeypatch):
    broken = tmp_path / "broken.tflite"
    content = split_export.paths[0].read_bytes()
    broken.write_bytes(content[: len(content) // 2])
    assert main([str(broken)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"\[deploy\]"):
        vela_report(split_export.paths[0], npu_for("sensor", load_system("hmd")))
