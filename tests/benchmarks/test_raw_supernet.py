"""The benchmark's implementations compute what the supernet computes, or their times would mean nothing."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from reduced_spaces import reduced_space, smooth_images

from benchmarks.raw_supernet import MaskedOps, RawSupernet, SlicedOps
from splitnets_tf.space import sample, sample_multi_split
from splitnets_tf.supernet import SandwichSettings, Supernet, sandwich_vectors


@pytest.fixture(scope="module")
def supernet():
    keras.utils.set_random_seed(2)
    net = Supernet(reduced_space("attentive_nas_split"), 10)
    net.build()
    rng = np.random.default_rng(0)
    for variable in net.trainable_variables:
        if variable.name in ("gamma", "beta") or variable.name.endswith("bias"):
            variable.assign(variable + rng.normal(0, 0.2, variable.shape))
    return net


@pytest.mark.parametrize("ops", [SlicedOps, MaskedOps])
def test_logits_are_the_supernets(supernet, ops):
    space = supernet.space
    rng = np.random.default_rng(1)
    images = tf.constant(smooth_images(24, 48))
    raw = RawSupernet(supernet, ops(), 0.1)
    for architecture in (space.largest(), space.smallest(), sample(space, rng), sample_multi_split(space, rng)):
        vector = space.encode(architecture)
        expected = supernet((images, vector), training=True).numpy()
        np.testing.assert_allclose(raw.logits(images, vector), expected, atol=2e-3 * np.max(np.abs(expected)))


def test_sandwich_losses_are_the_supernets(supernet):
    vectors = sandwich_vectors(supernet.space, SandwichSettings(random=1), seed=0, step=0)
    images, labels = tf.constant(smooth_images(24, 48)), tf.range(24) % 10
    variables = [variable.value for variable in supernet.trainable_variables]
    _, expected, _ = supernet._sandwich(images, tf.constant(vectors), labels, variables)
    raw = RawSupernet(supernet, SlicedOps(), 0.1)
    before = raw.logits(images, vectors[0]).numpy()
    np.testing.assert_allclose(raw.train_step(images, tf.constant(vectors), labels), expected, rtol=1e-3)
    assert np.max(np.abs(raw.logits(images, vectors[0]) - before)) > 1e-3
