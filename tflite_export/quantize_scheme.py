"""The 8-bit scheme for one segment of a split network: TF-MOT's default with input ranges that are known.

A camera delivers bytes, so the image's scale is 1/255 and its zero point -128 by definition. The range of the feature
that crosses the link is the sensor's to set; the aggregator takes it over. Neither is learned.
"""

import tensorflow as tf
import tensorflow_model_optimization as tfmot
from tensorflow_model_optimization.python.core.keras.compat import keras
from tensorflow_model_optimization.python.core.quantization.keras import quantize_layer, quantizers
from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
    default_8bit_quantize_configs,
    default_8bit_quantize_layout_transform,
    default_8bit_quantize_registry,
    default_8bit_quantize_scheme,
)

from tflite_export.quantize_configs import CUSTOM_OBJECTS, LayerRegistry, rounded_hard_sigmoid

__all__ = ["BoundaryQuantizer", "quantize_segment"]

FUSED_ACTIVATIONS = frozenset({"linear", "relu", "relu6"})
"""What the converter folds into the operation before it."""


class BoundaryQuantizer(quantizers.Quantizer):
    """Quantises with a range that is assigned from outside, in training and inference alike."""

    def build(self, tensor_shape, name, layer):
        """Create the two variables; their names end in `boundary_min` and `boundary_max`."""
        return {
            name: layer.add_weight(
                f"boundary_{name}", shape=(), initializer=keras.initializers.Constant(value), trainable=False
            )
            for name, value in (("min", -1.0), ("max", 1.0))
        }

    def __call__(self, inputs, training, weights, **kwargs):
        """Round to the 256 levels of the range."""
        return tf.quantization.fake_quant_with_min_max_vars(inputs, weights["min"], weights["max"])

    def get_config(self):
        """Nothing to configure."""
        return {}


class _KnownInputLayout(default_8bit_quantize_layout_transform.Default8BitQuantizeLayoutTransform):
    """TF-MOT's graph transforms with two changes.

    The input's quantiser is replaced. And where an activation such as swish stays an operation of its own in the file,
    the tensor it reads exists there too and is rounded; TF-MOT takes every activation for one that is fused away. Of a
    hard sigmoid the converter adds the 3 to the bias and fuses the relu6, so there the convolution's result is not.
    """

    def __init__(self, input_quantizer):
        self._input_quantizer = input_quantizer

    def apply(self, model, layer_quantize_map):
        """Transform, then change the entries of the map."""
        model, layer_quantize_map = super().apply(model, layer_quantize_map)
        serialized = quantize_layer.serialize_keras_object(self._input_quantizer)
        for layer in model.layers:
            if isinstance(layer, quantize_layer.QuantizeLayer):
                layer_quantize_map[layer.name] = {"quantizer": serialized}
                if len(layer._outbound_nodes) > 1:
                    layer.quantizer = self._input_quantizer
                    layer.quantizer_vars = self._input_quantizer.build(None, layer.name, layer)
            elif isinstance(layer, keras.layers.Activation) and layer.activation.__name__ not in FUSED_ACTIVATIONS:
                for source in _layers_before(layer):
                    config = _config_before(layer, source)
                    if config is not None:
                        layer_quantize_map[source.name]["quantize_config"] = config
        return model, layer_quantize_map


def _layers_before(layer):
    return [node.layer for tensor_node in layer.inbound_nodes for node in tensor_node.parent_nodes]


def _config_before(activation, source):
    """How what an unfused activation reads is rounded; None where TF-MOT does that right."""
    if isinstance(source, keras.layers.BatchNormalization):
        return default_8bit_quantize_configs.Default8BitOutputQuantizeConfig()
    if isinstance(source, keras.layers.Conv2D) and activation.activation is rounded_hard_sigmoid:
        return default_8bit_quantize_registry.Default8BitConvQuantizeConfig(["kernel"], [], False)
    return None


class _KnownInputScheme(default_8bit_quantize_scheme.Default8BitQuantizeScheme):
    def __init__(self, input_quantizer):
        super().__init__()
        self._input_quantizer = input_quantizer

    def get_layout_transformer(self):
        """The transforms of this scheme."""
        return _KnownInputLayout(self._input_quantizer)

    def get_quantize_registry(self):
        """The layers of this scheme."""
        return LayerRegistry()


@tf.autograph.experimental.do_not_convert
def quantize_segment(model, *, first: bool):
    """Make the quantisation-aware twin of a float segment; weights are copied.

    No layer needs AutoGraph, whose reading of their source takes half of the time.

    Args:
        model: tf_keras functional model.
        first: Whether its input is the image in [0, 1]; otherwise it is the feature of the segment before.

    Returns:
        tf_keras functional model with the same input and output shapes.
    """
    input_quantizer = (
        quantizers.FixedQuantizer(num_bits=8, init_min=0.0, init_max=1.0, narrow_range=False)
        if first
        else BoundaryQuantizer()
    )
    scheme_objects = {
        "BoundaryQuantizer": BoundaryQuantizer,
        "FixedQuantizer": quantizers.FixedQuantizer,
        **CUSTOM_OBJECTS,
    }
    with tfmot.quantization.keras.quantize_scope(scheme_objects):
        annotated = tfmot.quantization.keras.quantize_annotate_model(model)
        return tfmot.quantization.keras.quantize_apply(annotated, scheme=_KnownInputScheme(input_quantizer))
