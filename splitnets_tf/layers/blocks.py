"""Elastic blocks: convolution with normalisation, and the inverted residual (MBConv)."""

from typing import Any

import keras
import tensorflow as tf

from splitnets_tf.layers.activations import activate
from splitnets_tf.layers.elastic import ElasticBatchNormalization, ElasticConv2D, ElasticDepthwiseConv2D
from splitnets_tf.layers.regularization import Drop, drop_connect
from splitnets_tf.layers.squeeze_excite import ElasticSqueezeExcite

__all__ = ["ElasticConvBlock", "ElasticMBConv"]


@keras.saving.register_keras_serializable(package="splitnets_tf")
class ElasticConvBlock(keras.layers.Layer):
    """Elastic convolution, batch normalisation and an optional activation.

    Args:
        max_in_channels: Most input channels, of one view where there are several.
        max_out_channels: Most output channels.
        kernel_size: Side of the kernel.
        strides: Stride in both directions.
        activation: Name of the activation function, or None for a linear block.
        kernel_initializer: Initialiser of the convolution.
        views: See `ElasticConv2D`.

    Call arguments:
        inputs: `[batch, height, width, views * c]`.
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
        views: int = 1,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.activation = activation
        self.conv = ElasticConv2D(
            max_in_channels, max_out_channels, kernel_size, strides, kernel_initializer, views, name="conv"
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
        keys = ("max_in_channels", "max_out_channels", "kernel_size", "strides", "kernel_initializer", "views")
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
        max_squeeze_channels: Most channels inside the squeeze-and-excitation; 0 for a block without one.
        squeeze_activation: Activation function inside the squeeze-and-excitation.
        squeeze_gate: Its gate.
        project_shortcut: Whether a shortcut is added that averages over 2x2 where `strides` is 2 and convolves 1x1
            where input and output differ in width; excludes `residual`.
        drop_rate: Probability with which the branch beside the shortcut is dropped for an image, where `drop` says so
            and `residual` is set.

    Call arguments:
        inputs: `[batch, height, width, c]`.
        out_channels: Scalar int32; equal to c where `residual` is set.
        kernel_size: Scalar int32.
        expansion: Scalar int32.
        squeeze_channels: Scalar int32; needed where the block has a squeeze-and-excitation.
        training: Whether to normalise by the batch's own statistics.
        calibration_weight: See `ElasticBatchNormalization`.
        drop_active: Scalar bool tensor, whether branches are dropped; None for never.
        drop_seed: int32 `[2]`, needed where `drop_active` is given.

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
        max_squeeze_channels: int = 0,
        squeeze_activation: str = "relu",
        squeeze_gate: str = "hard_sigmoid",
        project_shortcut: bool = False,
        drop_rate: float = 0.0,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if residual and project_shortcut:
            raise ValueError("a block has one shortcut: give either residual or project_shortcut")
        self.max_in_channels = max_in_channels
        self.max_out_channels = max_out_channels
        self.max_kernel_size = max_kernel_size
        self.max_expansion = max_expansion
        self.strides = strides
        self.residual = residual
        self.activation = activation
        self.max_squeeze_channels = max_squeeze_channels
        self.squeeze_activation = squeeze_activation
        self.squeeze_gate = squeeze_gate
        self.project_shortcut = project_shortcut
        self.drop_rate = drop_rate
        hidden = max_in_channels * max_expansion
        self.expand = None
        if max_expansion > 1:
            self.expand = ElasticConvBlock(max_in_channels, hidden, activation=activation, name="expand")
        self.depthwise = ElasticDepthwiseConv2D(hidden, max_kernel_size, strides, name="depthwise")
        self.depthwise_bn = ElasticBatchNormalization(hidden, name="depthwise_bn")
        self.squeeze = None
        if max_squeeze_channels:
            self.squeeze = ElasticSqueezeExcite(
                hidden, max_squeeze_channels, squeeze_activation, squeeze_gate, name="squeeze"
            )
        self.project = ElasticConvBlock(hidden, max_out_channels, name="project")
        self.shortcut: Any = (
            ElasticConv2D(max_in_channels, max_out_channels, name="shortcut") if project_shortcut else None
        )

    def build(self, input_shape=None) -> None:
        """Create the weights of every layer."""
        for layer in (self.expand, self.depthwise, self.depthwise_bn, self.squeeze, self.project, self.shortcut):
            if layer is not None:
                layer.build()
        self.built = True

    def call(
        self,
        inputs,
        out_channels,
        kernel_size,
        expansion,
        squeeze_channels=None,
        training=False,
        calibration_weight=None,
        drop_active=None,
        drop_seed=None,
    ):
        """Expand, filter, scale, project and add the shortcut."""
        mode = {"training": training, "calibration_weight": calibration_weight}
        x = inputs
        if self.expand is not None:
            x = self.expand(x, out_channels=tf.shape(inputs)[-1] * expansion, **mode)
        x = self.depthwise(x, kernel_size=kernel_size)
        x = activate(self.depthwise_bn(x, **mode), self.activation)
        if self.squeeze is not None:
            x = self.squeeze(x, squeeze_channels=squeeze_channels)
        x = self.project(x, out_channels=out_channels, **mode)
        if self.residual:
            drop = None if drop_active is None else Drop(active=drop_active, seed=drop_seed)
            return inputs + drop_connect(x, self.drop_rate, drop)
        return x if self.shortcut is None else self._projected(inputs, out_channels) + x

    def _projected(self, inputs, out_channels):
        """The inputs at the block's output resolution and width."""
        x = tf.nn.avg_pool2d(inputs, 2, 2, "SAME") if self.strides == 2 else inputs
        same_width = tf.equal(tf.shape(inputs)[-1], out_channels)
        return tf.cond(same_width, lambda: x, lambda: self.shortcut(x, out_channels=out_channels))

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
            "max_squeeze_channels",
            "squeeze_activation",
            "squeeze_gate",
            "project_shortcut",
            "drop_rate",
        )
        return {**super().get_config(), **{key: getattr(self, key) for key in keys}}
