"""The supernet of several views: the single-view one's graph, gates and training, with the views fused at the split."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_training import CLASSES, new_supernet, sandwich_settings

from splitnets_tf.graph import read_keras_model
from splitnets_tf.hardware import load_system, split_cost, total_macs, total_params
from splitnets_tf.space import Split, architecture_graph, blueprint, sample
from splitnets_tf.supernet import (
    SandwichSettings,
    SubnetworkEvaluator,
    TrainingSettings,
    augment_batch,
    build_network,
    resize_batch,
    sandwich_vectors,
    set_network_weights,
    subnetwork_weights,
    train_supernet,
)

VIEWS = 3


@pytest.fixture(scope="module")
def space(tiny_space):
    return dataclasses.replace(tiny_space, views=VIEWS, split_last_phase=True)


@pytest.fixture(scope="module")
def objects():
    """uint8 [48, 3, 24, 24, 3]: the brightness of view 1 alone tells the class; labels [48]."""
    rng = np.random.default_rng(0)
    labels = np.arange(48) % CLASSES
    images = rng.integers(0, 60, (48, VIEWS, 24, 24, 3)) + rng.integers(0, 160, (48, VIEWS, 1, 1, 1))
    images[:, 1] = rng.integers(0, 60, (48, 24, 24, 3)) + 80 * labels[:, None, None, None]
    return images.astype(np.uint8), labels


def shaken(supernet):
    """A fresh gamma of 1 would hide a wrong slice."""
    rng = np.random.default_rng(7)
    for variable in supernet.trainable_variables:
        if variable.name in ("gamma", "beta"):
            variable.assign(variable + rng.normal(0, 0.3, variable.shape))
    return supernet


def at(space, phase, position, width=4):
    return dataclasses.replace(space.largest(), splits=(Split(phase=phase, position=position, width=width),))


def assert_logits_are_the_static_networks(logits, supernet, architecture, images):
    models = build_network(keras, blueprint(supernet.space, architecture, CLASSES))
    set_network_weights(models, subnetwork_weights(supernet, architecture))
    expected = models.whole(resize_batch(tf.constant(images), architecture.resolution), training=False)
    np.testing.assert_allclose(logits, expected, atol=1e-5 * np.max(np.abs(expected)), rtol=0)


def test_logits_equal_the_materialised_network(space, objects):
    images, labels = objects
    supernet = shaken(new_supernet(space))
    evaluator = SubnetworkEvaluator(supernet, images, images[:20], labels[:20], batch_size=24 * VIEWS)
    rng = np.random.default_rng(1)
    for architecture in (space.largest(), space.smallest(), *(sample(space, rng) for _ in range(4))):
        logits = evaluator.logits(architecture)
        assert_logits_are_the_static_networks(logits, supernet, architecture, images[:20])


@pytest.mark.parametrize("fusion", ["mean", "max", "sum"])
def test_so_they_do_with_other_fusions(space, objects, fusion):
    images = objects[0][:20]
    supernet = shaken(new_supernet(dataclasses.replace(space, view_fusion=fusion)))
    architecture = sample(space, np.random.default_rng(2))
    vector = space.encode(architecture)
    supernet((images, vector), calibration_weight=tf.constant(1.0))
    logits = supernet((images, vector), training=False)
    assert_logits_are_the_static_networks(logits, supernet, architecture, images)


def test_one_trace_serves_every_place_of_the_fusion(space, objects):
    supernet = shaken(new_supernet(space))
    traces, outputs = [], []

    @tf.function(input_signature=[tf.TensorSpec([space.vector_length], tf.int32)])
    def run(vector):
        traces.append(1)
        return supernet((objects[0][:8], vector), training=True)

    for phase, position in space.split_choices([choice.depth for choice in space.largest().stages]):
        vector = space.encode(at(space, phase, position))
        outputs.append(run(tf.constant(vector)).numpy())
    np.testing.assert_allclose(outputs[-1], supernet((objects[0][:8], vector), training=True), atol=2e-3)
    assert len(traces) == 1
    for i, first in enumerate(outputs):
        for second in outputs[i + 1 :]:
            assert np.max(np.abs(first - second)) > 1e-3


def test_a_view_keeps_its_weights_when_d_changes(space):
    supernet = new_supernet(space)
    wide, narrow = (subnetwork_weights(supernet, at(space, 1, 1, width))["recover_1_conv"][0] for width in (4, 2))
    assert wide.shape[2] == 4 * VIEWS
    for view in range(VIEWS):
        np.testing.assert_array_equal(narrow[:, :, 2 * view : 2 * view + 2], wide[:, :, 4 * view : 4 * view + 2])


def test_each_view_has_weights_of_its_own_unless_they_are_averaged(space, objects):
    images = objects[0][:8]
    for fusion, order_matters in (("concat", True), ("mean", False)):
        supernet = shaken(new_supernet(dataclasses.replace(space, view_fusion=fusion)))
        vector = space.encode(space.largest())
        straight, turned = (supernet((x, vector), training=True) for x in (images, images[:, ::-1]))
        assert (np.max(np.abs(straight - turned)) > 1e-3) == order_matters


def test_sensor_and_aggregator_share_no_weights(space, objects):
    """Fused right behind the stem, the sensor's blocks have no part; fused behind the last block, the aggregator's."""
    supernet = new_supernet(space)
    kernels = {
        side: [block.project.conv.kernel.value for block in blocks]
        for side, blocks in (("sensor", supernet.sensor_blocks), ("aggregator", supernet.blocks))
    }
    for network, idle in ((at(space, 0, 0), "sensor"), (space.largest(), "aggregator")):
        with tf.GradientTape() as tape:
            logits = supernet((objects[0][:4], space.encode(network)), training=True)
            loss = tf.reduce_sum(tf.square(logits))
        for side, gradients in tape.gradient(loss, kernels, unconnected_gradients="zero").items():
            assert all(np.any(gradient) == (side != idle) for gradient in gradients), (network.split, side)
    assert {layer.name for layer in supernet._every_layer()} >= {"stem", "sensor_a_0", "a_0", "sensor_c_1", "c_1"}


def test_every_network_of_a_training_step_is_fused_once(space):
    settings = SandwichSettings(random=2, multi_split=1)
    places = set()
    for step in range(60):
        vectors = sandwich_vectors(space, settings, seed=3, step=step)
        networks = [space.decode(vector) for vector in vectors]
        assert all(network.is_split for network in networks)
        assert dataclasses.replace(networks[0], splits=()) == dataclasses.replace(space.largest(), splits=())
        assert networks[0].split.width == space.split_widths[-1]
        assert dataclasses.replace(networks[-1], splits=()) == dataclasses.replace(space.smallest(), splits=())
        places.add((networks[0].split.phase, networks[0].split.position))
    assert places == set(space.split_choices([choice.depth for choice in space.largest().stages]))


def test_figures_are_those_of_the_materialised_halves(space):
    system = load_system("hmd-12")
    for network in (space.smallest(), space.largest(), sample(space, np.random.default_rng(4))):
        built = architecture_graph(space, network, CLASSES)
        cost = split_cost(built.graph, built.sensor_operations, system, views=VIEWS)
        models = build_network(keras, blueprint(space, network, CLASSES))
        for model, device in zip(models.segments, (cost.sensor, cost.aggregator), strict=True):
            graph = read_keras_model(model)
            assert (total_macs(graph), total_params(graph)) == (device.macs, device.params)
        assert np.prod(models.segments[0].output_shape[1:]) == cost.link.bytes
        assert models.segments[1].input_shape[-1] == VIEWS * network.split.width
        assert models.whole.input_shape == (None, VIEWS, network.resolution, network.resolution, 3)


def trained(space, objects, epochs=2, **options):
    supernet = new_supernet(space)
    before = [variable.numpy() for variable in supernet.trainable_variables]
    settings = TrainingSettings(epochs=epochs, batch_size=24, learning_rate=0.02, max_shift=2, seed=5)
    train_supernet(supernet, *objects, settings=settings, sandwich=sandwich_settings(), **options)
    return supernet, before


def test_a_training_step_reaches_both_sides_and_what_lies_between(space, objects):
    """The single-view net's sandwich, here one operation after the other."""
    images, labels = objects
    supernet = new_supernet(space)
    vectors = sandwich_vectors(space, SandwichSettings(), seed=2, step=0)
    vectors[0], vectors[-1] = space.encode(space.largest()), space.encode(space.smallest())  # fused last, fused first
    variables = [variable.value for variable in supernet.trainable_variables]
    arguments = (tf.constant(images[:8]), tf.constant(vectors), tf.constant(labels[:8], tf.int32), variables)
    gradients, losses, accuracies = supernet._sandwich(*arguments)
    reached = {
        variable.path.split("/")[1]
        for variable, gradient in zip(supernet.trainable_variables, gradients, strict=True)
        if np.any(gradient)
    }
    splits = {f"split_{space.decode(vector).split.phase}" for vector in vectors}
    assert reached >= {"stem", "sensor_b_0", "b_0", "c_0", "head", "classifier", *splits}
    assert losses.shape == accuracies.shape == len(vectors)
    np.testing.assert_allclose(losses, np.log(CLASSES), atol=0.8)


@pytest.mark.slow
def test_interrupted_training_equals_uninterrupted(space, objects, tmp_path):
    def kill(epoch, logs):
        if epoch == 1:
            raise InterruptedError

    through, _ = trained(space, objects)
    with pytest.raises(InterruptedError):
        killer = keras.callbacks.LambdaCallback(on_epoch_begin=kill)
        trained(space, objects, callbacks=[killer], directory=tmp_path)
    again, _ = trained(space, objects, directory=tmp_path)
    for one, other in zip(through.trainable_variables, again.trainable_variables, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=one.path)


def test_augmentation_mirrors_an_object_and_not_its_views():
    """Marked views: view k holds k; the flipped object's are 0, V-1, ..., 1, each mirrored."""
    images = np.zeros((16, 4, 6, 6, 3), np.uint8)
    images[:, :, :, 0] = np.arange(1, 5)[None, :, None, None]
    done = augment_batch(tf.constant(images), tf.constant([3, 4]), 0).numpy()
    mirrored = np.stack([images[0, view, :, ::-1] for view in (0, 3, 2, 1)])
    flipped = [np.array_equal(one, mirrored) for one in done]
    assert [np.array_equal(one, images[0]) for one in done] == [not flip for flip in flipped]
    assert 0 < sum(flipped) < 16


def test_each_view_is_shifted_by_itself_and_parts_equal_the_whole():
    images = np.random.default_rng(0).integers(0, 256, (6, 3, 8, 8, 3)).astype(np.uint8)
    seed = tf.constant([1, 2])
    whole = augment_batch(tf.constant(images), seed, 2)
    part = augment_batch(tf.constant(images[2:4]), seed, 2, first=2, total=6)
    np.testing.assert_array_equal(part, whole[2:4])
    same = np.repeat(images[:1, :1], 3, axis=1)
    assert len(np.unique(augment_batch(tf.constant(same), seed, 2)[0].numpy().reshape(3, -1), axis=0)) > 1
