"""Cuts a .tflite file into several that together equal it, and says how to wire them. No TensorFlow."""

import dataclasses
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from splitnets_tf.errors import UserError
from splitnets_tf.files import sha256_of_file, write_bytes, write_json
from splitnets_tf.graph import cut_tflite, read_tflite
from splitnets_tf.graph.tflite_file import FileTensor, read_tflite_file
from splitnets_tf.hardware import Graph, crossing_tensors, plan_arena, total_macs, weight_bytes
from tflite_export.parts_check import count_equal_parts

__all__ = [
    "MANIFEST",
    "CutPart",
    "FilePart",
    "PartTensor",
    "SplitFile",
    "cut_file",
    "cut_operations",
    "split_file",
]

SCHEMA_VERSION = 1
MANIFEST = "split.json"
_INPUT = "input"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class CutPart:
    """A part that is not written yet."""

    name: str
    """File name."""
    inputs: tuple[str, ...]
    """Names of the tensors that it takes."""
    outputs: tuple[str, ...]
    """Names of those that it gives: first what others need, then results of the whole."""
    content: bytes
    """The file."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class PartTensor:
    """A tensor that enters or leaves a part."""

    name: str
    """Its name in the whole file, and in the signature of each part that has it."""
    source: str
    """File name of the part that makes it, or `input` where it is an input of the whole."""
    shape: tuple[int, ...]
    """Shape, batch included."""
    type: str
    """Element type, such as INT8."""
    bytes: int
    """Size."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class FilePart:
    """One of the files."""

    path: Path
    """Where it lies."""
    inputs: tuple[PartTensor, ...]
    """What it takes, in the file's order."""
    outputs: tuple[PartTensor, ...]
    """What it gives, in the file's order: first what others need, then results of the whole."""
    weight_bytes: int
    """Its constants."""
    arena_bytes: int
    """Its planned arena."""
    macs: int
    """Multiply-accumulates."""
    sha256: str
    """Of the file."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SplitFile:
    """A file that was cut."""

    model: str
    """Name of the whole file."""
    parts: tuple[FilePart, ...]
    """The parts in the order in which they run."""
    outputs: tuple[str, ...]
    """Names of the results of the whole, in its order."""
    checked_inputs: int
    """Random inputs on which the parts in sequence were found equal to the whole, bit for bit."""
    checked_with: str
    """Kernels of LiteRT: `reference kernels`, or `optimised kernels` where these cannot run the file."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data for `split.json`; files by name."""
        result = dataclasses.asdict(self)
        parts = [row | {"path": piece.path.name} for row, piece in zip(result["parts"], self.parts, strict=True)]
        return {"schema_version": SCHEMA_VERSION} | result | {"parts": parts}


def split_file(path: Path, positions: Sequence[int], output_dir: Path, *, check_inputs: int = 2) -> SplitFile:
    """Cut a file, check that the parts in sequence equal it, and write them with a manifest.

    Two parts are named `sensor.tflite` and `aggregator.tflite`, more `part1.tflite`, `part2.tflite` and so on. A tensor
    keeps name, element type and quantisation, so what leaves one part enters the next as it is.

    Args:
        path: The whole file.
        positions: Ascending cuts, each a number of operations before it (see `legal_file_cuts`).
        output_dir: Folder for parts and manifest; made where missing. Nothing is written unless the check passes.
        check_inputs: Random inputs to compare on, in a process of its own, with reference kernels where these run it.

    Raises:
        UserError: The file is missing, damaged or cannot be run, or the parts differ from it.
    """
    graph = read_tflite(path)
    parts = cut_file(path, positions)
    kernels = _check(path, graph, parts, check_inputs)
    for piece in parts:
        write_bytes(output_dir / piece.name, piece.content)
    tensors = {tensor.name: tensor for tensor in read_tflite_file(path).tensors}
    makers = {tensor: piece.name for piece in parts for tensor in piece.outputs}
    result = SplitFile(
        model=path.name,
        parts=tuple(_written(output_dir, piece, tensors, makers) for piece in parts),
        outputs=graph.outputs,
        checked_inputs=check_inputs,
        checked_with=kernels,
    )
    write_json(output_dir / MANIFEST, result.to_dict())
    return result


def cut_file(path: Path, positions: Sequence[int]) -> tuple[CutPart, ...]:
    """Cut a file without running or writing anything.

    Args:
        path: The whole file.
        positions: Ascending cuts.

    Raises:
        UserError: The file is missing, damaged or cannot be cut there.
    """
    graph = read_tflite(path)
    bounds = list(pairwise((0, *positions, len(graph.operations))))
    wires = [_wires(graph, *ends) for ends in bounds]
    names = _names(len(bounds))
    for name, (_, outputs) in zip(names, wires, strict=True):
        if not outputs:
            raise UserError(f"{path}: {name} would make nothing that is needed; leave one of these cuts out")
    return tuple(
        CutPart(name=name, inputs=inputs, outputs=outputs, content=content)
        for name, (inputs, outputs), content in zip(names, wires, _cut(path, wires), strict=True)
    )


def cut_operations(path: Path) -> tuple[bytes, ...]:
    """Every operation of a file as a file of its own, in order, without running or writing anything.

    Raises:
        UserError: The file is missing or damaged.
    """
    return _cut(path, [(operation.inputs, operation.outputs) for operation in read_tflite(path).operations])


def _cut(path: Path, wires: Sequence[tuple[Sequence[str], Sequence[str]]]) -> tuple[bytes, ...]:
    """The parts that lie between these inputs and outputs."""
    index = {tensor.name: tensor.index for tensor in read_tflite_file(path).tensors}
    content = path.read_bytes()
    try:
        return tuple(
            cut_tflite(content, {i: index[i] for i in inputs}, {o: index[o] for o in outputs})
            for inputs, outputs in wires
        )
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def _names(count: int) -> list[str]:
    if count == 2:
        return ["sensor.tflite", "aggregator.tflite"]
    return [f"part{i}.tflite" for i in range(1, count + 1)]


def _wires(graph: Graph, start: int, end: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Tensors that the operations from `start` up to `end` take and those of their results that others need."""
    operations = graph.operations[start:end]
    made = {tensor for operation in operations for tensor in operation.outputs}
    leaving = crossing_tensors(graph, end) if end < len(graph.operations) else ()
    arriving = graph.inputs if start == 0 else crossing_tensors(graph, start)
    read = {tensor for operation in operations for tensor in operation.inputs}
    inputs = tuple(tensor for tensor in arriving if tensor in read)
    return inputs, tuple(tensor for tensor in dict.fromkeys((*leaving, *graph.outputs)) if tensor in made)


def _check(path: Path, graph: Graph, parts: Sequence[CutPart], inputs: int) -> str:
    """Kernels with which the parts were found equal to the whole."""
    with tempfile.TemporaryDirectory() as folder:
        for piece in parts:
            Path(folder, piece.name).write_bytes(piece.content)
        placed = [(Path(folder, piece.name), (piece.inputs, piece.outputs)) for piece in parts]
        equal, kernels = count_equal_parts(path, (graph.inputs, graph.outputs), placed, inputs)
    if equal != inputs:
        raise UserError(
            f"{path}: the parts in sequence equal the whole on {equal} of {inputs} inputs only, so nothing was "
            "written; cut elsewhere (LiteRT lets an addition overwrite a tensor that a reshape still shares; a network "
            "that draws random numbers or keeps a state cannot be cut at all)"
        )
    return kernels


def _written(folder: Path, piece: CutPart, tensors: dict[str, FileTensor], makers: dict[str, str]) -> FilePart:
    path = folder / piece.name
    graph = read_tflite(path)
    inputs, outputs = (
        tuple(_part_tensor(tensors[name], makers) for name in names) for names in (piece.inputs, piece.outputs)
    )
    return FilePart(
        path=path,
        inputs=inputs,
        outputs=outputs,
        weight_bytes=weight_bytes(graph),
        arena_bytes=plan_arena(graph).arena_bytes,
        macs=total_macs(graph),
        sha256=sha256_of_file(path),
    )


def _part_tensor(tensor: FileTensor, makers: dict[str, str]) -> PartTensor:
    return PartTensor(
        name=tensor.name,
        source=makers.get(tensor.name, _INPUT),
        shape=tensor.shape,
        type=tensor.type_name,
        bytes=tensor.size_bytes,
    )
