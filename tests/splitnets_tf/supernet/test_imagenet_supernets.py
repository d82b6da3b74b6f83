"""Supernets with squeeze-and-excitation, hard-swish, projected shortcuts and a pooled head against static networks."""

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
    SubnetworkEvaluator,
    Supernet,
    build_network,
    resize_batch,
    set_network_weights,
    subnetwork_weights,
)

BIG = ("attentive_nas_split", "fbnetv3_split")
CLASSES = 10


def uneven_supernet(space, **arguments):
    """Fresh weights, but scales and offsets that a wrong slice would show."""
    keras.utils.set_random_seed(1)
    supernet = Supernet(space, CLASSES, **arguments)
    supernet.build()
    rng = np.random.default_rng(0)
    for variable in supernet.trainable_variables:
        if variable.name in ("gamma", "beta") or variable.name.endswith("bias"):
            variable.assign(variable + rng.normal(0, 0.2, variable.shape))
    return supernet


def architectures_of(space, count):
    rng = np.random.default_rng(3)
    several = [space.largest(), space.smallest(), sample_multi_split(space, rng)]
    return [*several, *(sample(space, rng, split=index % 4 != 3) for index in range(count - 3))]


def check_against_static(space, count):
    """Logits of the supernet and of the materialised network, to 1e-5 of the largest."""
    images = smooth_images(64, space.resolutions[-1])
    supernet = uneven_supernet(space)
    evaluator = SubnetworkEvaluator(supernet, images, images, np.zeros(len(images)), batch_size=64)
    for architecture in architectures_of(space, count):
        logits = evaluator.logits(architecture)
        models = build_network(keras, blueprint(space, architecture, CLASSES))
        set_network_weights(models, subnetwork_weights(supernet, architecture))
        inputs = resize_batch(tf.constant(images), architecture.resolution)
        expected = np.asarray(models.whole(inputs, training=False))
        np.testing.assert_allclose(logits, expected, atol=1e-5 * np.max(np.abs(expected)), rtol=0)
    return models, inputs, expected


@pytest.mark.parametrize("name", BIG)
def test_logits_equal_the_materialised_network(name):
    space = reduced_space(name)
    models, inputs, expected = check_against_static(space, 6)
    architecture = architectures_of(space, 6)[-1]
    legacy = build_network(tf_keras, blueprint(space, architecture, CLASSES))
    set_network_weights(
        legacy, {layer.name: layer.get_weights() for m in models.segments for layer in m.layers if layer.weights}
    )
    actual = legacy.whole(inputs, training=False)
    np.testing.assert_allclose(actual, expected, atol=1e-5 * np.max(np.abs(expected)), rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "count"), [("demo", 16), ("attentive_nas_split", 17), ("fbnetv3_split", 17)])
def test_logits_equal_the_materialised_network_in_the_full_spaces(name, count):
    """Fifty architectures; about 8 minutes on two cores, most of it tracing."""
    space = load_space(name)
    if name in BIG:
        space = space_from_dict({**space_to_dict(space), "resolutions": [32, 64]})
    check_against_static(space, count)


def check_graph(space, architecture):
    graph = architecture_graph(space, architecture, 1000)
    models = build_network(keras, blueprint(space, architecture, 1000))
    read = read_keras_model(models.whole)
    assert total_macs(graph.graph) == total_macs(read)
    assert total_params(graph.graph) == total_params(read)
    assert total_params(read) == sum(int(np.prod(weight.shape)) for weight in models.whole.trainable_weights)
    layers = {layer.name for segment in models.segments for layer in segment.layers}
    assert {operation.name for operation in graph.graph.operations} == layers - {"image", "aggregator_input"}


@pytest.mark.parametrize("name", PRESETS)
def test_cost_graph_counts_what_keras_counts(name):
    space = load_space(name)
    check_graph(space, sample(space, np.random.default_rng(5)))


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
def test_cost_graph_counts_what_keras_counts_in_twenty_networks(name):
    space = load_space(name)
    rng = np.random.default_rng(6)
    for index in range(20):
        check_graph(space, sample(space, rng, split=index % 2 == 0))
