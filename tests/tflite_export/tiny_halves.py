"""Two int8 halves of one or more views, written through the schema: a convolution, and a dense layer on all views."""

from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

SIZE = 8
CLASSES = 3
FEATURE = (1, 4, 4, 4)
FEATURE_BYTES = 64
_BOUNDARY = (0.02, 5)


class _Model:
    """One graph in the making."""

    def __init__(self):
        self.model = schema.ModelT()
        self.model.version, self.model.operatorCodes = 3, []
        self.model.buffers = [schema.BufferT()]
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.model.subgraphs = [self.graph]

    def tensor(self, name, shape, scale, zero_point=0, data=None, kind="INT8"):
        """Add a tensor; returns its index."""
        made = schema.TensorT()
        made.name, made.shape, made.type = name, list(shape), getattr(schema.TensorType, kind)
        made.quantization = schema.QuantizationParametersT()
        made.quantization.scale, made.quantization.zeroPoint = [scale], [zero_point]
        made.buffer = 0
        if data is not None:
            made.buffer = len(self.model.buffers)
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(data.tobytes(), np.uint8)
            self.model.buffers.append(buffer)
        self.graph.tensors.append(made)
        return len(self.graph.tensors) - 1

    def operator(self, name, inputs, outputs, options, options_name, version):
        """Add an operator."""
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
        code.version = version
        self.model.operatorCodes.append(code)
        made = schema.OperatorT()
        made.opcodeIndex = len(self.model.operatorCodes) - 1
        made.inputs, made.outputs = inputs, outputs
        made.builtinOptions, made.builtinOptionsType = options, getattr(schema.BuiltinOptions, options_name)
        self.graph.operators.append(made)

    def write(self, path, inputs, outputs):
        """Write the file."""
        self.graph.inputs, self.graph.outputs = inputs, outputs
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), file_identifier=b"TFL3")
        path.write_bytes(bytes(builder.Output()))


def write_halves(folder: Path, views: int, seed: int = 0) -> Path:
    """Write `sensor.tflite` and `aggregator.tflite`, of random weights."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    _sensor(rng).write(folder / "sensor.tflite", [0], [3])
    aggregator, inputs, output = _aggregator(rng, views)
    aggregator.write(folder / "aggregator.tflite", inputs, [output])
    return folder


def write_scalar(path: Path) -> Path:
    """Write a file whose only input has no axis."""
    made = _Model()
    made.tensor("scalar", (), *_BOUNDARY)
    made.tensor("matrix", (1, 1), *_BOUNDARY)
    options = schema.ReshapeOptionsT()
    options.newShape = [1, 1]
    made.operator("RESHAPE", [0], [1], options, "ReshapeOptions", version=1)
    made.write(path, [0], [1])
    return path


def _weights(rng, shape):
    return rng.integers(-127, 128, shape, dtype=np.int8)


def _sensor(rng):
    made = _Model()
    made.tensor("image", (1, SIZE, SIZE, 3), 1 / 255, -128)
    made.tensor("kernel", (4, 3, 3, 3), 0.01, data=_weights(rng, (4, 3, 3, 3)))
    made.tensor("bias", (4,), 0.01 / 255, data=rng.integers(-9, 9, 4).astype(np.int32), kind="INT32")
    made.tensor("feature", FEATURE, *_BOUNDARY)
    options = schema.Conv2DOptionsT()
    options.padding, options.strideH, options.strideW = schema.Padding.SAME, 2, 2
    options.dilationHFactor = options.dilationWFactor = 1
    made.operator("CONV_2D", [0, 1, 2], [3], options, "Conv2DOptions", version=3)
    return made


def _aggregator(rng, views):
    made = _Model()
    inputs = [made.tensor(f"view_{view}", FEATURE, *_BOUNDARY) for view in range(views)]
    fused = inputs[0]
    if views > 1:
        fused = made.tensor("fused", (*FEATURE[:3], 4 * views), *_BOUNDARY)
        options = schema.ConcatenationOptionsT()
        options.axis = 3
        made.operator("CONCATENATION", inputs, [fused], options, "ConcatenationOptions", version=2)
    length = FEATURE_BYTES * views
    weights = made.tensor("weights", (CLASSES, length), 0.01, data=_weights(rng, (CLASSES, length)))
    bias = made.tensor("bias", (CLASSES,), 0.01 * _BOUNDARY[0], data=np.zeros(CLASSES, np.int32), kind="INT32")
    output = made.tensor("logits", (1, CLASSES), 0.15)
    made.operator(
        "FULLY_CONNECTED",
        [fused, weights, bias],
        [output],
        schema.FullyConnectedOptionsT(),
        "FullyConnectedOptions",
        version=4,
    )
    return made, inputs, output


def camera_images(count: int, seed: int = 3) -> np.ndarray:
    """uint8 noise at the halves' resolution."""
    return np.random.default_rng(seed).integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8)
