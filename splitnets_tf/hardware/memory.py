"""Three memory figures of a network that are never mixed up, and the live memory of each operation.

`peak_bytes` is the paper's figure on the unfused graph; `weight_bytes` and `arena_bytes` (in `arena.py`) are what the
int8 file needs; `live_memory` shows where an operation's memory goes.
"""

from __future__ import annotations

from dataclasses import dataclass

from splitnets_tf.hardware.arena import plan_arena
from splitnets_tf.hardware.graph import Graph, Operation, repetitions, total_params

__all__ = ["LiveMemory", "live_memory", "peak_bytes", "sram_traffic_bytes", "weight_bytes", "working_elements"]


def working_elements(graph: Graph) -> tuple[int, ...]:
    """Returns input plus output elements of each operation, as the paper's memory figure counts them.

    An operation with several inputs counts its largest one: the paper's figures fit a layer-by-layer model in which
    the shortcut of a residual block is not held (real lifetimes are what `plan_arena` is for).

    Args:
        graph: The network, not fused: batch normalisation and activation are operations that do not work in place.

    Returns:
        One number for each operation, in order.
    """
    rows = []
    for operation in graph.operations:
        largest_input = max((graph.tensor(name).elements for name in operation.inputs), default=0)
        rows.append(largest_input + sum(graph.tensor(name).elements for name in operation.outputs))
    return tuple(rows)


def peak_bytes(graph: Graph) -> int:
    """Returns the paper's peak memory: all weights plus the largest input + output of an operation, one byte each.

    Args:
        graph: The network (for example the sensor's part of one), not fused.

    Returns:
        Bytes.

    Reference:
        SplitNets (arXiv 2204.04705), equation 1 and the "Peak" columns of Tables 4 and 6.
    """
    return total_params(graph) + max(working_elements(graph), default=0)


def weight_bytes(graph: Graph) -> int:
    """Returns the bytes of the constants that an int8 file stores for a fused graph.

    Args:
        graph: The network after `fuse_int8`, or one read from a .tflite file.

    Returns:
        One byte for each weight, four for each bias, and the small constants (axes, shapes, paddings).
    """
    return sum(_constant_bytes(operation) for operation in graph.operations)


def sram_traffic_bytes(graph: Graph, views: int = 1) -> int:
    """Returns the bytes that all operations of a fused graph read (inputs, weights) and write (outputs), once each.

    Args:
        graph: The network after `fuse_int8`.
        views: Number of views; what precedes their fusion is read and written for each.

    Returns:
        Bytes; the energy model charges each of them to the SRAM.
    """
    total = 0
    for operation, times in zip(graph.operations, repetitions(graph, views), strict=True):
        activations = sum(graph.tensor(name).size_bytes for name in (*operation.inputs, *operation.outputs))
        total += times * (activations + _constant_bytes(operation))
    return total


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveMemory:
    """Activation memory while one operation runs."""

    operation: str
    """Name of the operation."""

    kind: str
    """Kind of the operation."""

    live_bytes: int
    """Bytes of all tensors alive at that time, scratch included, each rounded up to the arena's alignment."""

    scratch_bytes: int
    """Part of it that is the kernel's temporary memory."""

    tensors: tuple[str, ...]
    """Names of the tensors alive, in the graph's order."""


def live_memory(graph: Graph) -> tuple[LiveMemory, ...]:
    """Lists, operation by operation, what lies in the arena of a fused graph.

    Args:
        graph: The network after `fuse_int8`, or one read from a .tflite file.

    Returns:
        One row for each operation, in order. No row exceeds the arena; the largest may lie below it, where the planner
        leaves gaps.
    """
    plan = plan_arena(graph)
    rows = []
    for position, operation in enumerate(graph.operations):
        alive = [a for a in plan.allocations if a.first <= position + 1 <= a.last]
        rows.append(
            LiveMemory(
                operation=operation.name,
                kind=operation.kind,
                live_bytes=sum(a.size_bytes for a in alive),
                scratch_bytes=sum(a.size_bytes for a in alive if a.scratch),
                tensors=tuple(a.tensor for a in alive if not a.scratch),
            )
        )
    return tuple(rows)


def _constant_bytes(operation: Operation) -> int:
    return operation.kernel_elements + 4 * operation.bias_elements + operation.constant_bytes
