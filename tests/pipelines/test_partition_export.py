"""`partition --export` on a network trained here on real images: the halves keep its accuracy."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

from pipelines.cli import run_command
from pipelines.partition import main
from pipelines.partitioning.calibration_data import load_inputs
from pipelines.partitioning.tflite_model import TfliteRunner
from splitnets_tf.graph import read_keras_model, read_tflite
from splitnets_tf.hardware import cut, fuse_int8, plan_arena, weight_bytes

L = keras.layers
SIZE = 16


@pytest.fixture(scope="module")
def digits():
    """Scanned digits of scikit-learn, 1 797 images, enlarged; the last 400 are for testing."""
    from sklearn.datasets import load_digits

    data = load_digits()
    images = np.repeat(np.repeat(data.images, 2, axis=1), 2, axis=2)[..., None].astype(np.float32) / 16.0
    order = np.random.default_rng(0).permutation(len(images))
    images, labels = images[order], data.target[order]
    return images[:-400], labels[:-400], images[-400:], labels[-400:]


@pytest.fixture(scope="module")
def trained(digits, tmp_path_factory):
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((SIZE, SIZE, 1), name="image")
    for i, (width, stride) in enumerate(((12, 2), (16, 1), (24, 2))):
        y = L.Conv2D(width, 3, strides=stride, padding="same", use_bias=False, name=f"conv{i}")(x)
        y = L.ReLU(6.0, name=f"act{i}")(L.BatchNormalization(momentum=0.9, name=f"norm{i}")(y))
        x = L.Concatenate(name="join")([x, y]) if i == 1 else y
    x = L.GlobalAveragePooling2D(name="pool")(x)
    model = keras.Model(inputs, L.Dense(10, name="logits")(x), name="digits")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss, metrics=["accuracy"])
    model.fit(digits[0], digits[1], batch_size=32, epochs=8, verbose=0)
    path = tmp_path_factory.mktemp("trained") / "digits.keras"
    model.save(path)
    return path


@pytest.fixture(scope="module")
def exported(trained, digits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("halves")
    np.save(folder / "calibration.npy", digits[0][:64])
    out = folder / "out.json"
    arguments = [str(trained), "--at", "join", "--export", str(folder / "halves"), "--json", str(out)]
    assert run_command(main, [*arguments, "--representative-data", str(folder / "calibration.npy")]) == 0
    return folder / "halves", json.loads(out.read_text())["export"]


def _accuracy(predict, images, labels):
    return float(
        np.mean([np.argmax(predict(image[None])) == label for image, label in zip(images, labels, strict=True)])
    )


def test_the_report_says_that_halves_equal_the_whole(exported):
    folder, report = exported
    names = {path.name for path in folder.iterdir()}
    tflite = {f"{part}_{kind}.tflite" for part in ("whole", "sensor", "aggregator") for kind in ("float", "int8")}
    assert names == {"sensor.keras", "aggregator.keras", *tflite}
    assert report["float_equal"] == report["int8_equal"] == report["checked_inputs"] == 16
    assert report["keras_difference"] < 1e-5
    assert len(report["boundary"]) == 1


def test_accuracy_is_kept(exported, trained, digits):
    folder, _ = exported
    images, labels = digits[2], digits[3]
    whole = keras.models.load_model(trained)
    reference = float(np.mean(np.argmax(whole.predict(images, verbose=0), axis=-1) == labels))
    assert reference > 0.9

    halves = [keras.models.load_model(folder / f"{part}.keras") for part in ("sensor", "aggregator")]
    logits = halves[1].predict(halves[0].predict(images, verbose=0), verbose=0)
    assert float(np.mean(np.argmax(logits, axis=-1) == labels)) == reference

    sensor, aggregator = (TfliteRunner(folder / f"{part}_int8.tflite") for part in ("sensor", "aggregator"))
    whole_int8 = TfliteRunner(folder / "whole_int8.tflite")
    int8 = _accuracy(lambda x: aggregator(sensor(sensor.quantised([x])))[0], images, labels)
    assert int8 == _accuracy(lambda x: whole_int8(whole_int8.quantised([x]))[0], images, labels)
    assert int8 > reference - 0.015

    sensor, aggregator = (TfliteRunner(folder / f"{part}_float.tflite") for part in ("sensor", "aggregator"))
    assert abs(_accuracy(lambda x: aggregator(sensor([x]))[0], images, labels) - reference) <= 1 / 400


def test_predicted_memory_is_that_of_the_exported_halves(exported, trained):
    folder, _ = exported
    graph = read_keras_model(keras.models.load_model(trained))
    n = [op.name for op in graph.operations].index("join") + 1
    for half, part in zip(cut(graph, n), ("sensor", "aggregator"), strict=True):
        lowered, file = fuse_int8(half), read_tflite(folder / f"{part}_int8.tflite")
        assert plan_arena(lowered).arena_bytes == plan_arena(file).arena_bytes
        assert weight_bytes(lowered) == weight_bytes(file)


def test_image_folders_become_model_inputs(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(3):
        folder = tmp_path / "images" / str(i)
        folder.mkdir(parents=True)
        Image.fromarray(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(folder / "x.png")
    (tmp_path / "images" / "broken.png").write_bytes(b"nothing")
    plain = load_inputs(tmp_path / "images", (8, 8, 3), "0..255")
    assert plain.shape == (3, 8, 8, 3)
    assert plain.max() > 1.0
    centred = load_inputs(tmp_path / "images", (8, 8, 3), "-1..1")
    np.testing.assert_allclose(centred, plain / 127.5 - 1.0, atol=1e-6)
    grey = load_inputs(tmp_path / "images", (8, 8, 1), "0..1")
    assert grey.shape == (3, 8, 8, 1)
    assert grey.max() <= 1.0
