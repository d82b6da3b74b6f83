"""LiteRT's benchmark, the profile of operations and their command."""

import json

import numpy as np
import pytest
from flatbuffer_surgery import input_tensor, rewrite

from splitnets_tf.errors import UserError
from splitnets_tf.graph import read_tflite
from splitnets_tf.hardware import load_system, total_macs
from tflite_export import run_benchmark
from tflite_export.benchmark import main
from tflite_export.file_parts import cut_operations
from tflite_export.interpreter import load_interpreter
from tflite_export.operation_profile import operation_profile


def test_the_command_prints_and_writes_what_litert_measured(split_export, tmp_path, capsys):
    target = tmp_path / "speed.json"
    assert main([str(split_export.paths[1]), "--runs", "7", "--json", str(target)]) == 0

    assert "7 runs, 1 thread" in " ".join(capsys.readouterr().out.split())
    data = json.loads(target.read_text("utf-8"))
    assert data["runs"] == 7
    assert data["threads"] == 1
    assert 0 <= data["min_ms"] <= data["median_ms"] <= data["p95_ms"] <= data["max_ms"]
    assert data["init_ms"] > 0
    # Not in steps of 0.01 ms, which would be the whole time of a small network.
    assert any(data[name] != round(data[name], 2) for name in ("median_ms", "min_ms", "max_ms", "p95_ms"))
    assert data["measured_by"].startswith("LiteRT (ai_edge_litert.tools.")
    assert data["kernels"] == "xnnpack"


def test_operations_and_prediction_stand_beside_the_measurement(split_export, tmp_path, capsys):
    path, target = split_export.paths[0], tmp_path / "speed.json"
    arguments = ["--runs", "3", "--system", "hmd-demo", "--device", "aggregator", "--kernels", "reference"]
    assert main([str(path), *arguments, "--json", str(target)]) == 0

    data, graph = json.loads(target.read_text("utf-8")), read_tflite(path)
    speed = load_system("hmd-demo").aggregator.macs_per_s
    assert "reference kernels, timed by tflite_export" in data["measured_by"]
    assert data["prediction"]["latency_ms"] == pytest.approx(total_macs(graph) / speed * 1e3)
    ratio = data["prediction"]["measured_to_predicted"]
    assert ratio == pytest.approx(data["median_ms"] / data["prediction"]["latency_ms"])
    assert [row["kind"] for row in data["operations"]] == [operation.kind for operation in graph.operations]
    assert sum(row["predicted_ms"] for row in data["operations"]) == pytest.approx(data["prediction"]["latency_ms"])
    assert data["operations_ms"] == pytest.approx(sum(row["median_ms"] for row in data["operations"]))
    assert all(row["median_ms"] > 0 for row in data["operations"])
    printed = capsys.readouterr().out
    assert "a model of its own" in printed
    assert "times that" in printed


def test_a_profile_says_which_operation_takes_the_time(whole_export):
    rows = operation_profile(whole_export.whole.path, runs=3, threads=1, kernels="reference")
    largest = max(rows, key=lambda row: row.macs)
    reshape = next(row for row in rows if row.kind == "reshape")
    assert largest.median_ms > 5 * reshape.median_ms


def test_operations_in_sequence_are_the_network(split_export, tmp_path):
    path = split_export.paths[1]
    rng, graph = np.random.default_rng(0), read_tflite(path)
    whole = load_interpreter(path, reference=True)
    detail = whole.get_input_details()[0]
    known = {graph.inputs[0]: rng.integers(-128, 128, detail["shape"]).astype(np.int8)}
    whole.set_tensor(detail["index"], known[graph.inputs[0]])
    whole.invoke()
    for operation, content in zip(graph.operations, cut_operations(path), strict=True):
        (tmp_path / "one.tflite").write_bytes(content)
        one = load_interpreter(tmp_path / "one.tflite", reference=True)
        for name, entry in zip(operation.inputs, one.get_input_details(), strict=True):
            one.set_tensor(entry["index"], known[name])
        one.invoke()
        known[operation.outputs[0]] = one.get_tensor(one.get_output_details()[0]["index"])
    np.testing.assert_array_equal(known[graph.outputs[0]], whole.get_tensor(whole.get_output_details()[0]["index"]))


def test_what_only_litert_can_read_is_timed_without_prediction(split_export, tmp_path, capsys):
    def no_fixed_shape(model):
        tensor = input_tensor(model)
        tensor.shapeSignature = [1, -1, -1, 3]

    path, target = rewrite(split_export.paths[0], tmp_path / "free.tflite", no_fixed_shape), tmp_path / "speed.json"
    assert main([str(path), "--runs", "2", "--json", str(target)]) == 0
    data = json.loads(target.read_text("utf-8"))
    assert data["median_ms"] > 0
    assert data["prediction"] is None
    assert data["operations"] is None
    assert "free.tflite" in data["prediction_note"]
    assert "No prediction" in capsys.readouterr().out


def test_operations_are_left_out_on_demand(split_export, tmp_path):
    target = tmp_path / "speed.json"
    assert main([str(split_export.paths[0]), "--runs", "1", "--no-operations", "--json", str(target)]) == 0
    data = json.loads(target.read_text("utf-8"))
    assert data["operations"] is None
    assert data["prediction"]["latency_ms"] > 0


@pytest.mark.parametrize("damage", [None, lambda content: content[:900], lambda content: b"text"])
def test_a_file_that_cannot_be_run_is_named(split_export, tmp_path, damage):
    path = tmp_path / "broken.tflite"
    if damage is not None:
        path.write_bytes(damage(split_export.paths[0].read_bytes()))

    with pytest.raises(UserError, match=r"broken\.tflite") as caught:
        run_benchmark(path, runs=1)
    assert "\n" not in str(caught.value)


def test_a_user_error_ends_the_command_with_2(tmp_path, capsys):
    assert main([str(tmp_path / "none.tflite")]) == 2
    assert capsys.readouterr().err.startswith("error: ")


@pytest.mark.parametrize("runs", ["0", "-3", "many"])
def test_a_silly_number_of_runs_is_refused(runs, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["model.tflite", "--runs", runs])
    assert caught.value.code == 2
    assert "at least 1" in capsys.readouterr().err
