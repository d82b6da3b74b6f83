"""How each kind of layer is quantised, where that differs from TF-MOT's 8-bit registry.

TF-MOT takes the last axis of a kernel for its output channels. A depthwise kernel `[k, k, channels, 1]` keeps its
channels on the axis before, so it would be rounded with one scale for all channels, while the file stores a scale for
each. TF-MOT knows neither the product of squeeze-and-excitation nor the piecewise linear activations, and rounds an
average with a scale of its own, which the file cannot have. A layer that neither registry knows ends the export with
a message that names it.
"""

import tensorflow as tf
from tensorflow_model_optimization.python.core.keras.compat import keras
from tensorflow_model_optimization.python.core.quantization.keras import quantizers
from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
    default_8bit_quantize_configs,
    default_8bit_quantize_registry,
)

from splitnets_tf.layers import hard_swish

__all__ = ["CUSTOM_OBJECTS", "DepthwiseQuantizer", "LayerRegistry", "rounded_hard_sigmoid"]


class DepthwiseQuantizer(quantizers.Quantizer):
    """Symmetric 8 bits for each channel of a depthwise kernel, with the range of its last values."""

    def build(self, tensor_shape, name, layer):
        """Create the two range variables, one value a channel."""
        channels = int(tensor_shape[2]) * int(tensor_shape[3])
        return {
            end: layer.add_weight(
                f"{name}_{end}",
                shape=(channels,),
                initializer=keras.initializers.Constant(value),
                trainable=False,
            )
            for end, value in (("min", -1.0), ("max", 1.0))
        }

    def __call__(self, inputs, training, weights, **kwargs):
        """Round the kernel; in training take its range first."""
        height, width, channels, multiplier = inputs.shape
        kernel = tf.reshape(inputs, [height, width, channels * multiplier])
        low, high = weights["min"], weights["max"]
        if training:
            largest = tf.reduce_max(tf.abs(kernel), axis=[0, 1])
            low, high = low.assign(-largest), high.assign(largest)
        rounded = tf.quantization.fake_quant_with_min_max_vars_per_channel(kernel, low, high, narrow_range=True)
        return tf.reshape(rounded, inputs.shape)

    def get_config(self):
        """Nothing to configure."""
        return {}


class DepthwiseConfig(default_8bit_quantize_registry.Default8BitQuantizeConfig):
    """TF-MOT's config of a convolution with the quantiser above."""

    def __init__(self, weight_attrs=("depthwise_kernel",), activation_attrs=("activation",), quantize_output=False):
        super().__init__(list(weight_attrs), list(activation_attrs), quantize_output)
        self.weight_quantizer = DepthwiseQuantizer()


def rounded_hard_sigmoid(x):
    """The hard sigmoid as the file computes it: relu6(x + 3) is a tensor there, and is rounded."""
    shifted = tf.quantization.fake_quant_with_min_max_args(tf.nn.relu6(x + 3.0), min=0.0, max=6.0)
    return shifted * (1.0 / 6.0)


class LayerRegistry(default_8bit_quantize_registry.Default8BitQuantizeRegistry):
    """TF-MOT's registry with our entries."""

    def __init__(self):
        super().__init__()
        self._layer_quantize_map[keras.layers.DepthwiseConv2D] = DepthwiseConfig()
        self._layer_quantize_map[keras.layers.Multiply] = (
            default_8bit_quantize_configs.Default8BitOutputQuantizeConfig()
        )
        # An average has the scale of what it averages; so it is not rounded by itself.
        self._layer_quantize_map[keras.layers.AveragePooling2D] = default_8bit_quantize_configs.NoOpQuantizeConfig()

    def get_quantize_config(self, layer):
        """TF-MOT's answer, but for the activations it does not know."""
        if isinstance(layer, keras.layers.Activation) and layer.activation.__name__ in _OWN_ACTIVATIONS:
            return default_8bit_quantize_configs.Default8BitOutputQuantizeConfig()
        return super().get_quantize_config(layer)


_OWN_ACTIVATIONS = frozenset({hard_swish.__name__, rounded_hard_sigmoid.__name__})
CUSTOM_OBJECTS = {
    "DepthwiseConfig": DepthwiseConfig,
    "DepthwiseQuantizer": DepthwiseQuantizer,
    "hard_swish": hard_swish,
    "hard_sigmoid": rounded_hard_sigmoid,
    "rounded_hard_sigmoid": rounded_hard_sigmoid,
}
"""What deserialisation has to know, by name; a hard sigmoid comes back as its rounded form."""
