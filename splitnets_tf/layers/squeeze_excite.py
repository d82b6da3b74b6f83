"""Elastic squeeze-and-excitation."""

import keras
import tensorflow as tf

from splitnets_tf.layers.activations import activate

__all__ = ["ElasticSqueezeExcite"]


@keras.saving.register_keras_serializable(package="splitnets_tf")
class ElasticSqueezeExcite(keras.layers.Layer):
    """Scales each channel by a function of all channels' means, with the first channels of its weights.

    Args:
        max_channels: Most channels.
        max_squeeze_channels: Most channels between the two dense steps.
        activation: Name of the activation function between them.
        gate: Name of the function that makes factors of the second step's output.

    Call arguments:
        inputs: `[batch, height, width, c]`.
        squeeze_channels: Scalar int32, channels between the two steps.

    Returns:
        Tensor of the inputs' shape.

    Reference:
        Squeeze-and-Excitation Networks; MobileNetV3 (hard-sigmoid gate).
    """

    def __init__(
        self,
        max_channels: int,
        max_squeeze_channels: int,
        activation: str = "relu",
        gate: str = "hard_sigmoid",
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.max_channels = max_channels
        self.max_squeeze_channels = max_squeeze_channels
        self.activation = activation
        self.gate = gate

    def build(self, input_shape=None) -> None:
        """Create the kernels `[c, squeeze]`, `[squeeze, c]` and both biases."""
        wide, narrow = self.max_channels, self.max_squeeze_channels
        self.reduce_kernel = self.add_weight(name="reduce_kernel", shape=(wide, narrow), initializer="he_normal")
        self.reduce_bias = self.add_weight(name="reduce_bias", shape=(narrow,), initializer="zeros")
        self.expand_kernel = self.add_weight(name="expand_kernel", shape=(narrow, wide), initializer="he_normal")
        self.expand_bias = self.add_weight(name="expand_bias", shape=(wide,), initializer="zeros")
        self.built = True

    def call(self, inputs, squeeze_channels):
        """Pool, reduce, expand, scale."""
        channels = tf.shape(inputs)[-1]
        reduce_kernel = tf.convert_to_tensor(self.reduce_kernel)[:channels, :squeeze_channels]
        expand_kernel = tf.convert_to_tensor(self.expand_kernel)[:squeeze_channels, :channels]
        x = tf.reduce_mean(inputs, axis=[1, 2])
        x = tf.matmul(x, reduce_kernel) + tf.convert_to_tensor(self.reduce_bias)[:squeeze_channels]
        x = activate(x, self.activation)
        x = tf.matmul(x, expand_kernel) + tf.convert_to_tensor(self.expand_bias)[:channels]
        return inputs * activate(x, self.gate)[:, None, None, :]

    def get_config(self) -> dict:
        """Arguments of the constructor."""
        keys = ("max_channels", "max_squeeze_channels", "activation", "gate")
        return {**super().get_config(), **{key: getattr(self, key) for key in keys}}
