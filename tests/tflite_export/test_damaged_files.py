"""Truncated, foreign and fuzzed .tflite files: one clear line and exit code 2, or an answer; never a crash."""

import functools
import io
import json
import os
import pickle
import random
import shutil
import signal
import zipfile

import numpy as np
import pytest
from flatbuffer_surgery import rewrite
from forked_commands import preload, run_forked
from mutations import mutate
from structural_mutations import mutate_structure

from pipelines.cli import run_command
from pipelines.partition import main as partition
from pipelines.partitioning.command import run_partition  # noqa: F401  (imported here, not inside the first mutation)
from splitnets_tf.errors import UserError
from splitnets_tf.graph import read_tflite
from splitnets_tf.hardware import load_system
from tflite_export import Int8Model, memory_profile
from tflite_export.benchmark import main as benchmark
from tflite_export.file_cuts import fastest_cut, legal_file_cuts
from tflite_export.file_parts import cut_file
from tflite_export.memory import main as memory
from tflite_export.sense import main as sense
from tflite_export.serve import main as serve
from tflite_export.split import main as split
from tflite_export.vela import main as vela

QUICK_MUTATIONS = 300
ALL_MUTATIONS = 500


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("config.json", "{}")
    return buffer.getvalue()


FOREIGN = (
    b"",
    b"TFL3",
    _zip(),
    pickle.dumps({"weights": [1.0] * 99}),
    json.dumps({"layers": [1, 2]}).encode(),
    b"\x89PNG\r\n\x1a\n" + bytes(99),
    b"\x1c\0\0\0TFL3",
    bytes(4) + b"TFL3" + bytes(4_000),
    b"\xff" * 4 + b"TFL3" + b"\xff" * 4_000,
    b"<html>404</html>",
)


@pytest.fixture(scope="module")
def sources(split_export):
    """Files in which structure outweighs constants: mutations should hit it."""
    return [split_export.paths[0].read_bytes(), split_export.paths[1].read_bytes()]


def _mutants(sources, count, seed):
    rng = random.Random(seed)
    for i in range(count):
        yield (mutate, mutate, mutate_structure)[i % 3](sources[i % len(sources)], rng)


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
    for content in (b"", whole[:7], whole[:1000], whole[: len(whole) // 2], b"\x7fELF" + whole[4:], _zip()):
        assert set(_check_commands(content, tmp_path, capsys).values()) == {2}


def test_every_command_survives_mutations(sources, tmp_path, capsys):
    for content in _mutants(sources, 3, seed=1):
        _check_commands(content, tmp_path, capsys)


@pytest.mark.slow
def test_every_command_survives_all_mutations(split_export, tmp_path):
    """500 files through 8 commands, with all tools that these start; each in a fork."""
    preload()
    sources = [path.read_bytes() for path in split_export.paths]
    images = tmp_path / "images.npy"
    # Of the sensor's size, or every start of a sensor would import TensorFlow to resize them.
    np.save(images, np.zeros((2, *Int8Model(split_export.paths[0]).input_shape), np.uint8))
    path, work = tmp_path / "mutant.tflite", tmp_path / "work"
    work.mkdir()
    rng = random.Random(2)
    faults = []
    refused = dict.fromkeys(_forked_commands(path, split_export.paths, images, work), 0)
    for number in range(ALL_MUTATIONS):
        change = (mutate, mutate_structure)[number % 2]
        content = change(sources[number // 2 % 2], rng) if number % 25 else FOREIGN[number // 25 % len(FOREIGN)]
        path.write_bytes(content)
        for name, command in _forked_commands(path, split_export.paths, images, work).items():
            ended = run_forked(command, work, timeout_s=180)
            said = [line for line in ended.err.splitlines() if line.startswith("error: ")]
            as_promised = ended.code in (0, 2) and "Traceback" not in ended.err and len(said) == (ended.code == 2)
            if not as_promised or ended.peak_bytes >= 2 * 10**9:
                faults.append((number, name, ended))
            refused[name] += ended.code == 2
    assert not faults
    assert all(0 < count < ALL_MUTATIONS for count in refused.values()), refused


def _forked_commands(path, halves, images, work):
    """The commands of `_commands`, and the two halves of which one is the damaged file."""
    commands = _commands(str(path), work)
    for name, half in (("serve with this sensor", 0), ("serve with this aggregator", 1)):
        commands[name] = functools.partial(_serve, path, halves, half, work)
    images, nobody = str(images), "127.0.0.1:9"
    sensing = [str(path), "--images", images, "--frames", "0", "--server", nobody, "--retry", "0.1"]
    return commands | {"sense": lambda: sense(sensing)}


def _serve(path, halves, half, work):
    """Start the aggregator and end it at once; this is the fork's own process."""
    pair = [path if position == half else whole for position, whole in enumerate(halves)]
    for source, name in zip(pair, ("sensor.tflite", "aggregator.tflite"), strict=True):
        shutil.copy(source, work / name)
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.05)
    signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGTERM) if _serving() else None)
    return serve([str(work), "--address", "127.0.0.1:0"])


def _serving():
    return signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL


def _lose_bias_and_weights(model):
    operator = next(op for op in model.subgraphs[0].operators if len(op.inputs) == 3)
    operator.inputs = operator.inputs[:1]


def _lose_inputs(model):
    model.subgraphs[0].operators[1].inputs = []


def _lose_outputs(model):
    model.subgraphs[0].operators[-1].outputs = []


def _orphan_result(model):
    graph = model.subgraphs[0]
    graph.outputs = [*graph.outputs, len(graph.tensors)]
    graph.tensors = [*graph.tensors, graph.tensors[graph.outputs[0]]]


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
        (_orphan_result, "nothing makes tensor|which nothing has made"),
        (_wrong_code, "operator code 77 does not exist"),
        (_huge_tensor, "cannot be"),
        (_starved_weights, "bytes of data and has"),
    ],
)
def test_files_that_only_a_schema_can_break_are_refused(split_export, tmp_path, change, message):
    path = rewrite(split_export.paths[0], tmp_path / "broken.tflite", change)
    with pytest.raises(UserError, match=message):
        legal_file_cuts(read_tflite(path))
