"""The command `partition`: tables, JSON, pictures, and one line for each mistake."""

import json

import keras
import numpy as np
import pytest

from pipelines.cli import run_command
from pipelines.partition import _METHODS, main
from pipelines.partitioning.load_model import application_names
from pipelines.partitioning.methods import METHODS
from splitnets_tf.graph import read_keras_model, read_tflite
from splitnets_tf.hardware import load_system
from splitnets_tf.partition import neurosurgeon

L = keras.layers


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    x = inputs = keras.Input((32, 32, 3), name="image")
    x = L.Conv2D(8, 3, strides=2, padding="same", activation="relu", name="stem")(x)
    x = L.Conv2D(16, 3, strides=2, padding="same", activation="relu", name="body")(x)
    x = L.Conv2D(2, 1, name="narrow")(x)
    x = L.Conv2D(256, 3, padding="same", activation="relu", name="wide")(x)
    x = L.GlobalAveragePooling2D(name="pool")(x)
    path = tmp_path_factory.mktemp("model") / "small.keras"
    keras.Model(inputs, L.Dense(10, name="logits")(x), name="small").save(path)
    return path


SLOW_SENSOR = """
name: slow sensor
topology: {kind: star, path: [cam, hub]}
processors:
  cam: {macs_per_s: 1e8, memory_bytes: 100000}
  hub: {macs_per_s: 1e11, memory_bytes: null}
links:
  wire: {between: [cam, hub], bandwidth_bytes_per_s: 3e5}
"""


@pytest.fixture
def slow_sensor(tmp_path):
    path = tmp_path / "slow.yaml"
    path.write_text(SLOW_SENSOR)
    return path


def test_the_parser_offers_exactly_the_methods():
    assert set(_METHODS) == {"all", *METHODS}


def test_all_methods_are_printed_and_written(model_file, slow_sensor, tmp_path, capsys):
    out, picture = tmp_path / "out.json", tmp_path / "curve.png"
    arguments = [str(model_file), "--system", str(slow_sensor), "--json", str(out), "--plot", str(picture)]
    assert run_command(main, arguments) == 0
    result = json.loads(out.read_text())
    printed = capsys.readouterr().out
    assert [p["method"] for p in result["partitions"]] == list(METHODS)
    for p in result["partitions"]:
        assert p["method"] in printed
        total = sum(stage["latency_ms"] for stage in (*p["devices"], *p["links"]))
        assert p["latency_ms"] == pytest.approx(total)
    by_method = {p["method"]: p for p in result["partitions"]}
    expected = neurosurgeon(read_keras_model(keras.models.load_model(model_file)), load_system(str(slow_sensor)))
    assert by_method["neurosurgeon"]["cuts"] == [expected.n]
    assert by_method["neurosurgeon"]["cut_after"] == ["narrow"]
    assert by_method["neurosurgeon"]["links"][0]["bytes"] == 8 * 8 * 2
    fastest = min(cut["latency_ms"] for cut in result["cuts"])
    assert by_method["neurosurgeon-no-limit"]["latency_ms"] == pytest.approx(fastest)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "fastest cut without a memory limit: after narrow" in printed


def test_one_method_on_a_chain_with_narrow_features(model_file, tmp_path, capsys):
    out = tmp_path / "out.json"
    arguments = [str(model_file), "--system", "jmsnas-chain", "--method", "hivemind", "--bits", "4", "--json", str(out)]
    assert run_command(main, arguments) == 0
    (partition,) = json.loads(out.read_text())["partitions"]
    assert len(partition["devices"]) == 4
    assert len(partition["links"]) == 3
    assert "mbs" in [device["name"] for device in partition["devices"]]
    assert capsys.readouterr().out


def test_a_model_of_keras_applications_by_name(tmp_path, capsys):
    out = tmp_path / "out.json"
    assert run_command(main, ["keras.applications:MobileNetV3Small", "--image-size", "64", "--json", str(out)]) == 0
    result = json.loads(out.read_text())
    assert result["operations"] == 180
    assert len(application_names()) >= 40
    assert "MobileNetV3Small" in capsys.readouterr().out


def test_a_tflite_file(model_file, tmp_path, capsys):
    from pipelines.partitioning.tflite_model import convert

    path = tmp_path / "small.tflite"
    path.write_bytes(convert(keras.models.load_model(model_file)))
    assert run_command(main, [str(path), "--method", "neurosurgeon"]) == 0
    assert "small on hmd" in capsys.readouterr().out
    named = next(op.name for op in read_tflite(path).operations if "narrow" in op.name)
    assert run_command(main, [str(path), "--at", named, "--export", str(tmp_path / "parts")]) == 0
    assert (tmp_path / "parts" / "aggregator.tflite").is_file()


def test_names_out_of_a_file_are_neither_markup_nor_formulas(model_file, tmp_path, capsys):
    from pipelines.partitioning.tflite_model import convert

    renamed, drawn = tmp_path / "costs $x^$.tflite", tmp_path / "cuts.png"
    renamed.write_bytes(convert(keras.models.load_model(model_file)).replace(b"narrow", b"[/red]"))
    named = next(op.name for op in read_tflite(renamed).operations if "[/red]" in op.name)
    assert run_command(main, [str(renamed), "--at", named, "--plot", str(drawn)]) == 0
    assert "[/red]" in capsys.readouterr().out
    assert drawn.is_file()


def _model_without_a_cut(path):
    inputs = keras.Input((4, 4, 3))
    keras.Model(inputs, L.Conv2D(2, 3, activation="relu", name="only")(inputs)).save(path)


def _model_with_a_dynamic_shape(path):
    inputs = keras.Input((None, None, 3), name="picture")
    keras.Model(inputs, L.Conv2D(2, 3)(L.Conv2D(2, 3)(inputs))).save(path)


def _model_with_an_unsupported_layer(path):
    inputs = keras.Input((8, 3))
    keras.Model(inputs, L.Dense(2)(L.GRU(4, name="memory")(inputs))).save(path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_model_without_a_cut, "no legal cut: all it computes lies in layer 'only'"),
        (_model_with_a_dynamic_shape, "layer 'picture' has the dynamic shape"),
        (_model_with_an_unsupported_layer, "layer 'memory' of class GRU is not supported"),
        (lambda path: path.write_bytes(b"nothing"), "is no complete .keras archive"),
        (lambda path: None, "there is no such file"),
    ],
)
def test_models_that_cannot_be_partitioned_get_one_line(make, message, tmp_path, capsys):
    path = tmp_path / "model.keras"
    make(path)
    assert run_command(main, [str(path)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["keras.applications:MobileNetV9"], "did you mean MobileNetV"),
        (["model.h5"], "none of keras.applications:NAME, a .keras file or a .tflite file"),
        (["FILE", "--system", "moon"], "system 'moon' is neither a file nor a preset"),
        (["FILE", "--at", "steam"], "did you mean 'stem'?"),
        (["FILE", "--representative-data", "x"], "goes with --export DIR"),
        (["FILE", "--image-size", "32"], "goes with keras.applications:NAME only"),
        (["FILE", "--plot", "curve.xyz"], "cannot be drawn"),
        (["FILE", "--method", "all-on-sensor", "--export", "DIR"], "no two halves to write"),
        (["FILE", "--at", "body", "--export", "DIR", "--representative-data", "none"], "is neither a folder of images"),
    ],
)
def test_wrong_arguments_get_one_line(arguments, message, model_file, tmp_path, capsys):
    replaced = [str(model_file) if a == "FILE" else str(tmp_path / "halves") if a == "DIR" else a for a in arguments]
    assert run_command(main, replaced) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_calibration_data_of_the_wrong_shape_is_named(model_file, tmp_path, capsys):
    data = tmp_path / "data.npy"
    np.save(data, np.zeros((3, 16, 16, 3), np.float32))
    arguments = [str(model_file), "--at", "body", "--export", str(tmp_path / "x"), "--representative-data", str(data)]
    assert run_command(main, arguments) == 2
    assert "must have the shape (images, 32, 32, 3), not (3, 16, 16, 3)" in capsys.readouterr().err
