"""Truncated, foreign and fuzzed .tflite files: one clear line and exit code 2, or an answer; never a crash."""

import random
from pathlib import Path

import pytest
from flatbuffer_surgery import rewrite
from mutations import mutate

from pipelines.cli import run_command
from pipelines.partition import main as partition
from pipelines.partitioning.command import run_partition  # noqa: F401  (imported here, not inside the first mutation)
from splitnets_tf.errors import UserError
from splitnets_tf.graph import read_tflite
from splitnets_tf.hardware import load_system
from tflite_export import memory_profile
from tflite_export.benchmark import main as benchmark
from tflite_export.file_cuts import fastest_cut, legal_file_cuts
from tflite_export.file_parts import cut_file
from tflite_export.memory import main as memory
from tflite_export.split import main as split
from tflite_export.vela import main as vela

QUICK_MUTATIONS = 300
ALL_MUTATIONS = 500


@pytest.fixture(scope="module")
def sources(split_export):
    """Files in which structure outweighs constants: mutations should hit it."""
    return [split_export.paths[0].read_bytes(), split_export.paths[1].read_bytes()]


def _mutants(sources, count, seed):
    rng = random.Random(seed)
    for i in range(count):
        yield mutate(sources[i % len(sources)], rng)


def test_reading_planning_and_cutting_refuse_what_they_cannot_read(sources, tmp_path):
    system = load_system("hmd-demo")
    path = tmp_path / "mutant.tflite"
    refused = 0
    for content in _mutants(sources, QUICK_MUTATIONS, seed=0):
        path.write_bytes(content)
        try:
            memory_profile(path, measure=False)
            cut_file(path, [fastest_cut(read_tflite(path), system).position])
        except UserError as error:
            refused += 1
            assert "\n" not in str(error)
            assert "mutant" in str(error)
    assert QUICK_MUTATIONS // 5 < refused < QUICK_MUTATIONS


def _commands(path, folder):
    return {
        "memory": lambda: memory([path]),
        "benchmark": lambda: benchmark([path, "--runs", "1"]),
        "split": lambda: split([path, "--auto", "--system", "hmd-demo", "--output-dir", str(folder / "parts")]),
        "vela": lambda: vela([path, "--device", "sensor"]),
        "list": lambda: split([path, "--list"]),
        "partition": lambda: run_command(partition, [path, "--system", "hmd-demo"]),
    }


def _check_commands(content, tmp_path, capsys):
    path = tmp_path / "mutant.tflite"
    path.write_bytes(content)
    codes = {}
    for name, command in _commands(str(path), tmp_path).items():
        codes[name] = command()
        error = capsys.readouterr().err
        assert codes[name] in (0, 2), name
        if codes[name] == 2:
            assert error.startswith("error: "), name
            assert error.count("\n") == 1, name
            assert not list(tmp_path.rglob(".tmp-*")), name
    return codes


def test_every_command_refuses_truncated_and_foreign_files(sources, tmp_path, capsys):
    whole = sources[0]
    for content in (b"", whole[:7], whole[:1000], whole[: len(whole) // 2], b"\x7fELF" + whole[4:], b"GIF89a" * 40):
        assert set(_check_commands(content, tmp_path, capsys).values()) == {2}


def test_every_command_survives_mutations(sources, tmp_path, capsys):
    for content in _mutants(sources, 3, seed=1):
        _check_commands(content, tmp_path, capsys)


@pytest.mark.slow
def test_every_command_survives_all_mutations(sources, tmp_path, capsys):
    refused = dict.fromkeys(_commands("", Path()), 0)
    for content in _mutants(sources, ALL_MUTATIONS, seed=2):
        for name, code in _check_commands(content, tmp_path, capsys).items():
            refused[name] += code == 2
    assert all(0 < count < ALL_MUTATIONS for count in refused.values()), refused


def _lose_bias_and_weights(model):
    operator = next(op for op in model.subgraphs[0].operators if len(op.inputs) == 3)
    operator.inputs = operator.inputs[:1]


def _lose_inputs(model):
    model.subgraphs[0].operators[1].inputs = []


def _lose_outputs(model):
    model.subgraphs[0].operators[-1].outputs = []


def _wrong_code(model):
    model.subgraphs[0].operators[0].opcodeIndex = 77


def _huge_tensor(model):
    model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].shape = [1, 2**30, 2**30, 2**30]


def _starved_weights(model):
    tensor = model.subgraphs[0].tensors[model.subgraphs[0].operators[0].inputs[1]]
    tensor.shape = [3 * tensor.shape[0], *tensor.shape[1:]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_lose_bias_and_weights, "lacks an operand"),
        (_lose_inputs, "lacks an operand|reads nothing"),
        (_lose_outputs, "has no result"),
        (_wrong_code, "operator code 77 does not exist"),
        (_huge_tensor, "cannot be"),
        (_starved_weights, "bytes of data and has"),
    ],
)
def test_files_that_only_a_schema_can_break_are_refused(split_export, tmp_path, change, message):
    path = rewrite(split_export.paths[0], tmp_path / "broken.tflite", change)
    with pytest.raises(UserError, match=message):
        legal_file_cuts(read_tflite(path))
