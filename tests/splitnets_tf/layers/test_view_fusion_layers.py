"""Views folded into the batch and fused again; a view's weights stay its own whatever the number of channels."""

import numpy as np
import pytest
import tensorflow as tf

from splitnets_tf.layers import ElasticConv2D, SplittingModule, fold_views, fuse_views

OBJECTS, VIEWS, SIDE, CHANNELS = 2, 3, 4, 5


def features():
    return np.random.default_rng(0).normal(size=(OBJECTS, VIEWS, SIDE, SIDE, CHANNELS)).astype(np.float32)


def test_views_of_an_object_follow_one_another():
    x = features()
    folded = fold_views(tf.constant(x))
    assert folded.shape == (OBJECTS * VIEWS, SIDE, SIDE, CHANNELS)
    np.testing.assert_array_equal(folded[VIEWS + 1], x[1, 1])
    np.testing.assert_array_equal(fold_views(tf.constant(x[:, 0])), x[:, 0])


def test_concatenation_puts_view_after_view():
    x = features()
    fused = fuse_views(fold_views(tf.constant(x)), VIEWS)
    assert fused.shape == (OBJECTS, SIDE, SIDE, VIEWS * CHANNELS)
    np.testing.assert_array_equal(fused, np.concatenate([x[:, view] for view in range(VIEWS)], axis=-1))


@pytest.mark.parametrize(("how", "expected"), [("mean", np.mean), ("max", np.max), ("sum", np.sum)])
def test_other_fusions_go_element_by_element(how, expected):
    x = features()
    np.testing.assert_allclose(fuse_views(fold_views(tf.constant(x)), VIEWS, how), expected(x, axis=1), rtol=1e-5)


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_a_view_keeps_its_weights_whatever_the_number_of_channels(channels):
    """A plain slice of the first views * d rows would hand one view's weights to the next."""
    layer = ElasticConv2D(CHANNELS, 7, 3, views=VIEWS)
    layer.build()
    kernel = np.asarray(layer.kernel).reshape(3, 3, VIEWS, CHANNELS, 7)
    x = features()[..., :channels]
    fused = fuse_views(fold_views(tf.constant(x)), VIEWS)
    expected = sum(tf.nn.conv2d(x[:, view], kernel[:, :, view, :channels, :6], 1, "SAME") for view in range(VIEWS))
    np.testing.assert_allclose(layer(fused, out_channels=6), expected, rtol=1e-4, atol=1e-5)


def test_one_view_is_the_single_view_module():
    single, multi = SplittingModule(CHANNELS, 3), SplittingModule(CHANNELS, 3, views=1, view_fusion="max")
    for layer in (single, multi):
        layer.build()
    multi.set_weights(single.get_weights())
    x = tf.constant(features()[:, 0])
    arguments = {"gate": tf.constant(True), "split_channels": 2, "training": True}
    np.testing.assert_array_equal(single(x, **arguments), multi(x, **arguments))


def test_a_closed_gate_leaves_the_views_apart():
    layer = SplittingModule(CHANNELS, 3, views=VIEWS)
    layer.build()
    x = fold_views(tf.constant(features()))
    np.testing.assert_array_equal(layer(x, gate=tf.constant(False), split_channels=2), x)
