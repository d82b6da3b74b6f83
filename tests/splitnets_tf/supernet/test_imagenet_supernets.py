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


def uneven_supernet(space):
    """Fresh weights, but scales and offsets that a wrong slice would show.

    Residual branches have small scales, as after training from zero: deep chains of full-size random branches make all
    images alike, and normalising what is alike amplifies rounding.
    """
    keras.utils.set_random_seed(1)
    supernet = Supernet(space, CLASSES)
    supernet.build()
    rng = np.random.default_rng(0)
    for variable in supernet.trainable_variables:
        if variable.name in ("gamma", "beta") or variable.name.endswith("bias"):
            variable.assign(variable + rng.normal(0, 0.2, variable.shape))
    for block in supernet.blocks:
        if block.residual:
            block.project.bn.gamma.assign(0.3 * block.project.bn.gamma)
    return supernet


def architectures_of(space, count):
    rng = np.random.default_rng(3)
    several = [space.largest(), space.smallest(), sample_multi_split(space, rng)]
    return [*several, *(sample(space, rng, split=index % 4 != 3) for index in range(count - 3))]


def check_against_static(supernet, architecture, logits, images):
    """The supernet's logits against the materialised network's: the error's norm is at most 1e-5 of their norm."""
    models = build_network(keras, blueprint(supernet.space, architecture, CLASSES))
    set_network_weights(models, subnetwork_weights(supernet, architecture))
    inputs = resize_batch(tf.constant(images), architecture.resolution)
    expected = np.asarray(models.whole(inputs, training=False))
    error = np.linalg.norm(logits - expected) / np.linalg.norm(expected)
    assert error < 1e-5, (error, np.max(np.abs(logits - expected)) / np.max(np.abs(expected)), architecture)
    return inputs, expected


@pytest.mark.parametrize("name", BIG)
def test_logits_equal_the_materialised_network(name):
    space = reduced_space(name)
    images = smooth_images(64, space.resolutions[-1])
    supernet = uneven_supernet(space)
    for architecture in architectures_of(space, 4):
        vector = space.encode(architecture)
        supernet((images, vector), calibration_weight=tf.constant(1.0))
        inputs, expected = check_against_static(supernet, architecture, supernet((images, vector)).numpy(), images)
    legacy = build_network(tf_keras, blueprint(space, architecture, CLASSES))
    set_network_weights(legacy, subnetwork_weights(supernet, architecture))
    actual = legacy.whole(inputs, training=False)
    assert np.linalg.norm(actual - expected) < 1e-5 * np.linalg.norm(expected)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "count"), [("demo", 16), ("attentive_nas_split", 17), ("fbnetv3_split", 17)])
def test_logits_equal_the_materialised_network_in_the_full_spaces(name, count):
    """Fifty architectures over the three spaces; minutes, most of it tracing."""
    space = load_space(name)
    if name in BIG:
        space = space_from_dict({**space_to_dict(space), "resolutions": [32, 64]})
    images = smooth_images(64, space.resolutions[-1])
    supernet = uneven_supernet(space)
    evaluator = SubnetworkEvaluator(supernet, images, images, np.zeros(len(images)), batch_size=64)
    for architecture in architectures_of(space, count):
        check_against_static(supernet, architecture, evaluator.logits(architecture), images)


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
