"""Where the memory of an int8 model goes, operation by operation. No TensorFlow.

Figures are planned on the flatbuffer's tensors and lifetimes; the arena is also measured with TensorFlow Lite Micro
where that is installed.
"""

import dataclasses
from pathlib import Path
from typing import Any

from splitnets_tf.errors import UserError
from splitnets_tf.graph.tflite_reader import read_tflite
from splitnets_tf.hardware import Graph, LiveMemory, Operation, live_memory, plan_arena, weight_bytes
from tflite_export.micro_arena import MicroArena, measure_micro_arena
from tflite_export.vela_report import Npu, vela_installed, vela_report

__all__ = ["LiveTensor", "MemoryProfile", "NpuMemory", "OperationMemory", "memory_profile", "short_name"]

SCHEMA_VERSION = 1
_SPARE_BYTES = 1_000_000
"""What TensorFlow Lite Micro gets beyond the planned arena, for its bookkeeping."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class LiveTensor:
    """A tensor that is alive while an operation runs."""

    name: str
    """Short name, the layer that makes it."""
    shape: tuple[int, ...]
    """Shape without the batch."""
    bytes: int
    """Size in memory, without alignment."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class OperationMemory:
    """Memory while one operation runs."""

    operation: str
    """Short name."""
    kind: str
    """What it computes."""
    weight_bytes: int
    """Constants of this operation alone; those of all operations stay in memory throughout."""
    live_bytes: int
    """Activations alive, scratch included, each rounded up to the arena's alignment."""
    scratch_bytes: int
    """The kernel's temporary part of it."""
    total_bytes: int
    """All weights of the model plus `live_bytes`."""
    tensors: tuple[LiveTensor, ...]
    """What is alive."""
    result: str = ""
    """Name of the tensor that it makes, as the file has it."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class NpuMemory:
    """Memory on an Ethos-U as Vela plans it; activations and constants both lie in the SRAM."""

    npu: str
    """The processor, such as `ethos-u55-256`."""
    vela_version: str
    """Of the compiler."""
    cycles: int
    """Of one inference, optimised for speed."""
    latency_ms: float
    """Their time."""
    sram_bytes: int
    """Activations and buffers, optimised for speed."""
    flash_bytes: int
    """Constants and commands, optimised for speed."""
    size_sram_bytes: int
    """Activations and buffers, optimised for size."""
    size_flash_bytes: int
    """Constants and commands, optimised for size."""
    cpu_operations: int
    """Operations that the NPU cannot run."""

    @property
    def required_bytes(self) -> int:
        """All of it, optimised for speed."""
        return self.sram_bytes + self.flash_bytes

    @property
    def size_required_bytes(self) -> int:
        """All of it, optimised for size."""
        return self.size_sram_bytes + self.size_flash_bytes


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class MemoryProfile:
    """Memory of a model, and whether it fits."""

    model: str
    """File name."""
    file_bytes: int
    """Size of the flatbuffer."""
    weight_bytes: int
    """Constants in it."""
    arena_bytes: int
    """Arena for activations as planned on its tensors."""
    operations: tuple[OperationMemory, ...]
    """One row for each operation, in order."""
    limit_bytes: int | None
    """The device's memory, if a limit is set."""
    micro_arena: MicroArena | None
    """As TensorFlow Lite Micro allocates it."""
    micro_note: str
    """Why there is no `micro_arena`; empty where there is one."""
    npu_memory: NpuMemory | None = None
    """On an Ethos-U, as Vela plans it."""
    npu_note: str = "not measured: not asked for"
    """Why there is no `npu_memory`; empty where there is one."""

    @property
    def required_bytes(self) -> int:
        """Weights plus arena: the arena that was measured, else the planned one."""
        return self.weight_bytes + (self.micro_arena.head_bytes if self.micro_arena else self.arena_bytes)

    @property
    def micro_arena_bytes(self) -> int:
        """An arena in which TensorFlow Lite Micro can run the model, its bookkeeping included."""
        return _ample_arena_bytes(self.arena_bytes, self.weight_bytes, len(self.operations))

    @property
    def fits(self) -> bool | None:
        """Whether weights and arena lie within the limit; None without a limit."""
        return None if self.limit_bytes is None else self.required_bytes <= self.limit_bytes

    @property
    def peak(self) -> OperationMemory:
        """The operation at which most activations are alive; the first of several."""
        return max(self.operations, key=lambda row: row.live_bytes)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for `memory.json`; `measured_by` names the tool behind each arena figure."""
        result = dataclasses.asdict(self)
        rows = [row | {"tensors": [_plain(tensor) for tensor in row["tensors"]]} for row in result.pop("operations")]
        return (
            {"schema_version": SCHEMA_VERSION}
            | result
            | {
                "required_bytes": self.required_bytes,
                "fits": self.fits,
                "peak_operation": self.peak.operation,
                "peak_live_bytes": self.peak.live_bytes,
                "peak_tensors": [_plain(dataclasses.asdict(tensor)) for tensor in self.peak.tensors],
                "measured_by": {
                    "arena_bytes": "splitnets_tf planner",
                    "micro_arena": "TensorFlow Lite Micro" if self.micro_arena else None,
                    "npu_memory": "Vela" if self.npu_memory else None,
                },
                "operations": rows,
            }
        )


def memory_profile(
    path: Path | str, limit_bytes: int | None = None, *, measure: bool = True, npu: Npu | None = None
) -> MemoryProfile:
    """Profile a .tflite file.

    Args:
        path: The file.
        limit_bytes: Memory of the device, such as `Mem_sen`.
        measure: Whether to ask TensorFlow Lite Micro as well.
        npu: The Ethos-U for which Vela is asked as well.

    Raises:
        UserError: The file is missing, foreign, damaged, or has no fixed shapes.
    """
    path = Path(path)
    graph = read_tflite(path)
    weights, arena = weight_bytes(graph), plan_arena(graph).arena_bytes
    micro: MicroArena | str = "not measured: not asked for"
    if measure:
        micro = measure_micro_arena(path, _ample_arena_bytes(arena, weights, len(graph.operations)))
    npu_memory = _npu_memory(path, npu)
    return MemoryProfile(
        model=path.name,
        file_bytes=path.stat().st_size,
        weight_bytes=weights,
        arena_bytes=arena,
        operations=tuple(
            _row(graph, operation, live, weights)
            for operation, live in zip(graph.operations, live_memory(graph), strict=True)
        ),
        limit_bytes=limit_bytes,
        micro_arena=micro if isinstance(micro, MicroArena) else None,
        micro_note="" if isinstance(micro, MicroArena) else micro,
        npu_memory=npu_memory if isinstance(npu_memory, NpuMemory) else None,
        npu_note="" if isinstance(npu_memory, NpuMemory) else npu_memory,
    )


def _ample_arena_bytes(arena_bytes: int, weight_bytes: int, operations: int) -> int:
    return arena_bytes + _SPARE_BYTES + 1_000 * operations + weight_bytes


def _npu_memory(path: Path, npu: Npu | None) -> NpuMemory | str:
    if npu is None:
        return "not measured: not asked for"
    if not vela_installed():
        return "not measured: the package ethos-u-vela is not installed (it comes with the extra [deploy])"
    try:
        report = vela_report(path, npu)
    except UserError as error:
        return f"not measured: {error}"
    return NpuMemory(
        npu=npu.name,
        vela_version=report.vela_version,
        cycles=report.cycles,
        latency_ms=report.latency_ms,
        sram_bytes=report.sram_bytes,
        flash_bytes=report.flash_bytes,
        size_sram_bytes=report.size_sram_bytes,
        size_flash_bytes=report.size_flash_bytes,
        cpu_operations=len(report.cpu_operations),
    )


def _row(graph: Graph, operation: Operation, live: LiveMemory, weights: int) -> OperationMemory:
    return OperationMemory(
        operation=short_name(operation.name),
        result=operation.outputs[0],
        kind=operation.kind,
        weight_bytes=operation.kernel_elements + 4 * operation.bias_elements + operation.constant_bytes,
        live_bytes=live.live_bytes,
        scratch_bytes=live.scratch_bytes,
        total_bytes=weights + live.live_bytes,
        tensors=tuple(
            LiveTensor(
                name="input" if name in graph.inputs else short_name(name),
                shape=graph.tensor(name).shape,
                bytes=graph.tensor(name).size_bytes,
            )
            for name in live.tensors
        ),
    )


def short_name(name: str) -> str:
    """The layer's name out of `model/quant_LAYER/op;model/quant_...`; other names stay as they are."""
    for part in name.partition(";")[0].split("/"):
        if part.startswith("quant_"):
            return part.removeprefix("quant_")
    return name


def _plain(tensor: dict[str, Any]) -> dict[str, Any]:
    return tensor | {"shape": list(tensor["shape"])}
