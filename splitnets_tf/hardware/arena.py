"""Where each tensor lies in the arena of an int8 network, planned as TensorFlow Lite Micro plans it.

TensorFlow Lite Micro places the largest tensor first, at offset 0, and every further one into the lowest gap between
tensors that are alive at the same time. Nothing works in place. An input lives from the start to its last reader, a
result from its maker to the end.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass

from splitnets_tf.hardware.graph import Graph, Operation

__all__ = ["ARENA_ALIGNMENT_BYTES", "Allocation", "ArenaPlan", "place_greedily", "plan_arena", "tensor_lifetimes"]

ARENA_ALIGNMENT_BYTES = 16
_REDUCTIONS = frozenset({"global_average_pool", "sum"})
"""Besides its sums, TensorFlow Lite Micro's int8 mean asks for an index over the axes and for the axes it reduces."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Allocation:
    """One buffer of the arena."""

    tensor: str
    """Name of the tensor, or of the operation whose scratch it is."""

    size_bytes: int
    """Bytes, rounded up to the alignment."""

    offset_bytes: int
    """Where it starts."""

    first: int
    """First step at which it is alive; step 0 is before the first operation, step i + 1 is operation i."""

    last: int
    """Last step at which it is alive."""

    scratch: bool = False
    """Whether it is a kernel's temporary memory instead of a tensor."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ArenaPlan:
    """The arena of a network."""

    arena_bytes: int
    """Bytes from the start of the arena to the end of the highest buffer."""

    allocations: tuple[Allocation, ...]
    """Buffers, in the graph's tensor order, scratch last."""

    @property
    def offsets(self) -> dict[str, int]:
        """Offset in bytes of each tensor."""
        return {a.tensor: a.offset_bytes for a in self.allocations if not a.scratch}

    @property
    def lifetimes(self) -> dict[str, tuple[int, int]]:
        """First and last step of each tensor."""
        return {a.tensor: (a.first, a.last) for a in self.allocations if not a.scratch}


def plan_arena(graph: Graph) -> ArenaPlan:
    """Plans the arena of a fused graph.

    Args:
        graph: The network after `fuse_int8`, or one read from a .tflite file. Constants are not in the arena.

    Returns:
        The plan; its `arena_bytes` equals the head of TensorFlow Lite Micro's arena for the same file.
    """
    lifetimes = tensor_lifetimes(graph)
    names = [tensor.name for tensor in graph.tensors if tensor.size_bytes > 0]
    sizes = [_align(graph.tensor(name).size_bytes) for name in names]
    spans = [lifetimes[name] for name in names]
    scratch = [(op.name, size, i + 1) for i, op in enumerate(graph.operations) for size in _scratch_sizes(op)]
    sizes += [_align(size) for _, size, _ in scratch]
    spans += [(step, step) for _, _, step in scratch]
    offsets = place_greedily(sizes, spans)
    allocations = tuple(
        Allocation(
            tensor=name, size_bytes=size, offset_bytes=offset, first=span[0], last=span[1], scratch=i >= len(names)
        )
        for i, (name, size, span, offset) in enumerate(
            zip([*names, *(name for name, _, _ in scratch)], sizes, spans, offsets, strict=True)
        )
    )
    return ArenaPlan(
        arena_bytes=max((a.offset_bytes + a.size_bytes for a in allocations), default=0), allocations=allocations
    )


def tensor_lifetimes(graph: Graph) -> dict[str, tuple[int, int]]:
    """Returns first and last step at which each tensor is alive; step 0 is the start, step i + 1 operation i."""
    first = dict.fromkeys(graph.inputs, 0)
    last = dict.fromkeys(graph.inputs, 0)
    for position, operation in enumerate(graph.operations):
        for name in operation.outputs:
            first[name] = position + 1
            last[name] = position + 1
        for name in operation.inputs:
            last[name] = position + 1
    for name in graph.outputs:
        last[name] = len(graph.operations)
    return {name: (first[name], last[name]) for name in first}


def place_greedily(sizes: Sequence[int], spans: Sequence[tuple[int, int]]) -> list[int]:
    """Places buffers, the largest first, each into the lowest gap among those alive at the same time.

    Among buffers of one size the later one is placed first, which is what the reference planner does.

    Args:
        sizes: Bytes of each buffer.
        spans: First and last step of each buffer, inclusive.

    Returns:
        The offset of each buffer.
    """
    offsets = [0] * len(sizes)
    placed: list[tuple[int, int]] = []
    for i in sorted(range(len(sizes)), key=lambda index: (-sizes[index], -index)):
        first, last = spans[i]
        lowest = 0
        for offset, j in placed:
            if spans[j][0] > last or spans[j][1] < first:
                continue
            if offset - lowest >= sizes[i]:
                break
            lowest = max(lowest, offset + sizes[j])
        offsets[i] = lowest
        bisect.insort(placed, (lowest, i))
    return offsets


def _scratch_sizes(operation: Operation) -> tuple[int, ...]:
    """Buffers that a kernel asks for beside its tensors; each is placed by itself."""
    if not operation.scratch_bytes:
        return ()
    small = ARENA_ALIGNMENT_BYTES
    return (operation.scratch_bytes, small, small) if operation.kind in _REDUCTIONS else (operation.scratch_bytes,)


def _align(size_bytes: int) -> int:
    return -(-size_bytes // ARENA_ALIGNMENT_BYTES) * ARENA_ALIGNMENT_BYTES
