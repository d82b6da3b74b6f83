"""Layers whose weights are slices of the largest ones, with widths and kernel sizes that may be tensors.

One traced graph serves every architecture: the number of channels is read off the input, the wanted width is a
scalar tensor, and the kernel is sliced to fit. A smaller depthwise kernel is the centre of the largest.
"""

import keras
import tensorflow as tf

__all__ = ["ElasticBatchNormalization", "ElasticConv2D", "ElasticDense", "ElasticDepthwiseConv2D"]


@keras.saving.register_keras_serializable(package="splitnets_tf")
class ElasticConv2D(keras.layers.Layer):
    """Convolution without bias that uses the first channels of its kernel.

    Args:
        max_in_channels: Most input channels, of one view where there are several.
        max_out_channels: Most output channels.
        kernel_size: Side of the kernel.
        strides: Stride in both directions.
        kernel_initializer: Initialiser; it sees the full kernel's shape.
        views: Views whose channels follow one another in the input. Each view's part of the kernel is sliced by
            itself, so that a view keeps its weights whatever the number of channels.

    Call arguments:
        inputs: `[batch, height, width, views * c]` with c at most `max_in_channels`.
        out_channels: Scalar int32, the output channels.

    Returns:
        `[batch, ceil(height / strides), ceil(width / strides), out_channels]`.
    """

    def __init__(
        self,
        max_in_channels: int,
        max_out_channels: int,
        kernel_size: int = 1,
        strides: int = 1,
        kernel_initializer="he_normal",
        views: int = 1,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.max_in_channels = max_in_channels
        self.max_out_channels = max_out_channels
        self.kernel_size = kernel_size
        self.strides = strides
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.views = views

    def build(self, input_shape=None) -> None:
        """Create the largest kernel."""
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.kernel_size, self.kernel_size, self.views * self.max_in_channels, self.max_out_channels),
            initializer=self.kernel_initializer,
        )
        self.built = True

    def call(self, inputs, out_channels):
        """Convolve with the slice of the kernel."""
        kernel = self.sliced(tf.shape(inputs)[-1] // self.views, out_channels)
        return tf.nn.conv2d(inputs, kernel, self.strides, "SAME")

    def sliced(self, in_channels, out_channels):
        """The part of the kernel that so many channels (of each view) use.

        Args:
            in_channels: Input channels of one view, an integer or a scalar tensor.
            out_channels: Output channels.

        Returns:
            `[k, k, views * in_channels, out_channels]`.
        """
        kernel = tf.convert_to_tensor(self.kernel)
        if self.views == 1:
            return kernel[:, :, :in_channels, :out_channels]
        side = [self.kernel_size, self.kernel_size]
        kernel = tf.reshape(kernel, [*side, self.views, self.max_in_channels, self.max_out_channels])
        kernel = kernel[:, :, :, :in_channels, :out_channels]
        return tf.reshape(kernel, [*side, self.views * in_channels, out_channels])

    def get_config(self) -> dict:
        """Arguments of the constructor."""
        return {
            **super().get_config(),
            "max_in_channels": self.max_in_channels,
            "max_out_channels": self.max_out_channels,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "views": self.views,
        }


@keras.saving.register_keras_serializable(package="splitnets_tf")
class ElasticDepthwiseConv2D(keras.layers.Layer):
    """Depthwise convolution without bias with an elastic number of channels and kernel size.

    Args:
        max_channels: Most channels.
        max_kernel_size: Largest side of the kernel; a smaller one is its centre.
        strides: Stride in both directions.
        kernel_initializer: Initialiser of `[k, k, max_channels, 1]`. The default keeps the variance of each channel
            (fan-in of a depthwise kernel is k^2).

    Call arguments:
        inputs: `[batch, height, width, c]`.
        kernel_size: Scalar int32, odd, at most `max_kernel_size`.

    Returns:
        `[batch, ceil(height / strides), ceil(width / strides), c]`.
    """

    def __init__(
        self, max_channels: int, max_kernel_size: int, strides: int = 1, kernel_initializer=None, **kwargs
    ) -> None:
        super().__init__(**kwargs)
        self.max_channels = max_channels
        self.max_kernel_size = max_kernel_size
        self.strides = strides
        default = keras.initializers.RandomNormal(stddev=(2.0 / max_kernel_size**2) ** 0.5)
        self.kernel_initializer = keras.initializers.get(kernel_initializer or default)

    def build(self, input_shape=None) -> None:
        """Create the largest kernel."""
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.max_kernel_size, self.max_kernel_size, self.max_channels, 1),
            initializer=self.kernel_initializer,
        )
        self.built = True

    def call(self, inputs, kernel_size):
        """Convolve each channel with the centre of its kernel."""
        start = (self.max_kernel_size - kernel_size) // 2
        stop = start + kernel_size
        kernel = tf.convert_to_tensor(self.kernel)[start:stop, start:stop, : tf.shape(inputs)[-1], :]
        return tf.nn.depthwise_conv2d(inputs, kernel, [1, self.strides, self.strides, 1], "SAME")

    def get_config(self) -> dict:
        """Arguments of the constructor."""
        return {
            **super().get_config(),
            "max_channels": self.max_channels,
            "max_kernel_size": self.max_kernel_size,
            "strides": self.strides,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


@keras.saving.register_keras_serializable(package="splitnets_tf")
class ElasticBatchNormalization(keras.layers.Layer):
    """Batch normalisation of the first channels, with statistics that are calibrated instead of tracked.

    Moving averages over differing architectures are meaningless, so training never touches them. A calibration pass
    over training batches fills them for one architecture as a cumulative mean; inference then reads them.

    Scale, offset and statistics keep their precision under a mixed policy: the fused operation takes 16-bit inputs with
    32-bit parameters.

    Args:
        max_channels: Most channels.
        epsilon: Added to the variance.
        gamma_initializer: Initialiser of the scale.

    Call arguments:
        inputs: `[batch, height, width, c]`.
        training: Whether to normalise by the batch's own statistics.
        calibration_weight: Scalar float32 or None. Where given, the batch's statistics are used and also mixed into
            the stored ones with this weight: 1 / (i + 1) for the i-th batch yields their mean over all batches.

    Returns:
        Tensor of the inputs' shape.
    """

    def __init__(self, max_channels: int, epsilon: float = 1e-3, gamma_initializer="ones", **kwargs) -> None:
        super().__init__(**kwargs)
        self.max_channels = max_channels
        self.epsilon = epsilon
        self.gamma_initializer = keras.initializers.get(gamma_initializer)

    def build(self, input_shape=None) -> None:
        """Create scale, offset and the two statistics."""
        shape = (self.max_channels,)
        options = {"shape": shape, "autocast": False}
        self.gamma = self.add_weight(name="gamma", initializer=self.gamma_initializer, **options)
        self.beta = self.add_weight(name="beta", initializer="zeros", **options)
        self.moving_mean = self.add_weight(name="moving_mean", initializer="zeros", trainable=False, **options)
        self.moving_variance = self.add_weight(name="moving_variance", initializer="ones", trainable=False, **options)
        self.built = True

    def call(self, inputs, training=False, calibration_weight=None):
        """Normalise each channel."""
        channels = tf.shape(inputs)[-1]
        gamma = tf.convert_to_tensor(self.gamma)[:channels]
        beta = tf.convert_to_tensor(self.beta)[:channels]
        if training or calibration_weight is not None:
            outputs, mean, variance = _normalise_batch(inputs, gamma, beta, self.epsilon)
            if calibration_weight is not None:
                weight = tf.cast(calibration_weight, gamma.dtype)
                self._mix(self.moving_mean, mean, channels, weight)
                self._mix(self.moving_variance, variance, channels, weight)
            return outputs
        mean = tf.convert_to_tensor(self.moving_mean)[:channels]
        variance = tf.convert_to_tensor(self.moving_variance)[:channels]
        return _normalise(inputs, gamma, beta, mean, variance, self.epsilon)

    def _mix(self, variable, value, channels, weight) -> None:
        old = tf.convert_to_tensor(variable)[:channels]
        # The first batch (weight 1) must not see what another architecture left, not even a NaN.
        mixed = tf.where(weight < 1.0, old * (1.0 - weight), tf.zeros_like(old)) + value * weight
        variable.assign(tf.pad(mixed, [[0, self.max_channels - channels]]))

    def get_config(self) -> dict:
        """Arguments of the constructor."""
        return {
            **super().get_config(),
            "max_channels": self.max_channels,
            "epsilon": self.epsilon,
            "gamma_initializer": keras.initializers.serialize(self.gamma_initializer),
        }


def _normalise_batch(x, gamma, beta, epsilon: float):
    """Normalise by the batch's own statistics; returns the outputs, the mean and the unbiased variance."""
    if x.dtype == tf.float64:  # the fused operation does not know it
        mean, variance = tf.nn.moments(x, axes=[0, 1, 2])
        count = tf.cast(tf.size(x) / tf.size(mean), x.dtype)
        unbiased = variance * count / tf.maximum(count - 1.0, 1.0)
        return _normalise(x, gamma, beta, mean, variance, epsilon), mean, unbiased
    outputs = tf.raw_ops.FusedBatchNormV3(
        x=x, scale=gamma, offset=beta, mean=[], variance=[], epsilon=epsilon, is_training=True
    )
    return outputs.y, outputs.batch_mean, outputs.batch_variance


def _normalise(x, gamma, beta, mean, variance, epsilon: float):
    """Normalise by given statistics."""
    if x.dtype == tf.float64:
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, epsilon)
    return tf.raw_ops.FusedBatchNormV3(
        x=x, scale=gamma, offset=beta, mean=mean, variance=variance, epsilon=epsilon, is_training=False
    ).y


@keras.saving.register_keras_serializable(package="splitnets_tf")
class ElasticDense(keras.layers.Layer):
    """Dense layer that uses the first rows, and where asked for the first columns, of its kernel.

    Args:
        max_in_features: Most input features.
        units: Most output features.
        use_bias: Whether a bias is added.
        kernel_initializer: Initialiser; it sees the full kernel's shape.

    Call arguments:
        inputs: `[batch, c]` with c at most `max_in_features`.
        out_features: Scalar int32, the output features; None for `units`.

    Returns:
        `[batch, out_features]`.
    """

    def __init__(
        self, max_in_features: int, units: int, use_bias: bool = True, kernel_initializer="glorot_uniform", **kwargs
    ) -> None:
        super().__init__(**kwargs)
        self.max_in_features = max_in_features
        self.units = units
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape=None) -> None:
        """Create the kernel and, where there is one, the bias."""
        self.kernel = self.add_weight(
            name="kernel", shape=(self.max_in_features, self.units), initializer=self.kernel_initializer
        )
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")
        self.built = True

    def call(self, inputs, out_features=None):
        """Multiply by the slice of the kernel and add that of the bias."""
        x = tf.matmul(inputs, tf.convert_to_tensor(self.kernel)[: tf.shape(inputs)[-1], :out_features])
        return x + tf.convert_to_tensor(self.bias)[:out_features] if self.use_bias else x

    def get_config(self) -> dict:
        """Arguments of the constructor."""
        return {
            **super().get_config(),
            "max_in_features": self.max_in_features,
            "units": self.units,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
