"""Converts a Keras 3 model to .tflite and runs the file; inputs and outputs keep their order by name."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitnets_tf.errors import UserError
from splitnets_tf.quiet_tensorflow import dropping_notes

__all__ = ["TfliteRunner", "convert"]

Arrays = list[NDArray[Any]]


def convert(model: Any, *, calibration: Sequence[Arrays] | None = None) -> bytes:
    """Converts a model with a batch of 1.

    Args:
        model: A Keras 3 model.
        calibration: Inputs, one list of batch-1 arrays for each; given, the file is fully int8, inputs and outputs too.

    Returns:
        The file's content; its signature names inputs `input0`, ... and outputs `output0`, ...

    Raises:
        UserError: If the converter cannot express the model with int8 operations.
    """
    import tensorflow as tf

    specs = [
        tf.TensorSpec((1, *tensor.shape[1:]), tf.float32, name=f"input{i}") for i, tensor in enumerate(model.inputs)
    ]

    def forward(*tensors: Any) -> dict[str, Any]:
        outputs = model(list(tensors) if len(tensors) > 1 else tensors[0], training=False)
        outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
        return {f"output{i}": tensor for i, tensor in enumerate(outputs)}

    function = tf.function(forward).get_concrete_function(*specs)
    # A converter that knows the variables freezes them; those of Keras 3 lie one level deeper.
    holder = tf.Module()
    holder.variables_of_model = [getattr(variable, "value", variable) for variable in model.variables]
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], holder)
    if calibration is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: iter([list(arrays) for arrays in calibration])
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), dropping_notes():
            warnings.simplefilter("ignore")
            content: bytes = converter.convert()
    except (RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"model {model.name!r} cannot be converted to TFLite ({reason}); use supported layers"
        ) from error
    return content


class TfliteRunner:
    """Runs a .tflite file with the reference kernels, one input at a time."""

    def __init__(self, content: bytes | Path) -> None:
        """Loads a file.

        Args:
            content: The file's content, or its path.
        """
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        data = content.read_bytes() if isinstance(content, Path) else content
        self._interpreter = Interpreter(
            model_content=data, experimental_op_resolver_type=OpResolverType.BUILTIN_REF, num_threads=1
        )
        self._run = self._interpreter.get_signature_runner()
        self.input_details = self._in_order(self._run.get_input_details())
        self.output_details = self._in_order(self._run.get_output_details())

    def __call__(self, inputs: Arrays) -> Arrays:
        """Runs one input.

        Args:
            inputs: Arrays with a batch of 1 in the model's own types.

        Returns:
            The outputs, in order.
        """
        named = {f"input{i}": array for i, array in enumerate(inputs)}
        outputs = self._run(**named)
        return [outputs[f"output{i}"] for i in range(len(outputs))]

    @property
    def input_quantisation(self) -> tuple[tuple[float, int], ...]:
        """Scale and zero point of each input."""
        pairs = (details["quantization"] for details in self.input_details)
        return tuple((float(scale), int(zero_point)) for scale, zero_point in pairs)

    def quantised(self, inputs: Arrays) -> Arrays:
        """Returns float inputs in the model's int8."""
        return [_quantise(array, details) for array, details in zip(inputs, self.input_details, strict=True)]

    def dequantised(self, outputs: Arrays) -> Arrays:
        """Returns int8 outputs as floats."""
        return [
            (array.astype(np.float32) - details["quantization"][1]) * np.float32(details["quantization"][0])
            for array, details in zip(outputs, self.output_details, strict=True)
        ]

    @staticmethod
    def _in_order(details: dict[str, Any]) -> list[Any]:
        return [details[name] for name in sorted(details, key=lambda name: int(name.lstrip("inputo")))]


def _quantise(array: NDArray[Any], details: Any) -> NDArray[np.int8]:
    scale, zero_point = details["quantization"]
    return np.clip(np.round(array / scale) + zero_point, -128, 127).astype(np.int8)
