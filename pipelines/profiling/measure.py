"""One operation as an int8 .tflite file of its own, and its median time under LiteRT."""

import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from splitnets_tf.space import OperationShape
from splitnets_tf.supernet.materialize import add_keras_block

__all__ = ["convert_operation", "measure_ms"]

_CALIBRATION = 4
_WARM_UP = 10
_LEAST_MS = 20.0
"""A sample is so many invocations that it lasts at least this long: shorter ones would time the clock."""


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
    return converter.convert()


def measure_ms(path: Path, *, runs: int, threads: int) -> float:
    """Median time of one inference, after a warm-up.

    Args:
        path: The file.
        runs: Samples of which the median is taken.
        threads: Threads inside one inference.
    """
    from tflite_export.interpreter import load_interpreter

    interpreter = load_interpreter(path, threads=threads)
    detail = interpreter.get_input_details()[0]
    interpreter.set_tensor(detail["index"], np.zeros(detail["shape"], np.int8))
    once_ms = min(_timed_ms(interpreter, 1) for _ in range(_WARM_UP))
    times = max(1, round(_LEAST_MS / runs / once_ms))
    return statistics.median(_timed_ms(interpreter, times) for _ in range(runs))


def _timed_ms(interpreter: Any, times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        interpreter.invoke()
    return (time.perf_counter() - start) / times * 1e3
