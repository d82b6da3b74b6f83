"""Splitting an existing .tflite file: parts in sequence equal the whole, and the command."""

import json
from itertools import pairwise

import numpy as np
import pytest
from application_files import APPLICATIONS, write_application

from splitnets_tf.errors import UserError
from splitnets_tf.graph import read_tflite
from splitnets_tf.hardware import crossing_tensors, load_system, plan_arena, split_cost, total_macs, weight_bytes
from tflite_export import parts_check
from tflite_export.file_cuts import fastest_cut, find_cut, legal_file_cuts, predict_ms
from tflite_export.file_parts import split_file
from tflite_export.split import main


@pytest.fixture(scope="module")
def mobilenet(tmp_path_factory):
    return write_application(tmp_path_factory.mktemp("applications"), "MobileNetV2")


@pytest.fixture(scope="module")
def forked(tmp_path_factory):
    """Reads its input again behind the middle and has two results, one of them early."""
    import keras

    from pipelines.partitioning.tflite_model import convert

    layers = keras.layers
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    a = layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    early = layers.GlobalAveragePooling2D()(a)
    b = layers.Conv2D(3, 3, padding="same", activation="relu")(a)
    c = layers.Concatenate()([b, layers.MaxPooling2D(3, 1, padding="same")(image), a])
    late = layers.Dense(5)(layers.Flatten()(c))
    path = tmp_path_factory.mktemp("forked") / "forked.tflite"
    path.write_bytes(convert(keras.Model(image, [early, late])))
    return path


def _run(path, given):
    """Outputs by name of one part, from tensors by name."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    runner = Interpreter(
        str(path), num_threads=1, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    ).get_signature_runner()
    return runner(**{name: given[name] for name in runner.get_input_details()})


def _whole(path, value):
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(str(path), num_threads=1, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], value)
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]


def _assert_equal_in_sequence(path, made, count=2):
    graph = read_tflite(path)
    rng = np.random.default_rng(7)
    for _ in range(count):
        shape = (1, *graph.tensor(graph.inputs[0]).shape)
        if graph.tensor(graph.inputs[0]).bits == 8:
            value = rng.integers(-128, 128, shape).astype(np.int8)
        else:
            value = rng.normal(0.0, 1.0, shape).astype(np.float32)
        tensors = {graph.inputs[0]: value}
        for piece in made.parts:
            tensors |= _run(piece.path, tensors)
        for name, expected in zip(graph.outputs, _whole(path, value), strict=True):
            assert np.array_equal(tensors[name], expected)


@pytest.mark.parametrize("kind", ["int8", "float"])
def test_parts_of_a_mobilenet_equal_it_at_a_sample_of_cuts(mobilenet, tmp_path, kind):
    graph = read_tflite(mobilenet[kind])
    cuts = legal_file_cuts(graph)
    assert len(cuts) == len(graph.operations) - 1
    for cut in cuts[:: len(cuts) // 5]:
        made = split_file(mobilenet[kind], [cut.position], tmp_path)
        _assert_equal_in_sequence(mobilenet[kind], made, count=1)
        assert sum(piece.macs for piece in made.parts) == total_macs(graph)
        assert sum(tensor.bytes for tensor in made.parts[1].inputs) == cut.link_bytes
        # A constant that operations of both parts share lies in both files.
        assert weight_bytes(graph) <= sum(piece.weight_bytes for piece in made.parts) <= 1.01 * weight_bytes(graph)


def test_several_cuts_give_a_chain_of_parts(mobilenet, tmp_path):
    graph = read_tflite(mobilenet["int8"])
    inside = next(n for n in range(20, 60) if len(crossing_tensors(graph, n)) == 2)
    made = split_file(mobilenet["int8"], [5, inside, 60], tmp_path)
    assert [piece.path.name for piece in made.parts] == [f"part{i}.tflite" for i in (1, 2, 3, 4)]
    assert {tensor.source for tensor in made.parts[2].inputs} == {"part2.tflite"}
    assert len(made.parts[2].inputs) == 2
    _assert_equal_in_sequence(mobilenet["int8"], made)


def test_an_input_that_is_read_late_and_an_early_result_survive_every_pair_of_cuts(forked, tmp_path):
    graph = read_tflite(forked)
    positions = [cut.position for cut in legal_file_cuts(graph)]
    for pair in [*pairwise(positions), (positions[0], positions[-1])]:
        made = split_file(forked, pair, tmp_path)
        _assert_equal_in_sequence(forked, made)
    sources = {tensor.source for piece in made.parts[1:] for tensor in piece.inputs}
    assert "input" in sources
    assert len(made.outputs) == 2


def test_where_the_reference_kernels_end_others_check(forked, tmp_path, monkeypatch):
    count = parts_check._count

    def refuse(kernels):
        def counted(whole, plan, asked):
            if asked in kernels:
                raise UserError(f"{asked} aborted")
            return count(whole, plan, asked)

        return counted

    assert split_file(forked, [2], tmp_path / "a").checked_with == "reference kernels"
    monkeypatch.setattr(parts_check, "_count", refuse({"BUILTIN_REF"}))
    made = split_file(forked, [2], tmp_path / "b")
    assert made.checked_with == "optimised kernels"
    assert json.loads((tmp_path / "b" / "split.json").read_text("utf-8"))["checked_with"] == "optimised kernels"
    monkeypatch.setattr(parts_check, "_count", refuse(set(parts_check.KERNELS)))
    with pytest.raises(UserError, match="BUILTIN_REF aborted"):
        split_file(forked, [2], tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_the_price_of_a_cut_is_the_cost_models(mobilenet):
    graph, system = read_tflite(mobilenet["int8"]), load_system("hmd")
    for cut in legal_file_cuts(graph, system)[::9]:
        expected = split_cost(graph, cut.position, system)
        assert cut.latency_ms == pytest.approx(expected.latency_ms)
        assert cut.link_bytes == expected.link.bytes
        assert predict_ms(graph, [cut.position], system) == pytest.approx(expected.latency_ms)


def test_features_of_a_float_file_count_four_bytes(mobilenet):
    by_name = {cut.tensor: cut for cut in legal_file_cuts(read_tflite(mobilenet["int8"]))}
    shared = [cut for cut in legal_file_cuts(read_tflite(mobilenet["float"])) if cut.tensor in by_name]
    assert all(cut.link_bytes == 4 * by_name[cut.tensor].link_bytes for cut in shared)
    assert shared


def test_the_automatic_cut_is_the_fastest_that_fits(mobilenet, tmp_path):
    graph = read_tflite(mobilenet["int8"])
    description = """
name: small camera
topology: {kind: star, path: [camera, hub]}
processors:
  camera: {macs_per_s: 1e9, memory_bytes: %d}
  hub: {macs_per_s: 1e10, memory_bytes: null}
links:
  wire: {between: [camera, hub], bandwidth_bytes_per_s: 1e6}
"""
    for memory in (10**6, 40_000, 18_000):
        (tmp_path / "small.yaml").write_text(description % memory, "utf-8")
        system = load_system(str(tmp_path / "small.yaml"))
        costs = {n: split_cost(graph, n, system) for n in range(1, len(graph.operations))}
        fitting = {
            n: cost.latency_ms
            for n, cost in costs.items()
            if cost.sensor.weight_bytes + cost.sensor.arena_bytes <= memory
        }
        best = fastest_cut(graph, system)
        assert best.latency_ms == pytest.approx(min(fitting.values()))
        assert best.position in fitting
    (tmp_path / "small.yaml").write_text(description % 100, "utf-8")
    with pytest.raises(UserError, match="at no cut"):
        fastest_cut(graph, load_system(str(tmp_path / "small.yaml")))


def test_a_tensor_is_found_by_a_telling_part_of_its_name(mobilenet):
    graph = read_tflite(mobilenet["int8"])
    position = find_cut("block_6_project", graph)
    assert "block_6_project" in graph.operations[position - 1].name
    with pytest.raises(UserError, match="tensors have 'block_' in their name"):
        find_cut("block_", graph)
    with pytest.raises(UserError, match="nothing is left"):
        find_cut(graph.outputs[0], graph)
    with pytest.raises(UserError, match="no operation makes a tensor 'nonsense'"):
        find_cut("nonsense", graph)


def test_the_command_writes_parts_manifest_and_figures(mobilenet, tmp_path, capsys):
    out, figures = tmp_path / "parts", tmp_path / "f.json"
    assert main([str(mobilenet["int8"]), "--auto", "--output-dir", str(out), "--json", str(figures)]) == 0
    assert "bit for bit, on 2 random inputs" in capsys.readouterr().out
    manifest = json.loads((out / "split.json").read_text("utf-8"))
    assert [piece["path"] for piece in manifest["parts"]] == ["sensor.tflite", "aggregator.tflite"]
    assert manifest["parts"][1]["inputs"][0]["source"] == "sensor.tflite"
    sensor = read_tflite(out / "sensor.tflite")
    assert manifest["parts"][0]["arena_bytes"] == plan_arena(sensor).arena_bytes
    system = load_system("hmd")
    assert json.loads(figures.read_text("utf-8"))["latency_ms"] == pytest.approx(
        fastest_cut(read_tflite(mobilenet["int8"]), system).latency_ms
    )


def test_the_command_lists_cuts_and_writes_nothing(mobilenet, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([str(mobilenet["int8"]), "--list", "--json", "cuts.json"]) == 0
    assert "block_6_project" in capsys.readouterr().out
    cuts = json.loads((tmp_path / "cuts.json").read_text("utf-8"))["cuts"]
    assert len(cuts) == len(read_tflite(mobilenet["int8"]).operations) - 1
    assert [path.name for path in tmp_path.iterdir()] == ["cuts.json"]


def test_parts_do_not_overwrite_the_model(mobilenet, capsys):
    path = mobilenet["int8"]
    assert main([str(path), "--auto", "--output-dir", str(path.parent)]) == 2
    assert "holds the model itself" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("name", APPLICATIONS)
def test_ten_applications_are_equal_at_a_sample_of_cuts(tmp_path, name):
    for path in write_application(tmp_path, name).values():
        graph = read_tflite(path)
        cuts = legal_file_cuts(graph)
        for cut in cuts[:: max(1, len(cuts) // 12)]:
            made = split_file(path, [cut.position], tmp_path / "parts", check_inputs=1)
            _assert_equal_in_sequence(path, made, count=1)
