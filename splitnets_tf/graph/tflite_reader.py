""".tflite file -> `Graph`, as it lies in the file: fused operations, constants, element types."""

from __future__ import annotations

import math
from pathlib import Path

from splitnets_tf.errors import UserError
from splitnets_tf.graph.tflite_file import FileOperator, FileTensor, TfliteFile, read_tflite_file
from splitnets_tf.hardware import Graph, Operation, Tensor

__all__ = ["read_tflite"]

_KINDS = {
    "ADD": "add",
    "AVERAGE_POOL_2D": "average_pool",
    "CONCATENATION": "concat",
    "CONV_2D": "conv2d",
    "DEPTHWISE_CONV_2D": "depthwise_conv2d",
    "FULLY_CONNECTED": "dense",
    "MAX_POOL_2D": "max_pool",
    "MEAN": "global_average_pool",
    "MUL": "multiply",
    "PAD": "pad",
    "RESHAPE": "reshape",
    "TRANSPOSE_CONV": "conv2d_transpose",
}
_FUNCTIONS = {
    "ELU": "elu",
    "GELU": "gelu",
    "HARD_SWISH": "hard_swish",
    "LEAKY_RELU": "leaky_relu",
    "LOGISTIC": "sigmoid",
    "RELU": "relu",
    "RELU6": "relu6",
    "RELU_N1_TO_1": "relu_n1_to_1",
    "SOFTMAX": "softmax",
    "TANH": "tanh",
}
# Position of data, weights and bias among an operator's inputs.
_WEIGHTED = {
    "CONV_2D": (0, 1, 2),
    "DEPTHWISE_CONV_2D": (0, 1, 2),
    "FULLY_CONNECTED": (0, 1, 2),
    "TRANSPOSE_CONV": (2, 1, 3),
}
_INTEGER_TYPES = ("INT8", "UINT8", "INT16")


def read_tflite(path: str | Path) -> Graph:
    """Reads a .tflite file.

    Args:
        path: The file, float or quantised, with one graph.

    Returns:
        The graph as the file has it: batch normalisation and most activations are folded already, a tensor has the bits
        of its element type, and `scratch_bytes` is what TensorFlow Lite Micro's reference kernels ask for. The cost
        functions that want a fused graph take it as it is.

    Raises:
        UserError: If the file is missing, foreign or damaged, has several graphs, or a dynamic shape; the message names
            the tensor.
    """
    path = Path(path)
    file = read_tflite_file(path)
    constants = _constants(file)
    _check_operands(path, file)
    activations = _activations(path, file, constants)
    owners = _buffer_owners(file)
    operations = []
    for position, operator in enumerate(file.operators):
        if all(index in constants for index in operator.outputs):
            continue
        operations.append(_operation(file, position, operator, constants, owners))
    made = {file.tensors[index].name for index in file.inputs}.union(*(operation.outputs for operation in operations))
    for name in (file.tensors[index].name for index in activations):
        if name not in made:
            raise UserError(f"{path}: is damaged (nothing makes tensor {name!r}); convert the model again")
    try:
        return Graph(
            name=path.stem,
            operations=tuple(operations),
            tensors=tuple(_tensor(file.tensors[index]) for index in activations),
            inputs=tuple(file.tensors[index].name for index in file.inputs),
            outputs=tuple(file.tensors[index].name for index in file.outputs),
        )
    except ValueError as error:
        raise UserError(f"{path}: is damaged ({error}); convert the model again") from error


def _constants(file: TfliteFile) -> set[int]:
    """Tensors known at conversion: those with data, and what is computed from such alone (dequantised weights)."""
    constants = {tensor.index for tensor in file.tensors if tensor.data is not None}
    for operator in file.operators:
        inputs = [index for index in operator.inputs if index >= 0]
        if inputs and all(index in constants for index in inputs):
            constants.update(operator.outputs)
    return constants


def _check_operands(path: Path, file: TfliteFile) -> None:
    for operator in file.operators:
        needed = _WEIGHTED.get(operator.name, (0, 0))[:2]
        if len(operator.inputs) <= max(needed) or any(operator.inputs[at] < 0 for at in needed):
            if operator.name in _WEIGHTED:
                raise UserError(f"{path}: is damaged ({operator.name} lacks an operand); convert the model again")
            raise UserError(
                f"{path}: operator {operator.name} reads nothing; models that keep a state are not supported"
            )


def _activations(path: Path, file: TfliteFile, constants: set[int]) -> list[int]:
    used = {index for operator in file.operators for index in (*operator.inputs, *operator.outputs) if index >= 0}
    used.update((*file.inputs, *file.outputs))
    activations = [tensor.index for tensor in file.tensors if tensor.index in used and tensor.index not in constants]
    for tensor in (file.tensors[index] for index in activations):
        if tensor.dynamic_axes:
            raise UserError(
                f"{path}: tensor {tensor.name!r} has a dynamic shape (axes {list(tensor.dynamic_axes)}); convert the "
                "model with a fixed input size and batch 1"
            )
    # The planner breaks ties by the order of the file, in which an input may stand anywhere.
    return sorted({*file.inputs, *activations})


def _buffer_owners(file: TfliteFile) -> dict[int, int]:
    """First operator that uses each buffer: shared constants lie in the file once."""
    owners: dict[int, int] = {}
    for position, operator in enumerate(file.operators):
        for index in operator.inputs:
            if index >= 0 and file.tensors[index].data is not None:
                owners.setdefault(file.tensors[index].buffer, position)
    return owners


def _tensor(tensor: FileTensor) -> Tensor:
    return Tensor(name=tensor.name, shape=_without_batch(tensor.shape), bits=tensor.bits)


def _without_batch(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape[1:] if len(shape) > 1 and shape[0] == 1 else shape or (1,)


def _operation(
    file: TfliteFile, position: int, operator: FileOperator, constants: set[int], owners: dict[int, int]
) -> Operation:
    names = [file.tensors[index].name for index in operator.outputs]
    weights, bias = _weights(file, operator, constants)
    window = weights.shape[1:3] if weights is not None and len(weights.shape) == 4 else None
    stored = _stored_bytes(file, position, operator, owners)
    kernel_elements = math.prod(weights.shape) if weights is not None else 0
    bias_elements = math.prod(bias.shape) if bias is not None else 0
    return Operation(
        name=names[0],
        kind=_kind(operator),
        inputs=tuple(file.tensors[i].name for i in operator.inputs if i >= 0 and i not in constants),
        outputs=tuple(names),
        macs=_macs(file, operator, weights),
        params=kernel_elements + bias_elements + _scale_elements(file, operator, constants),
        # `weight_bytes` counts these as 1 and 4 bytes an element; constant_bytes makes the sum the file's own.
        kernel_elements=kernel_elements,
        bias_elements=bias_elements,
        constant_bytes=stored - kernel_elements - 4 * bias_elements,
        scratch_bytes=_scratch_bytes(file, operator),
        function=_FUNCTIONS.get(operator.name) or _FUNCTIONS.get(operator.activation, ""),
        kernel_size=(window[0], window[1]) if window is not None else None,
        strides=operator.strides,
        padding=operator.padding,
    )


def _kind(operator: FileOperator) -> str:
    if operator.name in _FUNCTIONS:
        return "activation"
    return _KINDS.get(operator.name, operator.name.lower())


def _weights(
    file: TfliteFile, operator: FileOperator, constants: set[int]
) -> tuple[FileTensor | None, FileTensor | None]:
    if operator.name not in _WEIGHTED:
        return None, None
    _, at, bias_at = _WEIGHTED[operator.name]
    bias = operator.inputs[bias_at] if len(operator.inputs) > bias_at else -1
    weights = file.tensors[operator.inputs[at]] if operator.inputs[at] in constants else None
    return weights, file.tensors[bias] if bias in constants else None


def _macs(file: TfliteFile, operator: FileOperator, weights: FileTensor | None) -> int:
    if weights is None:
        return 0
    data = file.tensors[operator.inputs[_WEIGHTED[operator.name][0]]].shape
    output = file.tensors[operator.outputs[0]].shape
    if operator.name == "FULLY_CONNECTED":
        return math.prod(output[:-1]) * math.prod(weights.shape)
    area = data if operator.name == "TRANSPOSE_CONV" else output
    return math.prod(weights.shape) * math.prod(area[:-1])


def _scale_elements(file: TfliteFile, operator: FileOperator, constants: set[int]) -> int:
    """Elements of a constant factor or summand with one value a channel: a batch normalisation that was not folded."""
    if operator.name not in ("MUL", "ADD", "SUB"):
        return 0
    values = [file.tensors[index] for index in operator.inputs if index in constants]
    return sum(math.prod(value.shape) for value in values if math.prod(value.shape) > 1)


def _stored_bytes(file: TfliteFile, position: int, operator: FileOperator, owners: dict[int, int]) -> int:
    buffers = {
        file.tensors[index].buffer: file.tensors[index].buffer_bytes
        for index in operator.inputs
        if index >= 0 and file.tensors[index].data is not None
    }
    return sum(size for buffer, size in buffers.items() if owners[buffer] == position)


def _scratch_bytes(file: TfliteFile, operator: FileOperator) -> int:
    """Temporary arena memory that TensorFlow Lite Micro's reference kernel of this operator asks for."""
    source = file.tensors[operator.inputs[_WEIGHTED.get(operator.name, (0,))[0]]]
    elements = math.prod(file.tensors[operator.outputs[0]].shape)
    if operator.name in ("MEAN", "SUM") and source.type_name in _INTEGER_TYPES:
        return 4 * elements
    if operator.name == "TRANSPOSE_CONV" and source.type_name in ("INT8", "INT16"):
        return (4 if source.type_name == "INT8" else 8) * elements
    return 0
