"""Elastic blocks: convolution with normalisation, and the inverted residual (MBConv)."""

import keras
import tensorflow as tf

from splitnets_tf.layers.elastic import ElasticBatchNormalization, ElasticConv2D, ElasticDepthwiseConv2D

__all__ = ["ElasticConvBlock", "ElasticMBConv", "activate"]

_ACTIVATIONS = {"relu": tf.nn.relu, "relu6": tf.nn.relu6, "swish": tf.nn.silu}


def activate(x, name: str | None):
    """Apply an activation function by its name in a search space; None is the identity."""
    return x if name is None else _ACTIVATIONS[name](x)


@keras.saving.register_keras_serializable(package="splitnets_tf")
class ElasticConvBlock(keras.layers.Layer):
    """Elastic convolution, batch normalisation and an optional activation.

    Args:
        max_in_channels: Most input channels.
        max_out_channels: Most output channels.
        kernel_size: Side of the kernel.
        strides: Stride in both directions.
        activation: Name of the activation function, or None for a linear block.
        kernel_initializer: Initialiser of the convolution.

    Call arguments:
        inputs: `[batch, height, width, c]`.
        out_channels: Scalar int32.
        training: Whether to normalise by the batch's own statistics.
        calibration_weight: See `ElasticBatchNormalization`.

    Returns:
        `[batch, ceil(height / strides), ceil(width / strides), out_channels]`.
    """

    def __init__(
        self,
        max_in_channels: int,
        max_out_channels: int,
        kernel_size: int = 1,
        strides: int = 1,
        activation: str | None = None,
        kernel_initializer="he_normal",
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.activation = activation
        self.conv = ElasticConv2D(
            max_in_channels, max_out_channels, kernel_size, strides, kernel_initializer, name="conv"
        )
        self.bn = ElasticBatchNormalization(max_out_channels, name="bn")

    def build(self, input_shape=None) -> None:
        """Create the weights of both layers."""
        self.conv.build()
        self.bn.build()
        self.built = True

    def call(self, inputs, out_channels, training=False, calibration_weight=None):
        """Convolve, normalise, activate."""
        x = self.conv(inputs, out_channels=out_channels)
        x = self.bn(x, training=training, calibration_weight=calibration_weight)
        return activate(x, self.activation)

    def get_config(self) -> dict:
        """Arguments of the constructor."""
        conv = self.conv.get_config()
        keys = ("max_in_channels", "max_out_channels", "kernel_size", "strides", "kernel_initializer")
        return {**super().get_config(), **{key: conv[key] for key in keys}, "activation": self.activation}


@keras.saving.register_keras_serializable(package="splitnets_tf")
class ElasticMBConv(keras.layers.Layer):
    """Inverted residual with elastic width, expansion ratio and kernel size.

    Args:
        max_in_channels: Most input channels.
        max_out_channels: Most output channels.
        max_kernel_size: Largest depthwise kernel.
        max_expansion: Largest expansion ratio; 1 means that there is no expansion convolution.
        strides: Stride of the depthwise convolution.
        residual: Whether the input is added to the output.
        activation: Name of the activation function.

    Call arguments:
        inputs: `[batch, height, width, c]`.
        out_channels: Scalar int32; equal to c where `residual` is set.
        kernel_size: Scalar int32.
        expansion: Scalar int32.
        training: Whether to normalise by the batch's own statistics.
        calibration_weight: See `ElasticBatchNormalization`.

    Returns:
        `[batch, ceil(height / strides), ceil(width / strides), out_channels]`.

    Reference:
        MobileNetV2 (inverted residuals); SplitNets, section 3.1.
    """

    def __init__(
        self,
        max_in_channels: int,
        max_out_channels: int,
        max_kernel_size: int,
        max_expansion: int,
        strides: int = 1,
        residual: bool = False,
        activation: str = "relu6",
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.max_in_channels = max_in_channels
        self.max_out_channels = max_out_channels
        self.max_kernel_size = max_kernel_size
        self.max_expansion = max_expansion
        self.strides = strides
        self.residual = residual
        self.activation = activation
        hidden = max_in_channels * max_expansion
        self.expand = None
        if max_expansion > 1:
            self.expand = ElasticConvBlock(max_in_channels, hidden, activation=activation, name="expand")
        self.depthwise = ElasticDepthwiseConv2D(hidden, max_kernel_size, strides, name="depthwise")
        self.depthwise_bn = ElasticBatchNormalization(hidden, name="depthwise_bn")
        self.project = ElasticConvBlock(hidden, max_out_channels, name="project")

    def build(self, input_shape=None) -> None:
        """Create the weights of every layer."""
        for layer in (self.expand, self.depthwise, self.depthwise_bn, self.project):
            if layer is not None:
                layer.build()
        self.built = True

    def call(self, inputs, out_channels, kernel_size, expansion, training=False, calibration_weight=None):
        """Expand, filter, project and add the shortcut."""
        mode = {"training": training, "calibration_weight": calibration_weight}
        x = inputs
        if self.expand is not None:
            x = self.expand(x, out_channels=tf.shape(inputs)[-1] * expansion, **mode)
        x = self.depthwise(x, kernel_size=kernel_size)
        x = activate(self.depthwise_bn(x, **mode), self.activation)
        x = self.project(x, out_channels=out_channels, **mode)
        return inputs + x if self.residual else x

    def get_config(self) -> dict:
        """Arguments of the constructor."""
        keys = (
            "max_in_channels",
            "max_out_channels",
            "max_kernel_size",
            "max_expansion",
            "strides",
            "residual",
            "activation",
        )
        return {**super().get_config(), **{key: getattr(self, key) for key in keys}}
