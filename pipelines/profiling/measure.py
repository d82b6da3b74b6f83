"""One operation of a layered space as an int8 .tflite file of its own."""

import numpy as np

from splitnets_tf.quiet_tensorflow import dropping_notes
from splitnets_tf.space import OperationShape
from splitnets_tf.supernet.materialize import add_keras_block

__all__ = ["convert_operation"]

_CALIBRATION = 4


def convert_operation(shape: OperationShape) -> bytes:
    """The operation with random weights as an int8 file; values do not matter for its time."""
    import keras
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    side = (shape.size, shape.size, shape.in_channels)
    inputs = keras.Input(side)
    model = keras.Model(inputs, add_keras_block(keras, shape.block, inputs))
    function = tf.function(lambda x: model(x, training=False), autograph=False)
    concrete = function.get_concrete_function(tf.TensorSpec([1, *side], tf.float32))
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [convert_variables_to_constants_v2(concrete)], tf.Module()
    )
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    rng = np.random.default_rng(0)
    samples = [rng.random((1, *side), dtype=np.float32) for _ in range(_CALIBRATION)]
    converter.representative_dataset = lambda: ([sample] for sample in samples)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    with dropping_notes():
        return converter.convert()
