"""Supernets with squeeze-and-excitation, hard-swish, projected shortcuts and a pooled head against static networks."""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from reduced_spaces import reduced_space, smooth_images

from splitnets_tf.graph import read_keras_model
from splitnets_tf.hardware import total_macs, total_params
from splitnets_tf.space import (
    PRESETS,
    architecture_graph,
    blueprint,
    load_space,
    sample,
    sample_multi_split,
    space_from_dict,
    space_to_dict,
)
from splitnets_tf.supernet import (
    Supernet,
    build_network,
    resize_batch,
    set_network_weights,
    subnetwork_weights,
)

BIG = ("attentive_nas_split", "fbnetv3_split")
CLASSES = 10
TOLERANCE = 1e-9
"""Both sides compute in float64, where rounding stays near 1e-13."""


def uneven_supernet(space, dtype="float64"):
    """Fresh weights, but scales and offsets that a wrong slice would show."""
    keras.utils.set_random_seed(1)
    supernet = Supernet(space, CLASSES, dtype=dtype)
    supernet.build()
    rng = np.random.default_rng(0)
    for variable in supernet.trainable_variables:
        if variable.name in ("gamma", "beta") or variable.name.endswith("bias"):
            variable.assign(variable + rng.normal(0, 0.2, variable.shape))
    return supernet


@contextlib.contextmanager
def float64_layers():
    """Plain layers, and the inputs of models, that compute in float64."""
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        yield
    finally:
        keras.config.set_floatx(before[0])
        keras.config.set_dtype_policy(before[1])


def architectures_of(space, count):
    rng = np.random.default_rng(3)
    several = [space.largest(), space.smallest(), sample_multi_split(space, rng)]
    return [*several, *(sample(space, rng, split=index % 4 != 3) for index in range(count - 3))]


def relative_error(actual, expected):
    return float(np.linalg.norm(actual - expected) / np.linalg.norm(expected))


def check_against_static(supernet, architecture, images):
    """The supernet's logits, recalibrated over the images, against the materialised network's, both in float64.

    In float32 the two differ by rounding, which the normalisation of a channel that hardly varies amplifies: up to 3e-4
    of the largest logit in untrained networks of full size.
    """
    inputs = resize_batch(tf.constant(images), architecture.resolution)
    vector = supernet.space.encode(architecture)
    supernet((inputs, vector), calibration_weight=tf.constant(1.0))
    with float64_layers():
        models = build_network(keras, blueprint(supernet.space, architecture, CLASSES))
    set_network_weights(models, subnetwork_weights(supernet, architecture))
    expected = models.whole(tf.cast(inputs, tf.float64), training=False).numpy()
    logits = supernet((inputs, vector)).numpy()
    assert logits.dtype == expected.dtype == np.float64
    assert relative_error(logits, expected) < TOLERANCE, architecture
    return inputs, expected


@pytest.mark.parametrize("name", BIG)
def test_logits_equal_the_materialised_network(name):
    space = reduced_space(name)
    images = smooth_images(12, space.resolutions[-1])
    supernet = uneven_supernet(space)
    for architecture in architectures_of(space, 4)[2:]:
        inputs, expected = check_against_static(supernet, architecture, images)
    legacy = build_network(tf_keras, blueprint(space, architecture, CLASSES))
    set_network_weights(legacy, subnetwork_weights(supernet, architecture))
    assert relative_error(legacy.whole(inputs, training=False), expected) < 1e-4  # tf_keras computes in float32


@pytest.mark.slow
@pytest.mark.parametrize(("name", "count"), [("demo", 16), ("attentive_nas_split", 17), ("fbnetv3_split", 17)])
def test_logits_equal_the_materialised_network_in_the_full_spaces(name, count):
    """Fifty architectures over the three spaces; minutes."""
    space = load_space(name)
    if name in BIG:
        space = space_from_dict({**space_to_dict(space), "resolutions": [32, 64]})
    images = smooth_images(16, space.resolutions[-1])
    supernet = uneven_supernet(space)
    for architecture in architectures_of(space, count):
        check_against_static(supernet, architecture, images)


def check_graph(space, architecture):
    graph = architecture_graph(space, architecture, 1000)
    models = build_network(keras, blueprint(space, architecture, 1000))
    read = read_keras_model(models.whole)
    assert total_macs(graph.graph) == total_macs(read)
    assert total_params(graph.graph) == total_params(read)
    assert total_params(read) == sum(int(np.prod(weight.shape)) for weight in models.whole.trainable_weights)
    layers = {layer.name for segment in models.segments for layer in segment.layers}
    assert {operation.name for operation in graph.graph.operations} == layers - {"image", "aggregator_input"}


SINGLE_VIEW = [name for name in PRESETS if load_space(name).views == 1]
"""The rest is compared in `test_multi_view_supernet`, half by half."""


@pytest.mark.parametrize("name", SINGLE_VIEW)
def test_cost_graph_counts_what_keras_counts(name):
    space = load_space(name)
    check_graph(space, sample(space, np.random.default_rng(5)))


@pytest.mark.slow
@pytest.mark.parametrize("name", SINGLE_VIEW)
def test_cost_graph_counts_what_keras_counts_in_twenty_networks(name):
    space = load_space(name)
    rng = np.random.default_rng(6)
    for index in range(20):
        check_graph(space, sample(space, rng, split=index % 2 == 0))
