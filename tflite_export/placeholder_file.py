"""A graph as an int8 .tflite file with placeholder weights: what a compiler prices long before a network is trained.

Training, quantisation and conversion of one architecture take seconds to minutes, this a few milliseconds. Shapes,
operations and the order of operations are those of the exported file; weights are random, with the spread of trained
ones, for a compiler may compress them. Written through the schema; no TensorFlow.
"""

import math
from collections.abc import Callable
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from splitnets_tf.hardware import Graph, Operation, fuse_int8

__all__ = ["placeholder_file"]

_SCALE = 0.05
_WEIGHT_SCALE = 0.01
_FUNCTIONS = {"": "NONE", "relu": "RELU", "relu6": "RELU6", "relu_n1_to_1": "RELU_N1_TO_1"}
_WEIGHT_SPREAD = 40.0
"""Standard deviation of a trained kernel's int8 weights."""


def placeholder_file(graph: Graph, *, seed: int = 0) -> bytes:
    """Write the int8 lowering of a graph.

    Args:
        graph: A network of a search space or a part of one; lowered here.
        seed: Of the weights.

    Returns:
        The flatbuffer.

    Raises:
        ValueError: An operation has no form here.
    """
    return _Writer(fuse_int8(graph), np.random.default_rng(seed)).write()


class _Writer:
    """Operation by operation; tensors of the graph keep their names."""

    def __init__(self, graph: Graph, rng: np.random.Generator) -> None:
        self._graph = graph
        self._rng = rng
        self._model = schema.ModelT()
        self._model.version, self._model.operatorCodes = 3, []
        self._model.buffers = [schema.BufferT()]
        self._subgraph = schema.SubGraphT()
        self._subgraph.tensors, self._subgraph.operators = [], []
        self._model.subgraphs = [self._subgraph]
        self._codes: dict[str, int] = {}
        self._indices: dict[str, int] = {}
        self._emitters: dict[str, Callable[[Operation], None]] = {
            "conv2d": self._conv,
            "depthwise_conv2d": self._depthwise,
            "dense": self._dense,
            "add": self._add,
            "multiply": self._multiply,
            "average_pool": self._average_pool,
            "global_average_pool": self._mean,
            "activation": self._activation,
        }

    def write(self) -> bytes:
        for name in self._graph.inputs:
            self._activation_tensor(name)
        for operation in self._graph.operations:
            if operation.kind not in self._emitters:
                raise ValueError(f"operation {operation.name!r} of kind {operation.kind!r} has no placeholder")
            self._emitters[operation.kind](operation)
        self._subgraph.inputs = [self._indices[name] for name in self._graph.inputs]
        self._subgraph.outputs = [self._indices[name] for name in self._graph.outputs]
        builder = flatbuffers.Builder(1024)
        builder.Finish(self._model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())

    def _conv(self, operation: Operation) -> None:
        options = schema.Conv2DOptionsT()
        _place(options, operation)
        inputs, channels = self._shape(operation.inputs[0])[-1], self._shape(operation.outputs[0])[-1]
        kernel = self._kernel(operation, (channels, *_size(operation), inputs // operation.groups), axis=0)
        self._emit("CONV_2D", operation, [kernel, self._bias(operation, channels)], options, "Conv2DOptions")

    def _depthwise(self, operation: Operation) -> None:
        options = schema.DepthwiseConv2DOptionsT()
        _place(options, operation)
        options.depthMultiplier = 1
        channels = self._shape(operation.outputs[0])[-1]
        kernel = self._kernel(operation, (1, *_size(operation), channels), axis=3)
        bias = self._bias(operation, channels)
        self._emit("DEPTHWISE_CONV_2D", operation, [kernel, bias], options, "DepthwiseConv2DOptions")

    def _dense(self, operation: Operation) -> None:
        """As the export writes it: a 1x1 convolution, and logits without height and width."""
        options = schema.Conv2DOptionsT()
        options.padding, options.strideH, options.strideW = schema.Padding.SAME, 1, 1
        options.dilationHFactor = options.dilationWFactor = 1
        options.fusedActivationFunction = getattr(schema.ActivationFunctionType, _FUNCTIONS[operation.function])
        inputs, channels = self._shape(operation.inputs[0])[-1], self._shape(operation.outputs[0])[-1]
        kernel = self._kernel(operation, (channels, 1, 1, inputs), axis=0)
        self._emit("CONV_2D", operation, [kernel, self._bias(operation, channels)], options, "Conv2DOptions")

    def _add(self, operation: Operation) -> None:
        options = schema.AddOptionsT()
        options.fusedActivationFunction = getattr(schema.ActivationFunctionType, _FUNCTIONS[operation.function])
        self._emit("ADD", operation, self._scalar(operation), options, "AddOptions")

    def _multiply(self, operation: Operation) -> None:
        options = schema.MulOptionsT()
        options.fusedActivationFunction = getattr(schema.ActivationFunctionType, _FUNCTIONS[operation.function])
        self._emit("MUL", operation, self._scalar(operation), options, "MulOptions")

    def _average_pool(self, operation: Operation) -> None:
        options = schema.Pool2DOptionsT()
        _place(options, operation, dilated=False)
        options.filterHeight, options.filterWidth = _size(operation)
        self._emit("AVERAGE_POOL_2D", operation, [], options, "Pool2DOptions")

    def _mean(self, operation: Operation) -> None:
        options = schema.ReducerOptionsT()
        options.keepDims = True
        axes = self._tensor(f"{operation.name}/axes", (2,), data=np.array([1, 2], np.int32), kind="INT32")
        self._emit("MEAN", operation, [axes], options, "ReducerOptions")

    def _activation(self, operation: Operation) -> None:
        if operation.function == "sigmoid":
            self._emit("LOGISTIC", operation, [], None, "NONE", quantization=(1 / 256, -128))
        elif operation.function == "hard_swish":
            self._emit("HARD_SWISH", operation, [], schema.HardSwishOptionsT(), "HardSwishOptions")
        else:
            raise ValueError(f"operation {operation.name!r}: no placeholder for the function {operation.function!r}")

    def _emit(
        self,
        name: str,
        operation: Operation,
        constants: list[int],
        options: Any,
        options_name: str,
        quantization: tuple[float, int] = (_SCALE, 0),
    ) -> None:
        if name not in self._codes:
            code = schema.OperatorCodeT()
            code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
            code.version = 2
            self._codes[name] = len(self._model.operatorCodes)
            self._model.operatorCodes.append(code)
        made = schema.OperatorT()
        made.opcodeIndex = self._codes[name]
        made.inputs = [self._indices[source] for source in operation.inputs] + constants
        made.outputs = [self._activation_tensor(operation.outputs[0], *quantization)]
        made.builtinOptions = options
        made.builtinOptionsType = getattr(schema.BuiltinOptions, options_name)
        self._subgraph.operators.append(made)

    def _activation_tensor(self, name: str, scale: float = _SCALE, zero_point: int = 0) -> int:
        shape = self._shape(name)
        shape = (1, 1, *shape) if len(shape) == 1 else shape
        self._indices[name] = self._tensor(name, (1, *shape), scales=(scale,), zero_point=zero_point)
        return self._indices[name]

    def _kernel(self, operation: Operation, shape: tuple[int, ...], axis: int) -> int:
        values = np.clip(self._rng.normal(0.0, _WEIGHT_SPREAD, shape), -127, 127).astype(np.int8)
        scales = (_WEIGHT_SCALE,) * shape[axis]
        return self._tensor(f"{operation.name}/kernel", shape, scales=scales, axis=axis, data=values)

    def _bias(self, operation: Operation, channels: int) -> int:
        scales = (_SCALE * _WEIGHT_SCALE,) * channels
        zeros = np.zeros(channels, np.int32)
        return self._tensor(f"{operation.name}/bias", (channels,), scales=scales, data=zeros, kind="INT32")

    def _scalar(self, operation: Operation) -> list[int]:
        """The constant operand of an operation with one tensor; none where it has two."""
        if len(operation.inputs) > 1:
            return []
        value = np.array(127, np.int8)
        return [self._tensor(f"{operation.name}/constant", (), scales=(_WEIGHT_SCALE,), data=value)]

    def _shape(self, name: str) -> tuple[int, ...]:
        return self._graph.tensor(name).shape

    def _tensor(
        self,
        name: str,
        shape: tuple[int, ...],
        *,
        scales: tuple[float, ...] = (),
        zero_point: int = 0,
        axis: int = 0,
        data: np.ndarray | None = None,
        kind: str = "INT8",
    ) -> int:
        made = schema.TensorT()
        made.name, made.shape, made.type = name, list(shape), getattr(schema.TensorType, kind)
        if scales:
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale, made.quantization.zeroPoint = list(scales), [zero_point] * len(scales)
            made.quantization.quantizedDimension = axis
        made.buffer = 0
        if data is not None:
            made.buffer = len(self._model.buffers)
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(data.tobytes(), np.uint8)
            self._model.buffers.append(buffer)
        self._subgraph.tensors.append(made)
        return len(self._subgraph.tensors) - 1


def _size(operation: Operation) -> tuple[int, int]:
    if operation.kernel_size is None or math.prod(operation.kernel_size) < 1:
        raise ValueError(f"operation {operation.name!r} has no window")
    return operation.kernel_size


def _place(options: Any, operation: Operation, *, dilated: bool = True) -> None:
    options.padding = schema.Padding.SAME if operation.padding == "same" else schema.Padding.VALID
    options.strideH, options.strideW = operation.strides
    if dilated:
        options.dilationHFactor = options.dilationWFactor = 1
    options.fusedActivationFunction = getattr(schema.ActivationFunctionType, _FUNCTIONS[operation.function])
