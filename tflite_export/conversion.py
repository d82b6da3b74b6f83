"""A quantisation-aware model -> a fully int8 .tflite file with a batch of one."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

__all__ = ["convert"]

_log = logging.getLogger(__name__)


def convert(function: Callable[..., Any], input_shape: Sequence[int], *, input_names: Sequence[str]) -> bytes:
    """Convert a function whose graph carries its ranges as fake quantisation.

    The batch is fixed at one: with a variable batch the file keeps dynamic shapes, which compilers for
    micro-controllers refuse.

    Args:
        function: One float tensor `[1, *input_shape]` for each input -> float tensor.
        input_shape: Shape of each of them, without the batch.
        input_names: Names of the input tensors in the file.

    Returns:
        The flatbuffer; input and output are int8.

    Raises:
        RuntimeError: An operation has no int8 form.
    """
    specs = [tf.TensorSpec([1, *input_shape], tf.float32, name=name) for name in input_names]
    concrete = tf.function(function, autograph=False).get_concrete_function(*specs)
    # The converter saves the owner of the variables as a SavedModel first. With the Keras model as owner every layer
    # is traced anew, which takes a minute; with the variables frozen into the graph there is nothing to own.
    frozen = convert_variables_to_constants_v2(concrete)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen], tf.Module())
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    return converter.convert()
