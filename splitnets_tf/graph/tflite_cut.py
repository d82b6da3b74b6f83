"""Cuts a .tflite file: takes the operators between given tensors out into a valid file of their own.

Tensors, constants and quantisation are kept as they are, so parts run in sequence give bit for bit what the whole
gives, and the tensor that leaves one part is the tensor that enters the next.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

from splitnets_tf.errors import UserError

__all__ = ["cut_tflite", "signature_tensors"]

SIGNATURE = "serving_default"


def signature_tensors(content: bytes) -> tuple[dict[str, int], dict[str, int]]:
    """Returns the names that a file's only signature gives to its inputs and outputs, with their tensor indices.

    Args:
        content: A .tflite file with one signature.

    Returns:
        Inputs and outputs: name -> tensor index.

    Raises:
        UserError: If the file is damaged or has no signature, or several.
    """
    model = _unpack(content)
    signatures = model.signatureDefs or []
    if len(signatures) != 1:
        raise UserError(f"the .tflite file has {len(signatures)} signatures; exactly one is needed to name its tensors")
    return tuple(  # type: ignore[return-value]
        {entry.name.decode(): entry.tensorIndex for entry in entries or []}
        for entries in (signatures[0].inputs, signatures[0].outputs)
    )


def cut_tflite(content: bytes, inputs: Mapping[str, int], outputs: Mapping[str, int]) -> bytes:
    """Takes a part out of a .tflite file.

    Args:
        content: The whole file.
        inputs: Names for the part's inputs and the tensors (indices in the whole) that they are.
        outputs: Names for the part's outputs and the tensors that they are.

    Returns:
        A file with exactly the operators that lead from the inputs to the outputs, and a signature of those names.

    Raises:
        UserError: If the file is damaged, or the outputs need a tensor that is neither an input nor a constant.
    """
    model = _unpack(content)
    graph = model.subgraphs[0]
    operators = _needed_operators(model, set(inputs.values()), set(outputs.values()))
    used = [*inputs.values(), *(int(i) for op in operators for i in (*op.inputs, *op.outputs)), *outputs.values()]
    kept = sorted({index for index in used if index >= 0})
    place = {index: position for position, index in enumerate(kept)}
    place[-1] = -1
    for operator in operators:
        operator.inputs = [place[int(index)] for index in operator.inputs]
        operator.outputs = [place[int(index)] for index in operator.outputs]
    graph.operators = operators
    graph.tensors = [graph.tensors[index] for index in kept]
    graph.inputs = [place[index] for index in inputs.values()]
    graph.outputs = [place[index] for index in outputs.values()]
    _drop_unused_buffers(model)
    _drop_unused_codes(model)
    _sign(model, {name: place[i] for name, i in inputs.items()}, {name: place[i] for name, i in outputs.items()})
    model.metadata, model.metadataBuffer = [], None
    return _pack(model)


def _needed_operators(model: Any, inputs: set[int], outputs: set[int]) -> list[Any]:
    graph = model.subgraphs[0]
    if any((buffer.offset or 0) > 1 for buffer in model.buffers):
        raise UserError(
            "the .tflite file keeps constants behind the flatbuffer (beyond 2 GB); only smaller ones can be cut"
        )
    constant = {i for i, tensor in enumerate(graph.tensors) if _has_data(model.buffers[tensor.buffer])}
    wanted = set(outputs - inputs)
    needed: list[Any] = []
    for operator in reversed(graph.operators):
        if wanted.intersection(int(index) for index in operator.outputs):
            needed.append(operator)
            wanted.difference_update(int(index) for index in operator.outputs)
            wanted.update(int(i) for i in operator.inputs if i >= 0 and int(i) not in inputs and int(i) not in constant)
    if wanted:
        names = ", ".join(repr(graph.tensors[index].name.decode(errors="replace")) for index in sorted(wanted))
        raise UserError(f"the part needs {names} as well; cut where all tensors that cross are given")
    return needed[::-1]


def _has_data(buffer: Any) -> bool:
    return buffer.data is not None and len(buffer.data) > 0


def _drop_unused_buffers(model: Any) -> None:
    # Buffer 0 is empty by convention; every tensor without data points there.
    place = {0: 0}
    buffers = [model.buffers[0]]
    for tensor in model.subgraphs[0].tensors:
        if not _has_data(model.buffers[tensor.buffer]):
            tensor.buffer = 0
            continue
        if tensor.buffer not in place:
            place[tensor.buffer] = len(buffers)
            buffers.append(model.buffers[tensor.buffer])
        tensor.buffer = place[tensor.buffer]
    model.buffers = buffers


def _drop_unused_codes(model: Any) -> None:
    used = sorted({operator.opcodeIndex for operator in model.subgraphs[0].operators})
    place = {old: new for new, old in enumerate(used)}
    model.operatorCodes = [model.operatorCodes[old] for old in used]
    for operator in model.subgraphs[0].operators:
        operator.opcodeIndex = place[operator.opcodeIndex]


def _sign(model: Any, inputs: Mapping[str, int], outputs: Mapping[str, int]) -> None:
    from ai_edge_litert import schema_py_generated as schema

    def entries(named: Mapping[str, int]) -> list[Any]:
        made = []
        for name, index in named.items():
            entry = schema.TensorMapT()
            entry.name, entry.tensorIndex = name, index
            made.append(entry)
        return made

    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = SIGNATURE, 0
    signature.inputs, signature.outputs = entries(inputs), entries(outputs)
    model.signatureDefs = [signature]


def _unpack(content: bytes) -> Any:
    from ai_edge_litert import schema_py_generated as schema

    try:
        model = schema.ModelT.InitFromPackedBuf(content, 0)
    except (struct.error, IndexError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise UserError(f"the .tflite file is damaged ({error}); convert the model again") from error
    if not model.subgraphs or len(model.subgraphs) != 1:
        raise UserError(f"the .tflite file has {len(model.subgraphs or [])} graphs; only files with one can be cut")
    return model


def _pack(model: Any) -> bytes:
    import flatbuffers

    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())
