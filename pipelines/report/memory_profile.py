"""The memory of the sensor half, operation by operation, as the export writes it into `memory.json`."""

import dataclasses

from pipelines.report.json_node import Node
from pipelines.report.units import TIMES
from splitnets_tf.errors import UserError

__all__ = ["MemoryProfile", "MemoryRow", "memory_profile_from_node"]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class MemoryRow:
    """Memory while one operation runs."""

    operation: str
    """Its name."""
    kind: str
    """Its kind."""
    weight_bytes: float
    """Constants of this operation alone."""
    live_bytes: float
    """Activations alive while it runs."""
    total_bytes: float
    """All weights of the half, which are held all the time, and the live activations."""
    tensors: tuple[str, ...]
    """What is alive: name and shape."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class MemoryProfile:
    """A half's memory over its operations."""

    rows: tuple[MemoryRow, ...]
    """One for each operation, in order."""
    limit_bytes: float | None
    """What the device has; None for one without limit."""
    weight_bytes: float
    """Bytes of all constants."""
    arena_bytes: float
    """Activation memory as the planner predicts it."""
    arena_bytes_measured: float | None
    """The same as TensorFlow Lite Micro allocates it (the arena's head); None where it was not asked."""
    bookkeeping_bytes: float | None
    """What TensorFlow Lite Micro needs for itself besides (the arena's tail)."""
    note: str
    """Why nothing was measured; empty where it was."""

    @property
    def peak(self) -> MemoryRow:
        """The first operation that needs most."""
        return max(self.rows, key=lambda row: row.total_bytes)

    @property
    def required_bytes(self) -> float:
        """Weights and arena, the measured one where there is one."""
        measured = self.arena_bytes_measured
        return self.weight_bytes + (self.arena_bytes if measured is None else measured)

    @property
    def fits(self) -> bool:
        """Whether weights and arena stay within the limit."""
        return self.limit_bytes is None or self.required_bytes <= self.limit_bytes


def memory_profile_from_node(node: Node) -> MemoryProfile:
    """Read the content of `memory.json`.

    Raises:
        UserError: A key is missing or its value is not of the expected form; file and key are named.
    """
    limit, micro, note = node.get("limit_bytes"), node.get("micro_arena"), node.get("micro_note")
    rows = tuple(_row(row) for row in node["operations"].elements())
    if not rows:
        raise UserError(f"{node.source}: operations is empty; repeat the export stage")
    return MemoryProfile(
        rows=rows,
        limit_bytes=limit.amount() if limit else None,
        weight_bytes=node["weight_bytes"].amount(),
        arena_bytes=node["arena_bytes"].amount(),
        arena_bytes_measured=micro["head_bytes"].amount() if micro else None,
        bookkeeping_bytes=micro["tail_bytes"].amount() if micro else None,
        note=note.text() if note else "",
    )


def _row(node: Node) -> MemoryRow:
    tensors = node.get("tensors")
    return MemoryRow(
        operation=node["operation"].text(),
        kind=node["kind"].text(),
        weight_bytes=node["weight_bytes"].amount(),
        live_bytes=node["live_bytes"].amount(),
        total_bytes=node["total_bytes"].amount(),
        tensors=tuple(_tensor(tensor) for tensor in tensors.elements()) if tensors else (),
    )


def _tensor(node: Node) -> str:
    shape = TIMES.join(f"{side.amount():g}" for side in node["shape"].elements())
    return f"{node['name'].text()} {shape}"
