"""Elastic layers against plain Keras layers with sliced weights."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from layer_checks import check_layer

from splitnets_tf.layers import (
    ElasticBatchNormalization,
    ElasticConv2D,
    ElasticConvBlock,
    ElasticDense,
    ElasticDepthwiseConv2D,
    ElasticMBConv,
    SplittingModule,
)


def images(channels, side=8, batch=4):
    return tf.random.stateless_normal([batch, side, side, channels], [7, channels])


@pytest.mark.parametrize(
    ("layer", "inputs", "arguments", "shape"),
    [
        (lambda: ElasticConv2D(6, 8, 3, 2), images(6), {"out_channels": 8}, (4, 4, 4, 8)),
        (lambda: ElasticConv2D(6, 8), images(4), {"out_channels": 5}, (4, 8, 8, 5)),
        (lambda: ElasticDepthwiseConv2D(6, 5, 2), images(6), {"kernel_size": 3}, (4, 4, 4, 6)),
        (lambda: ElasticBatchNormalization(6), images(6), {}, (4, 8, 8, 6)),
        (lambda: ElasticDense(6, 3), tf.ones([4, 5]), {}, (4, 3)),
        (lambda: ElasticConvBlock(6, 8, activation="relu6"), images(6), {"out_channels": 8}, (4, 8, 8, 8)),
        (
            lambda: ElasticMBConv(6, 6, 5, 3, residual=True),
            images(6),
            {"out_channels": 6, "kernel_size": 5, "expansion": 3},
            (4, 8, 8, 6),
        ),
        (
            lambda: ElasticMBConv(6, 10, 3, 1, strides=2, activation="swish"),
            images(4),
            {"out_channels": 7, "kernel_size": 3, "expansion": 1},
            (4, 4, 4, 7),
        ),
        (lambda: SplittingModule(6, 3, 3), images(6), {"gate": tf.constant(True), "split_channels": 3}, (4, 8, 8, 6)),
        (lambda: ElasticConv2D(2, 8, 3, views=3), images(6), {"out_channels": 8}, (4, 8, 8, 8)),
        (
            lambda: SplittingModule(6, 3, 3, views=2),
            images(6),
            {"gate": tf.constant(True), "split_channels": 3},
            (2, 8, 8, 6),
        ),
        (
            lambda: SplittingModule(6, 3, views=4, view_fusion="max"),
            images(6),
            {"gate": tf.constant(True), "split_channels": 3},
            (1, 8, 8, 6),
        ),
    ],
)
def test_layer(layer, inputs, arguments, shape):
    check_layer(layer(), inputs, arguments, shape)


def test_convolution_uses_the_first_channels():
    layer = ElasticConv2D(6, 8, 3)
    layer.build()
    x = images(4)
    kernel = np.asarray(layer.kernel)[:, :, :4, :5]
    np.testing.assert_allclose(layer(x, out_channels=5), tf.nn.conv2d(x, kernel, 1, "SAME"), rtol=1e-5, atol=1e-6)


def test_small_depthwise_kernel_is_the_centre():
    layer = ElasticDepthwiseConv2D(6, 5)
    layer.build()
    x = images(4)
    kernel = np.asarray(layer.kernel)[1:4, 1:4, :4]
    expected = tf.nn.depthwise_conv2d(x, kernel, [1, 1, 1, 1], "SAME")
    np.testing.assert_allclose(layer(x, kernel_size=tf.constant(3)), expected, rtol=1e-5, atol=1e-6)


def test_calibration_is_the_mean_over_batches():
    layer = ElasticBatchNormalization(6)
    layer.build()
    batches = [images(4, batch=8), images(4, batch=8) * 3.0 + 1.0, images(4, batch=8) - 2.0]
    for index, batch in enumerate(batches):
        layer(batch, calibration_weight=tf.constant(1.0 / (index + 1)))
    means = np.mean([np.mean(batch, axis=(0, 1, 2)) for batch in batches], axis=0)
    variances = np.mean([np.var(batch, axis=(0, 1, 2), ddof=1) for batch in batches], axis=0)
    np.testing.assert_allclose(np.asarray(layer.moving_mean)[:4], means, atol=1e-5)
    np.testing.assert_allclose(np.asarray(layer.moving_variance)[:4], variances, rtol=1e-4)
    expected = (batches[0] - means) / np.sqrt(variances + layer.epsilon)
    np.testing.assert_allclose(layer(batches[0]), expected, atol=1e-4)


def test_training_leaves_the_statistics_alone():
    layer = ElasticBatchNormalization(6)
    layer.build()
    before = [v.numpy() for v in layer.non_trainable_variables]
    layer(images(6), training=True)
    for old, new in zip(before, layer.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(old, new)


def test_mbconv_equals_plain_keras():
    layer = ElasticMBConv(6, 6, 5, 3, residual=True)
    layer.build()
    x = images(4)
    actual = layer(x, out_channels=4, kernel_size=3, expansion=2, training=True)

    def norm(y, bn):
        mean, variance = tf.nn.moments(y, [0, 1, 2])
        c = y.shape[-1]
        gamma, beta = np.asarray(bn.gamma)[:c], np.asarray(bn.beta)[:c]
        return tf.nn.batch_normalization(y, mean, variance, beta, gamma, bn.epsilon)

    y = tf.nn.conv2d(x, np.asarray(layer.expand.conv.kernel)[:, :, :4, :8], 1, "SAME")
    y = tf.nn.relu6(norm(y, layer.expand.bn))
    y = tf.nn.depthwise_conv2d(y, np.asarray(layer.depthwise.kernel)[1:4, 1:4, :8], [1, 1, 1, 1], "SAME")
    y = tf.nn.relu6(norm(y, layer.depthwise_bn))
    y = norm(tf.nn.conv2d(y, np.asarray(layer.project.conv.kernel)[:, :, :8, :4], 1, "SAME"), layer.project.bn)
    np.testing.assert_allclose(actual, x + y, rtol=1e-4, atol=1e-4)


def test_gate_chooses_both_convolutions_or_neither():
    layer = SplittingModule(6, 3)
    layer.build()
    x = images(5)
    np.testing.assert_array_equal(layer(x, gate=tf.constant(False), split_channels=2), x)
    opened = layer(x, gate=tf.constant(True), split_channels=2, training=True)
    assert opened.shape == x.shape
    # What passes two channels has at most rank two per pixel, apart from the offset of the normalisation.
    flat = np.reshape(opened - np.mean(opened, axis=(0, 1, 2)), [-1, 5])
    assert np.linalg.matrix_rank(flat, tol=1e-3) == 2


def test_widths_may_be_tensors_in_one_trace():
    layer = ElasticMBConv(6, 6, 5, 3)
    layer.build()
    traces = []

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, None]), tf.TensorSpec([3], tf.int32)])
    def run(x, genes):
        traces.append(1)
        return layer(x, out_channels=genes[0], kernel_size=genes[1], expansion=genes[2], training=True)

    for channels, genes in ((6, [6, 5, 3]), (4, [3, 3, 2]), (2, [5, 5, 1])):
        x = images(channels)
        width, kernel, expansion = genes
        expected = layer(x, out_channels=width, kernel_size=kernel, expansion=expansion, training=True)
        np.testing.assert_allclose(run(x, tf.constant(genes)), expected, rtol=1e-4, atol=1e-4)
    assert len(traces) == 1


def test_reduce_and_recover_start_from_different_draws():
    keras.utils.set_random_seed(0)
    layer = SplittingModule(6, 6)
    layer.build()
    assert not np.array_equal(layer.reduce.conv.kernel, layer.recover.conv.kernel)
