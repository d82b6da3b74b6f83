"""Dropout, drop-connect and the zero start of residual blocks."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from splitnets_tf.errors import UserError
from splitnets_tf.supernet import SandwichSettings, SupernetSettings, sandwich_vectors


def sandwich(supernet, tiny_space, blobs, seed, vectors=None):
    images, labels = blobs
    if vectors is None:
        vectors = sandwich_vectors(tiny_space, SandwichSettings(), seed=0, step=0)
    variables = [variable.value for variable in supernet.trainable_variables]
    drop_seed = None if seed is None else tf.constant([seed, 0])
    _, losses, _ = supernet._sandwich(
        tf.constant(images[:32]), tf.constant(vectors), tf.constant(labels[:32], tf.int32), variables, drop_seed
    )
    return losses.numpy()


@pytest.mark.parametrize("rates", [{"dropout": 0.5}, {"drop_connect": 0.5}])
def test_only_the_largest_network_drops(make_supernet, tiny_space, blobs, rates):
    largest = tiny_space.encode(tiny_space.largest())
    vectors = np.stack([largest, largest])
    supernet = make_supernet(distill=False, **rates)
    none = sandwich(supernet, tiny_space, blobs, None, vectors)
    first = sandwich(supernet, tiny_space, blobs, 1, vectors)
    np.testing.assert_array_equal(first, sandwich(supernet, tiny_space, blobs, 1, vectors))
    np.testing.assert_allclose(none[0], none[1], rtol=1e-5)
    np.testing.assert_allclose(first[1], none[1], rtol=1e-5)  # the same network, but not in the first place
    assert abs(first[0] - none[0]) > 1e-3
    assert abs(sandwich(supernet, tiny_space, blobs, 2, vectors)[0] - first[0]) > 1e-3


def test_evaluation_never_drops(make_supernet, tiny_space, blobs):
    plain, dropping = make_supernet(), make_supernet(dropout=0.5, drop_connect=0.5)
    inputs = (blobs[0][:16], tiny_space.encode(tiny_space.largest()))
    for mode in ({"calibration_weight": tf.constant(1.0)}, {"training": False}, {"training": True}):
        np.testing.assert_array_equal(plain(inputs, **mode), dropping(inputs, **mode))


def test_steps_drop_by_seed_and_step_alone(make_supernet):
    supernet = make_supernet(dropout=0.2, seed=7)
    supernet.compile("sgd")
    first = supernet._step_seed().numpy()
    np.testing.assert_array_equal(first, supernet._step_seed())
    supernet.optimizer.iterations.assign(1)
    assert not np.array_equal(first, supernet._step_seed())
    assert make_supernet()._step_seed() is None


def test_training_step_runs_with_everything_on(make_supernet, tiny_space, blobs):
    supernet = make_supernet(dropout=0.2, drop_connect=0.2, zero_init_residual=True)
    supernet.compile("sgd", jit_compile=False)
    images, labels = blobs
    vectors = sandwich_vectors(tiny_space, SandwichSettings(random=1), seed=0, step=0)
    data = (tf.constant(images[:16]), tf.constant(vectors)), tf.constant(labels[:16], tf.int32)
    step = tf.function(supernet.train_step)
    losses = [float(step(data)["loss"]) for _ in range(2)]
    assert np.all(np.isfinite(losses))
    assert losses[0] != losses[1]


def test_zero_start_makes_residual_blocks_their_shortcut(make_supernet):
    supernet = make_supernet(zero_init_residual=True)
    for block in supernet.blocks:
        gamma = np.asarray(block.project.bn.gamma)
        assert np.all(gamma == (0 if block.residual else 1))
    block = next(block for block in supernet.blocks if block.residual)
    x = tf.random.stateless_normal([4, 8, 8, block.max_in_channels], [1, 2])
    outputs = block(x, out_channels=block.max_out_channels, kernel_size=3, expansion=1, training=True)
    np.testing.assert_array_equal(outputs, x)


def test_drop_connect_grows_with_depth(make_supernet):
    rates = [block.drop_rate for block in make_supernet(drop_connect=0.2).blocks]
    np.testing.assert_allclose(rates, 0.2 * np.arange(len(rates)) / len(rates))


def test_settings_refuse_certainty():
    for field in ("dropout", "drop_connect"):
        with pytest.raises(UserError, match=field):
            dataclasses.replace(SupernetSettings(), **{field: 1.0})
