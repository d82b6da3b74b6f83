"""The memory profile: planned, predicted and measured figures agree, and its command."""

import json
import random

import pytest
from tiny_job import CLASSES, GATED_SPACE, SPACE, SPLIT, WHOLE

from splitnets_tf.errors import UserError
from splitnets_tf.graph import read_tflite
from splitnets_tf.graph.tflite_file import read_tflite_file
from splitnets_tf.hardware import cut, fuse_int8, load_system, plan_arena, weight_bytes
from splitnets_tf.space import architecture_graph, space_from_dict
from tflite_export import MemoryProfile, OperationMemory, memory_profile
from tflite_export.memory import main
from tflite_export.memory_view import plot_profile
from tflite_export.vela_report import npu_for, vela_report


@pytest.fixture(scope="module")
def profile(split_export):
    return memory_profile(split_export.paths[0])


def test_the_planned_arena_is_the_one_that_tflite_micro_allocates(split_export, whole_export):
    for path in (*split_export.paths, split_export.whole.path, *whole_export.paths):
        measured = memory_profile(path)
        assert measured.micro_note == ""
        assert measured.micro_arena.head_bytes == measured.arena_bytes
        assert measured.micro_arena.total_bytes >= measured.micro_arena.head_bytes + measured.micro_arena.tail_bytes


def test_the_cost_model_predicts_the_files_from_the_architecture(split_export, whole_export):
    network = architecture_graph(space_from_dict(SPACE), SPLIT, CLASSES)
    whole = architecture_graph(space_from_dict(GATED_SPACE), WHOLE, CLASSES)
    predicted = [*cut(network.graph, network.sensor_operations), whole.graph]

    for graph, path in zip(predicted, (*split_export.paths, *whole_export.paths), strict=True):
        measured = memory_profile(path, measure=False)
        assert measured.arena_bytes == plan_arena(fuse_int8(graph)).arena_bytes
        lowered = fuse_int8(graph).operations
        found = [op for op in read_tflite(path).operations if op.kind != "reshape"]
        assert [(op.kind, op.function, op.kernel_elements) for op in found] == [
            ("conv2d" if op.kind == "dense" else op.kind, op.function, op.kernel_elements) for op in lowered
        ]
        # A dense layer is a convolution in the file, with a bias; at the end stands the shape of the logits.
        biases = sum(4 * graph.tensor(op.outputs[0]).elements for op in lowered if op.kind == "dense")
        biases -= sum(4 * op.bias_elements for op in lowered if op.kind == "dense")
        shape_bytes = 8 if measured.operations[-1].kind == "reshape" else 0
        expected = weight_bytes(fuse_int8(graph)) + biases + shape_bytes
        # Equal constants lie in the file once: a bias of 8 zeros, a factor of 1/6.
        assert measured.weight_bytes == expected - (4 * 8 + 1 if graph is whole.graph else 0)


def test_rows_tell_where_the_memory_goes(profile):
    assert profile.operations[0].operation == "stem_act"
    assert profile.operations[-1].operation == "reduce_0_bn"
    assert sum(row.weight_bytes for row in profile.operations) == profile.weight_bytes
    for row in profile.operations:
        assert row.total_bytes == profile.weight_bytes + row.live_bytes
        assert row.live_bytes >= sum(tensor.bytes for tensor in row.tensors) + row.scratch_bytes
    # stem: 24x24x3 image in, 12x12x8 out
    assert {(tensor.name, tensor.bytes) for tensor in profile.operations[0].tensors} == {
        ("input", 1728),
        ("stem_act", 1152),
    }
    assert profile.operations[0].live_bytes == 2880
    assert profile.operations[0].weight_bytes == 3 * 3 * 3 * 8 + 4 * 8
    assert profile.peak.operation == "stem_act"
    assert profile.required_bytes == profile.weight_bytes + profile.arena_bytes


def test_it_fits_up_to_the_last_byte(split_export, profile):
    path = split_export.paths[0]
    assert memory_profile(path, profile.required_bytes, measure=False).fits is True
    assert memory_profile(path, profile.required_bytes - 1, measure=False).fits is False
    assert profile.fits is None


def test_without_tflite_micro_nothing_is_guessed(split_export, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    profile = memory_profile(split_export.paths[0])

    assert profile.micro_arena is None
    assert profile.micro_note.startswith("not measured")
    assert profile.to_dict()["measured_by"]["micro_arena"] is None


def test_a_model_that_tflite_micro_refuses_is_reported_as_not_measured(split_export, monkeypatch):
    monkeypatch.setattr("tflite_export.model_memory._SPARE_BYTES", -10_000_000)

    assert "not measured: TensorFlow Lite Micro refused" in memory_profile(split_export.paths[0]).micro_note


def test_the_command_prints_writes_and_draws(split_export, tmp_path, capsys):
    arguments = ["--limit", "1MB", "--json", str(tmp_path / "m.json"), "--plot", str(tmp_path / "m.png")]
    assert main([str(split_export.paths[0]), *arguments]) == 0

    printed = capsys.readouterr().out
    assert "Peak: 2,880 bytes of activations at stem_act" in printed
    assert "equal to the plan" in printed
    assert "fits, " in printed
    data = json.loads((tmp_path / "m.json").read_text("utf-8"))
    assert data["peak_operation"] == "stem_act"
    assert data["fits"] is True
    assert data["limit_bytes"] == 1_000_000
    assert len(data["operations"]) == len(memory_profile(split_export.paths[0], measure=False).operations)
    assert (tmp_path / "m.png").read_bytes().startswith(b"\x89PNG")


def test_velas_plan_stands_beside_ours(split_export, tmp_path, capsys):
    path = split_export.paths[0]
    expected = vela_report(path, npu_for("sensor", load_system("hmd")))
    assert main([str(path), "--limit", str(expected.size_required_bytes), "--json", str(tmp_path / "m.json")]) in (0, 3)

    printed = capsys.readouterr().out
    assert f"for size: SRAM {expected.size_sram_bytes:,} + constants {expected.size_flash_bytes:,}" in printed
    assert "bytes, within the limit" in printed
    assert ("OVER THE LIMIT" in printed) == (expected.required_bytes > expected.size_required_bytes)
    found = json.loads((tmp_path / "m.json").read_text("utf-8"))
    assert found["npu_memory"]["sram_bytes"] == expected.sram_bytes
    assert found["npu_memory"]["cpu_operations"] == 0
    assert found["measured_by"]["npu_memory"] == "Vela"


def test_model_explorer_gets_live_memory_by_tensor_name(split_export, tmp_path):
    path = split_export.paths[0]
    assert main([str(path), "--node-data", str(tmp_path / "nodes.json")]) == 0

    profile = memory_profile(path, measure=False)
    results = json.loads((tmp_path / "nodes.json").read_text("utf-8"))["results"]
    names = {tensor.name for tensor in read_tflite_file(path).tensors}
    assert set(results) <= names
    assert [result["value"] for result in results.values()] == [row.live_bytes for row in profile.operations]
    assert [name for name, result in results.items() if "bgColor" in result] == [profile.peak.result]


def test_over_the_limit_the_command_ends_with_3(split_export, capsys):
    assert main([str(split_export.paths[0]), "--limit", "1000"]) == 3
    assert "DOES NOT FIT" in capsys.readouterr().out


def test_a_plot_of_an_unknown_kind_is_refused(split_export, tmp_path, capsys):
    assert main([str(split_export.paths[0]), "--plot", str(tmp_path / "m.bmp")]) == 2
    assert ".bmp" in capsys.readouterr().err


def test_a_dollar_in_a_name_begins_no_formula(tmp_path):
    row = OperationMemory(
        operation="a$\\foo$b",
        kind="conv2d",
        weight_bytes=9,
        live_bytes=20,
        scratch_bytes=0,
        total_bytes=29,
        tensors=(),
    )
    sizes = {"file_bytes": 99, "weight_bytes": 9, "arena_bytes": 32, "limit_bytes": None}
    profile = MemoryProfile(model="m.tflite", operations=(row,), micro_arena=None, micro_note="none", **sizes)
    plot_profile(profile, tmp_path / "m.svg")
    assert (tmp_path / "m.svg").read_text("utf-8").count("a$\\foo$b") == 2


def test_a_damaged_or_missing_file_ends_in_one_line_and_2(split_export, tmp_path, capsys):
    content = split_export.paths[0].read_bytes()
    cases = {"cut": content[: len(content) // 2], "foreign": b"\x7fELF" + content[4:], "empty": b"", "missing": None}
    for name, damaged in cases.items():
        path = tmp_path / f"{name}.tflite"
        if damaged is not None:
            path.write_bytes(damaged)
        assert main([str(path)]) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ")
        assert f"{name}.tflite" in error
        assert error.count("\n") == 1


def test_mutations_of_a_file_never_crash(split_export, tmp_path):
    content = split_export.paths[0].read_bytes()
    rng = random.Random(0)
    path = tmp_path / "mutated.tflite"
    refused = 0
    for _ in range(60):
        mutated = bytearray(content)
        for _ in range(rng.choice((1, 4, 32))):
            mutated[rng.randrange(len(mutated))] = rng.randrange(256)
        path.write_bytes(mutated)
        try:
            memory_profile(path, measure=False)
        except UserError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 0
