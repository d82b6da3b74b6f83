"""Networks of every shipped space become int8 files, by either method."""

import dataclasses

import numpy as np
import pytest
from reduced_spaces import reduced_space
from tiny_job import CLASSES, images_and_labels, write_job

from splitnets_tf.graph.tflite_file import read_tflite_file
from splitnets_tf.space import Split, blueprint, space_to_dict
from splitnets_tf.supernet.materialize import (
    build_network,
    get_network_weights,
    save_network_weights,
)
from tflite_export import Int8Model, resize_bytes, run_export, run_models
from tflite_export.micro_run import MicroAgreement, micro_agreement

PRESETS = ("demo", "attentive_nas_split", "fbnetv3_split")


def _normalized_network(space, architecture, images):
    """A float network whose normalisation layers have these images' statistics."""
    import keras

    keras.utils.set_random_seed(0)
    models = build_network(keras, blueprint(space, architecture, CLASSES))
    for _ in range(25):
        models.whole(images, training=True)
    return models


@pytest.fixture(scope="module", params=PRESETS)
def network(request):
    """(space, architecture with two blocks a stage, its float network, images)."""
    space = reduced_space(request.param)
    smallest = space.smallest()
    stages = tuple(
        dataclasses.replace(choice, depth=row.depths[-1], width=row.widths[-1])
        for choice, row in zip(smallest.stages, space.stages, strict=True)
    )
    architecture = dataclasses.replace(smallest, stages=stages, splits=(Split(phase=1, position=1, width=6),))
    images = resize_bytes(images_and_labels(96, seed=3)[0], architecture.resolution)
    return space, architecture, _normalized_network(space, architecture, images / np.float32(255)), images


@pytest.mark.slow
@pytest.mark.parametrize("method", ["ptq", "qat"])
def test_a_network_of_every_preset_space_becomes_int8(network, tmp_path, method):
    space, architecture, models, images = network
    settings = {"method": method, "epochs": 1, "learning_rate": 1e-6, "batch_size": 32, "calibration_images": 192}
    job = write_job(tmp_path, architecture, space_to_dict(space), **settings)
    save_network_weights(job.weights, get_network_weights(models))

    result = run_export(job)

    assert result.boundary.bit_exact_inputs == 64
    for path in result.paths:
        kinds = {operator.name for operator in read_tflite_file(path).operators}
        # Nothing is left in floating point, and nothing is requantised on the way.
        assert not kinds & {"QUANTIZE", "DEQUANTIZE", "FULLY_CONNECTED", "RELU", "RELU6"}, kinds
    expected = np.asarray(models.whole(images / np.float32(255), training=False))
    received = run_models(result.paths, images).astype(np.float32)
    received = (received - result.output.zero_point) * result.output.scale
    assert np.corrcoef(expected.ravel(), received.ravel())[0, 1] > 0.95
    agreement = micro_agreement(result.paths, images[:8], [2_000_000] * 2)
    assert isinstance(agreement, MicroAgreement), agreement
    assert agreement.identical == 8
    assert Int8Model(result.paths[1]).output_shape == (CLASSES,)
