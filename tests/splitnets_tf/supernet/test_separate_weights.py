"""Sensor and aggregator with weights of their own: which side each layer takes them from."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_training import CLASSES, new_supernet

from splitnets_tf.space import NO_SPLIT, Split, blueprint, load_space
from splitnets_tf.supernet import Supernet, build_network, set_network_weights, subnetwork_weights
from splitnets_tf.supernet.trunk import runs_on_sensor, sensor_stages


@pytest.fixture(scope="module")
def separate(tiny_space):
    return new_supernet(tiny_space, separate_weights=True)


def with_splits(space, *places):
    splits = tuple(Split(phase=phase, position=position, width=4) for phase, position in places)
    return dataclasses.replace(space.largest(), splits=splits)


def trunk_with_gradient(supernet, architecture):
    """Names of stem and blocks that the loss of one architecture changes: (the sensor's, the aggregator's)."""
    layers = [supernet.sensor_stem, *supernet.sensor_blocks, supernet.stem, *supernet.blocks]
    kernels = [next(v for v in layer.trainable_variables if v.name == "kernel").value for layer in layers]
    images = np.random.default_rng(0).integers(0, 256, (4, 24, 24, 3)).astype(np.uint8)
    with tf.GradientTape() as tape:
        logits = supernet((images, supernet.space.encode(architecture)), training=True)
        loss = tf.reduce_sum(tf.square(logits))
    gradients = tape.gradient(loss, kernels, unconnected_gradients="zero")
    names = [layer.name for layer, gradient in zip(layers, gradients, strict=True) if np.any(gradient)]
    own = {layer.name for layer in layers[: 1 + len(supernet.sensor_blocks)]}
    return {name for name in names if name in own}, {name for name in names if name not in own}


@pytest.mark.parametrize("places", [(), ((0, 0),), ((0, 2),), ((1, 0),), ((1, 2),), ((0, 1), (1, 1))])
def test_each_layer_takes_the_weights_of_its_side(separate, tiny_space, places):
    """As the segments of the network say, which the cost model and the exporter follow."""
    architecture = with_splits(tiny_space, *places)
    segments = blueprint(tiny_space, architecture, CLASSES).segments
    trunk = {layer.name for layer in (separate.stem, *separate.blocks)}
    names = [[block.name for block in segment if block.name in trunk] for segment in segments]
    sensor, aggregator = (names[0], names[1:]) if places else ([], names)
    expected = ({f"sensor_{name}" for name in sensor}, {name for part in aggregator for name in part})
    assert trunk_with_gradient(separate, architecture) == expected


def test_equal_weights_on_both_sides_are_shared_weights(separate, tiny_space, make_supernet):
    shared = make_supernet(seed=3)
    twin = make_supernet(seed=4, separate_weights=True)
    pairs = [(twin.classifier, shared.classifier), (twin.head, shared.head)]
    pairs += zip(
        [*twin.splitting, twin.stem, *twin.blocks], [*shared.splitting, shared.stem, *shared.blocks], strict=True
    )
    pairs += zip([twin.sensor_stem, *twin.sensor_blocks], [shared.stem, *shared.blocks], strict=False)
    for target, source in pairs:
        target.set_weights(source.get_weights())
    images = np.random.default_rng(1).integers(0, 256, (8, 24, 24, 3)).astype(np.uint8)
    for places in ((), ((0, 1),), ((1, 2),), ((0, 0), (1, 0))):
        vector = tiny_space.encode(with_splits(tiny_space, *places))
        expected = shared((images, vector), training=True)
        np.testing.assert_allclose(twin((images, vector), training=True), expected, atol=1e-5)


def test_logits_equal_the_materialised_network(separate, tiny_space):
    images = np.random.default_rng(2).integers(0, 256, (16, 24, 24, 3)).astype(np.uint8)
    for places in ((), ((1, 1),), ((0, 1), (1, 2))):
        architecture = with_splits(tiny_space, *places)
        vector = tiny_space.encode(architecture)
        separate((images, vector), calibration_weight=tf.constant(1.0))
        logits = separate((images, vector))
        models = build_network(keras, blueprint(tiny_space, architecture, CLASSES))
        set_network_weights(models, subnetwork_weights(separate, architecture))
        expected = models.whole(images / np.float32(255))
        np.testing.assert_allclose(logits, expected, atol=1e-5 * np.max(np.abs(expected)), rtol=0)


def test_blocks_behind_the_last_possible_split_exist_once(tiny_space, separate):
    assert [row.name for row in sensor_stages(tiny_space)] == ["a", "b"]
    assert len(separate.sensor_blocks) == 2 + 3
    assert len(separate.blocks) == 2 + 3 + 2
    deeper = dataclasses.replace(tiny_space, split_last_phase=True)
    assert [row.name for row in sensor_stages(deeper)] == ["a", "b", "c"]
    assert [row.name for row in sensor_stages(load_space("demo"))] == ["mb1", "mb2", "mb3"]


def test_side_of_each_boundary_against_a_walk(tiny_space):
    """All pairs of positions in the two phases against going through the boundaries one after the other."""
    boundaries = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    for first in (NO_SPLIT, 0, 1, 2):
        for second in (NO_SPLIT, 0, 1, 2):
            places = [place for place in ((0, first), (1, second)) if place[1] != NO_SPLIT]
            vector = tiny_space.encode(with_splits(tiny_space, *places))
            on_sensor = bool(places)
            for boundary in boundaries:
                assert bool(runs_on_sensor(tiny_space, vector, boundary[0], tf.constant(boundary[1]))) == on_sensor
                on_sensor = on_sensor and boundary not in places


def test_saving_round_trip_with_weights_for_each_side(separate, tiny_space, make_supernet, tmp_path):
    other = make_supernet(seed=9, separate_weights=True)
    separate.save_weights(tmp_path / "net.weights.h5")
    other.load_weights(tmp_path / "net.weights.h5")
    for value, expected in zip(other.get_weights(), separate.get_weights(), strict=True):
        np.testing.assert_array_equal(value, expected)
    again = Supernet.from_config(separate.get_config())
    assert again.separate_weights
    assert len(again.sensor_blocks) == len(separate.sensor_blocks)
