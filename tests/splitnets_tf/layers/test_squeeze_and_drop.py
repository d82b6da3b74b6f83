"""Squeeze-and-excitation, projected shortcuts, dropping: against plain layers and by their statistics."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from layer_checks import check_layer

from splitnets_tf.layers import (
    Drop,
    ElasticDense,
    ElasticMBConv,
    ElasticSqueezeExcite,
    activate,
    drop_connect,
    dropout,
    hard_sigmoid,
    hard_swish,
)


def images(channels, side=8, batch=4):
    return tf.random.stateless_normal([batch, side, side, channels], [7, channels])


@pytest.mark.parametrize(
    ("layer", "inputs", "arguments", "shape"),
    [
        (lambda: ElasticSqueezeExcite(6, 4, gate="sigmoid"), images(6), {"squeeze_channels": 4}, (4, 8, 8, 6)),
        (lambda: ElasticDense(6, 8, use_bias=False), tf.ones([4, 6]), {"out_features": 8}, (4, 8)),
        (
            lambda: ElasticMBConv(
                6, 10, 5, 3, 2, max_squeeze_channels=4, activation="hard_swish", project_shortcut=True
            ),
            images(6),
            {"out_channels": 10, "kernel_size": 5, "expansion": 3, "squeeze_channels": 4},
            (4, 4, 4, 10),
        ),
    ],
)
def test_layer(layer, inputs, arguments, shape):
    check_layer(layer(), inputs, arguments, shape)


def test_squeeze_uses_the_first_channels():
    layer = ElasticSqueezeExcite(6, 4, activation="hard_swish")
    layer.build()
    x = images(5)
    hidden = np.mean(x, axis=(1, 2)) @ np.asarray(layer.reduce_kernel)[:5, :3]
    hidden = hidden * np.clip(hidden + 3, 0, 6) / 6
    factors = np.clip(hidden @ np.asarray(layer.expand_kernel)[:3, :5] + 3, 0, 6) / 6
    actual = layer(x, squeeze_channels=tf.constant(3))
    np.testing.assert_allclose(actual, x * factors[:, None, None, :], rtol=1e-4, atol=1e-6)


def test_dense_slices_rows_and_columns():
    layer = ElasticDense(6, 8)
    layer.build()
    layer.bias.assign(np.arange(8.0))
    x = images(4)[:, 0, 0, :]
    expected = x @ np.asarray(layer.kernel)[:4, :5] + np.arange(5.0)
    np.testing.assert_allclose(layer(x, out_features=tf.constant(5)), expected, rtol=1e-5, atol=1e-6)


def test_projected_shortcut_is_the_identity_where_nothing_changes():
    layer = ElasticMBConv(6, 10, 3, 2, project_shortcut=True)
    layer.build()
    layer.project.bn.gamma.assign(np.zeros(10))
    arguments = {"kernel_size": 3, "expansion": 2, "training": True}
    np.testing.assert_array_equal(layer(images(6), out_channels=6, **arguments), images(6))
    expected = tf.nn.conv2d(images(6), np.asarray(layer.shortcut.kernel)[:, :, :, :8], 1, "SAME")
    np.testing.assert_allclose(layer(images(6), out_channels=8, **arguments), expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="shortcut"):
        ElasticMBConv(6, 6, 3, 2, residual=True, project_shortcut=True)


def test_hard_functions_are_those_of_keras_3():
    x = np.linspace(-5, 5, 101).astype(np.float32)
    np.testing.assert_allclose(hard_sigmoid(x), keras.ops.hard_sigmoid(x), atol=1e-6)
    np.testing.assert_allclose(hard_swish(x), keras.ops.hard_silu(x), atol=1e-6)
    np.testing.assert_allclose(activate(x, "hard_swish"), hard_swish(x))


def test_dropping_keeps_the_mean_and_drops_whole_branches():
    drop = Drop(active=tf.constant(True), seed=tf.constant([1, 2]))
    x = tf.ones([4000, 2, 2, 3])
    y = drop_connect(x, 0.25, drop).numpy()
    assert np.all(y == y[:, :1, :1, :1])
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.75)}
    assert abs(y.mean() - 1) < 0.04
    features = dropout(tf.ones([50, 80]), 0.5, drop).numpy()
    assert abs(features.mean() - 1) < 0.1
    assert 0.1 < np.mean(features[0] == 0) < 0.9
    assert not np.array_equal(y, drop_connect(x, 0.25, drop.fold(1)))


def test_inactive_or_absent_switch_changes_nothing():
    x = images(3)
    off = Drop(active=tf.constant(False), seed=tf.constant([1, 2]))
    for rate, drop in ((0.5, off), (0.5, None), (0.0, off)):
        np.testing.assert_array_equal(drop_connect(x, rate, drop), x)
