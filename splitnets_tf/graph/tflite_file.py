"""The parts of a .tflite file that the cost model needs, read defensively and without TensorFlow."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitnets_tf.errors import UserError

__all__ = ["FileOperator", "FileTensor", "TfliteFile", "read_tflite_file"]

_IDENTIFIER = b"TFL3"
_BITS = {
    "FLOAT64": 64,
    "FLOAT32": 32,
    "FLOAT16": 16,
    "BFLOAT16": 16,
    "INT64": 64,
    "UINT64": 64,
    "INT32": 32,
    "UINT32": 32,
    "INT16": 16,
    "UINT16": 16,
    "INT8": 8,
    "UINT8": 8,
    "BOOL": 8,
    "INT4": 4,
    "UINT4": 4,
    "INT2": 2,
}
_MOST_ELEMENTS = 2**31
"""TensorFlow Lite counts elements and bytes in 32 bits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileTensor:
    """One tensor of the file."""

    index: int
    """Its position in the file."""

    name: str
    """Its name; unique here, a number is appended where the file repeats one."""

    shape: tuple[int, ...]
    """Its whole shape."""

    dynamic_axes: tuple[int, ...]
    """Axes behind the first one whose size is not fixed."""

    type_name: str
    """Element type, such as INT8."""

    buffer: int
    """Index of its buffer; equal for tensors that share their data."""

    buffer_bytes: int
    """Bytes of constant data in its buffer, 0 for an activation."""

    data: NDArray[np.uint8] | None
    """The constant data, None for an activation."""

    @property
    def bits(self) -> int:
        """Bits of an element."""
        return _BITS.get(self.type_name, 8)

    @property
    def size_bytes(self) -> int:
        """Bytes in memory."""
        return -(-math.prod(self.shape) * self.bits // 8)


@dataclass(frozen=True, kw_only=True, slots=True)
class FileOperator:
    """One operator of the file."""

    name: str
    """Builtin operator, such as CONV_2D, or `custom:NAME`."""

    inputs: tuple[int, ...]
    """Tensor indices; -1 for an optional input that is not given."""

    outputs: tuple[int, ...]
    """Tensor indices."""

    activation: str
    """Fused activation function, such as RELU6, or NONE."""

    strides: tuple[int, int]
    """Vertical and horizontal stride, (1, 1) where it has none."""

    padding: str
    """`same` or `valid`."""

    keep_dims: bool
    """Whether a reduction keeps the reduced axes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TfliteFile:
    """The only graph of a .tflite file."""

    tensors: tuple[FileTensor, ...]
    """Tensors in the order of the file."""

    operators: tuple[FileOperator, ...]
    """Operators in execution order."""

    inputs: tuple[int, ...]
    """Tensor indices of the inputs."""

    outputs: tuple[int, ...]
    """Tensor indices of the results."""


def read_tflite_file(path: Path) -> TfliteFile:
    """Reads a .tflite file.

    Args:
        path: The file.

    Returns:
        Its graph.

    Raises:
        UserError: If the file cannot be read, is no .tflite file, is damaged, or has several graphs.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); give a .tflite file") from error
    if len(content) < 8 or content[4:8] != _IDENTIFIER:
        raise UserError(f"{path}: is no .tflite file (its identifier is not TFL3); convert the model first")
    try:
        return _Reader(content, path).read()
    except (struct.error, IndexError, ValueError, TypeError, AttributeError, OverflowError, KeyError) as error:
        raise UserError(f"{path}: is damaged ({type(error).__name__}: {error}); convert the model again") from error


class _Reader:
    """Walks the flatbuffer; every length is checked against the file before anything is looped over."""

    def __init__(self, content: bytes, path: Path) -> None:
        from ai_edge_litert import schema_py_generated as schema

        self.schema = schema
        self.content = content
        self.path = path
        self.model = schema.Model.GetRootAsModel(content, 0)
        self.types = _names(schema.TensorType)
        self.builtins = _names(schema.BuiltinOperator)
        self.activations = _names(schema.ActivationFunctionType)
        self.paddings = _names(schema.Padding)
        self.options = _names(schema.BuiltinOptions)

    def read(self) -> TfliteFile:
        if self.model.SubgraphsLength() != 1:
            raise UserError(
                f"{self.path}: has {self.model.SubgraphsLength()} graphs; only models without control flow and with "
                "one signature are supported"
            )
        graph = self.model.Subgraphs(0)
        names: dict[str, int] = {}
        tensors = [self.tensor(graph.Tensors(i), i, names) for i in range(self.length(graph.TensorsLength))]
        operators = [self.operator(graph.Operators(i)) for i in range(self.length(graph.OperatorsLength))]
        inputs = tuple(graph.Inputs(i) for i in range(self.length(graph.InputsLength)))
        outputs = tuple(graph.Outputs(i) for i in range(self.length(graph.OutputsLength)))
        used = {*inputs, *outputs, *(i for op in operators for i in (*op.inputs, *op.outputs))}
        if not operators or any(not -1 <= index < len(tensors) for index in used):
            raise UserError(f"{self.path}: is damaged (operators and tensors do not match); convert the model again")
        for idle in (op.name for op in operators if not op.outputs):
            raise UserError(f"{self.path}: operator {idle} has no result; models that keep a state are not supported")
        return TfliteFile(tensors=tuple(tensors), operators=tuple(operators), inputs=inputs, outputs=outputs)

    def length(self, count: Callable[[], int]) -> int:
        length = count()
        if length * 4 > len(self.content):
            raise ValueError(f"a list claims {length} entries")
        return length

    def tensor(self, table: Any, index: int, names: dict[str, int]) -> FileTensor:
        name = _printable(table.Name() or b"") or f"tensor{index}"
        names[name] = names.get(name, 0) + 1
        shape = tuple(table.Shape(i) for i in range(self.length(table.ShapeLength)))
        signature = tuple(table.ShapeSignature(i) for i in range(self.length(table.ShapeSignatureLength)))
        data = self.data(table.Buffer())
        if any(size < 0 for size in shape) or math.prod(shape) > _MOST_ELEMENTS:
            raise ValueError(f"tensor {name!r} has a shape of {len(shape)} axes that cannot be")
        made = FileTensor(
            index=index,
            name=name if names[name] == 1 else f"{name}#{index}",
            shape=shape,
            dynamic_axes=tuple(axis for axis, size in enumerate(signature) if size < 0 and axis > 0),
            type_name=self.types[table.Type()],
            buffer=table.Buffer(),
            buffer_bytes=0 if data is None else len(data),
            data=data,
        )
        if data is not None and table.Sparsity() is None and made.size_bytes > made.buffer_bytes:
            raise ValueError(f"tensor {name!r} needs {made.size_bytes} bytes of data and has {made.buffer_bytes}")
        return made

    def data(self, index: int) -> NDArray[np.uint8] | None:
        if not 0 <= index < self.model.BuffersLength():
            raise ValueError(f"buffer {index} does not exist")
        buffer = self.model.Buffers(index)
        if buffer.DataLength() > len(self.content):
            raise ValueError(f"buffer {index} is longer than the file")
        # Models beyond 2 GB keep their constants behind the flatbuffer.
        if buffer.Offset() > 1:
            start, size = buffer.Offset(), buffer.Size()
            return np.frombuffer(self.content, np.uint8, count=size, offset=start)
        data: NDArray[np.uint8] | None = buffer.DataAsNumpy() if buffer.DataLength() else None
        return data

    def operator(self, table: Any) -> FileOperator:
        if not 0 <= table.OpcodeIndex() < self.model.OperatorCodesLength():
            raise ValueError(f"operator code {table.OpcodeIndex()} does not exist")
        code = self.model.OperatorCodes(table.OpcodeIndex())
        name = self.builtins[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        if name == "CUSTOM":
            name = f"custom:{(code.CustomCode() or b'').decode('utf-8', 'replace')}"
        options = self.typed_options(table)
        strides = (_call(options, "StrideH", 1), _call(options, "StrideW", 1))
        return FileOperator(
            name=name,
            inputs=tuple(table.Inputs(i) for i in range(self.length(table.InputsLength))),
            outputs=tuple(table.Outputs(i) for i in range(self.length(table.OutputsLength))),
            activation=self.activations[_call(options, "FusedActivationFunction", 0)],
            strides=strides,
            padding=self.paddings[_call(options, "Padding", 0)].lower(),
            keep_dims=bool(_call(options, "KeepDims", False)),
        )

    def typed_options(self, table: Any) -> Any:
        kind = self.options[table.BuiltinOptionsType()]
        raw = table.BuiltinOptions()
        if raw is None or kind == "NONE":
            return None
        options = getattr(self.schema, kind)()
        options.Init(raw.Bytes, raw.Pos)
        return options


def _printable(name: bytes) -> str:
    """A name as text that can be printed: a file of any origin may hold what moves a terminal's cursor."""
    text = name.decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _names(enumeration: type) -> dict[int, str]:
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}


def _call(options: Any, name: str, default: Any) -> Any:
    method = getattr(options, name, None)
    return default if method is None else method()
