"""One check for every layer: shape, configuration and save round trip, gradient."""

import keras
import numpy as np
import tensorflow as tf


def check_layer(layer, inputs, arguments, expected_shape):
    """Build a layer, run it, rebuild it from its configuration, and look at its gradients.

    Args:
        layer: The layer, not built.
        inputs: Its first call argument.
        arguments: Further call arguments by name.
        expected_shape: Shape of the output.
    """
    layer.build()
    outputs = layer(inputs, **arguments)
    assert tuple(outputs.shape) == expected_shape
    assert np.all(np.isfinite(outputs))

    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(copy) is type(layer)
    assert copy.get_config() == layer.get_config()
    if not copy.built:
        copy.build()
    assert [v.shape for v in copy.weights] == [v.shape for v in layer.weights]
    for target, source in zip(copy.weights, layer.weights, strict=True):
        target.assign(source)
    np.testing.assert_allclose(copy(inputs, **arguments), outputs, rtol=1e-5, atol=1e-6)

    with tf.GradientTape() as tape:
        training = {"training": True} if "training" in layer.call.__code__.co_varnames else {}
        weighting = tf.random.stateless_normal(outputs.shape, [1, 2])
        loss = tf.reduce_sum(layer(inputs, **arguments, **training) * weighting)
    gradients = tape.gradient(loss, [v.value for v in layer.trainable_variables])
    for variable, gradient in zip(layer.trainable_variables, gradients, strict=True):
        assert gradient is not None, variable.path
        assert np.any(np.abs(tf.convert_to_tensor(gradient)) > 0), variable.path
