"""The arena of int8 files of keras.applications, planned by us and allocated by TensorFlow Lite Micro."""

import numpy as np
import pytest

from pipelines.partitioning.load_model import application_names
from pipelines.partitioning.tflite_model import convert
from splitnets_tf.graph import read_keras_model, read_tflite
from splitnets_tf.hardware import plan_arena, total_macs
from tflite_export.micro_arena import MicroArena, measure_micro_arena


def _compare(tmp_path, model, size):
    images = np.random.default_rng(0).random((2, 1, size, size, 3), dtype=np.float32)
    path = tmp_path / "model.tflite"
    path.write_bytes(convert(model, calibration=[[x] for x in images]))
    measured = measure_micro_arena(path, 64_000_000)
    assert isinstance(measured, MicroArena), measured
    file = read_tflite(path)
    assert plan_arena(file).arena_bytes == measured.head_bytes
    assert total_macs(file) == total_macs(read_keras_model(model))


def test_a_small_mobilenet(tmp_path):
    import keras

    assert "MobileNet" in application_names()
    model = keras.applications.MobileNet(
        weights=None, alpha=0.25, input_shape=(32, 32, 3), classes=10, classifier_activation=None
    )
    _compare(tmp_path, model, 32)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("MobileNetV2", 64),
        ("MobileNetV3Small", 64),
        ("EfficientNetB0", 64),
        ("EfficientNetV2B0", 64),
        ("ResNet50", 64),
        ("DenseNet121", 64),
        ("Xception", 71),
    ],
)
def test_seven_more_at_small_size(tmp_path, name, size):
    import keras

    model = getattr(keras.applications, name)(
        weights=None, input_shape=(size, size, 3), classes=10, classifier_activation=None
    )
    _compare(tmp_path, model, size)
