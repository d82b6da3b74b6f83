"""The mixed operation: paths, gates, and the gradient of Lemma 1 by finite differences."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from splitnets_tf.layers import MixedOperation
from splitnets_tf.search.differentiable.gates import gate_to_alpha_gradient, softmax

CANDIDATES = [(k, e, cut) for k, e, cut in itertools.product((3, 5), (1, 2), (False, True))] + [(0, 0, False)]


def new_layer(**arguments):
    import keras

    keras.utils.set_random_seed(3)
    layer = MixedOperation(CANDIDATES, 3, 3, **arguments)
    layer.build()
    return layer


@pytest.fixture(scope="module")
def inputs():
    return tf.random.stateless_normal([2, 5, 5, 3], [1, 2])


@pytest.fixture(scope="module", params=[True, False], ids=["shared", "own"])
def layer(request):
    return new_layer(share_weights=request.param)


def one_path(layer, inputs, index):
    return layer(inputs, paths=tf.constant([index]), gates=tf.ones([1]), training=True)


def test_every_candidate_is_its_own_block(layer, inputs):
    for index, (kernel, expansion, shortcut) in enumerate(CANDIDATES):
        output = one_path(layer, inputs, index)
        block = layer.block_of(index)
        if block is None:
            assert kernel == 0
            np.testing.assert_array_equal(output, inputs)
            continue
        assert block.residual == shortcut
        expected = block(inputs, out_channels=3, kernel_size=kernel, expansion=expansion, training=True)
        np.testing.assert_allclose(output, expected, rtol=1e-5, atol=1e-6)
    outputs = [one_path(layer, inputs, index).numpy() for index in range(len(CANDIDATES))]
    assert all(not np.allclose(a, b, atol=1e-3) for a, b in itertools.combinations(outputs, 2))


def test_one_hot_gates_pass_the_active_path_alone(layer, inputs):
    both = layer(inputs, paths=tf.constant([2, 6]), gates=tf.constant([1.0, 0.0]), training=True)
    np.testing.assert_allclose(both, one_path(layer, inputs, 2), rtol=1e-6)


def test_one_trace_serves_all_paths(layer, inputs):
    traced = tf.function(lambda path: one_path_of(layer, inputs, path), autograph=False)
    for index in (0, 7, 8, 3):
        np.testing.assert_allclose(traced(tf.constant([index])), one_path(layer, inputs, index), rtol=1e-4, atol=1e-5)
    assert traced.experimental_get_tracing_count() == 1


def one_path_of(layer, inputs, path):
    return layer(inputs, paths=path, gates=tf.ones([1]), training=True)


def loss_of(layer, inputs, gates):
    """A softmax cross-entropy behind the layer, as a function of all R gates."""
    paths = tf.range(len(CANDIDATES))
    output = layer(inputs, paths=paths, gates=gates, training=True)
    logits = tf.reduce_mean(output, axis=[1, 2]) * 3.0
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(tf.constant([0, 2]), logits))


def gates_gradient(layer, inputs, gates):
    with tf.GradientTape() as tape:
        tape.watch(gates)
        loss = loss_of(layer, inputs, gates)
    return tape.gradient(loss, gates).numpy().astype(np.float64)


def test_gradient_of_the_gates_is_that_of_finite_differences(inputs):
    layer = new_layer()
    gates = tf.one_hot(4, len(CANDIDATES))
    gradient = gates_gradient(layer, inputs, gates)
    step = 1e-2
    for index, value in enumerate(gradient):
        moved = step * tf.one_hot(index, len(CANDIDATES))
        up, down = loss_of(layer, inputs, gates + moved), loss_of(layer, inputs, gates - moved)
        assert value == pytest.approx(float(up - down) / (2 * step), abs=2e-4)
    assert np.max(np.abs(gradient)) > 0.02


def test_equation_5_is_the_product_with_the_softmax_jacobian(inputs):
    layer = new_layer()
    gradient = gates_gradient(layer, inputs, tf.one_hot(1, len(CANDIDATES)))
    alphas = np.random.default_rng(2).normal(size=len(CANDIDATES))
    step = 1e-6
    jacobian = np.stack(
        [(softmax(alphas + step * row) - softmax(alphas - step * row)) / (2 * step) for row in np.eye(len(CANDIDATES))]
    )
    np.testing.assert_allclose(gate_to_alpha_gradient(gradient, softmax(alphas)), jacobian @ gradient, atol=1e-9)


def test_layer_is_sound(inputs):
    layer = MixedOperation([(3, 1, False), (5, 2, False)], 3, 4, strides=2)
    layer.build()
    copy = MixedOperation.from_config(layer.get_config())
    copy.build()
    assert [v.shape for v in copy.weights] == [v.shape for v in layer.weights]
    assert one_path(layer, inputs, 1).shape == (2, 3, 3, 4)
    with pytest.raises(ValueError, match="identity and shortcut need"):
        MixedOperation([(0, 0, False)], 3, 4)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(one_path(layer, inputs, 1) ** 2)
    assert all(g is not None for g in tape.gradient(loss, [v.value for v in layer.trainable_variables]))
