"""What every possible cut of a network costs, all at once, as arrays over the cut position."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitnets_tf.errors import UserError
from splitnets_tf.hardware import Graph, System, feature_bytes, latency_ms, repetitions, working_elements

__all__ = ["CutTable", "cut_table", "last_working", "legal_cuts", "no_fitting_cut"]

Integers = NDArray[np.int64]
IMAGE_BITS = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class CutTable:
    """Arrays of length operations + 1; entry n is the cut behind the first n operations."""

    head_macs: Integers
    """Multiply-accumulates before the cut."""

    tail_macs: Integers
    """Multiply-accumulates behind the cut, those before a fusion once for each view."""

    head_peak_bytes: Integers
    """The paper's peak memory of the part before the cut, 0 where that is empty."""

    tail_peak_bytes: Integers
    """The paper's peak memory of the part behind the cut, 0 where that is empty."""

    link_bytes: Integers
    """Bytes of all tensors that cross, each once."""

    legal: NDArray[np.bool_]
    """Whether the network may be cut there: between layers, and before the views are fused."""

    def latency_ms(self, system: System) -> NDArray[np.float64]:
        """Returns the time from image to answer of each cut between a system's first and last processor."""
        sensor_ms: NDArray[Any] = latency_ms(self.head_macs, system.sensor.macs_per_s)
        aggregator_ms: NDArray[Any] = latency_ms(self.tail_macs, system.aggregator.macs_per_s)
        times_ms: NDArray[np.float64] = sensor_ms + system.sensor_to_aggregator_ms(self.link_bytes) + aggregator_ms
        return times_ms

    def fits(self, system: System) -> NDArray[np.bool_]:
        """Returns for each cut whether both parts' peak memory is within their processors' memory."""
        fits = np.ones(len(self.legal), dtype=bool)
        for peaks, processor in ((self.head_peak_bytes, system.sensor), (self.tail_peak_bytes, system.aggregator)):
            if processor.memory_bytes is not None:
                fits &= peaks <= processor.memory_bytes
        return fits


def cut_table(graph: Graph, *, views: int = 1, bits: int = 8) -> CutTable:
    """Computes the cost of every cut of a network.

    Args:
        graph: The network, unfused.
        views: Number of views of one answer.
        bits: Bits of a feature's element on the link.

    Returns:
        The table; each row agrees with `hardware.split_cost` at that cut.
    """
    macs = np.array([op.macs for op in graph.operations], dtype=np.int64)
    params = np.array([op.params for op in graph.operations], dtype=np.int64)
    work = np.array(working_elements(graph), dtype=np.int64)
    return CutTable(
        head_macs=_before(macs),
        tail_macs=_behind(macs * np.array(repetitions(graph, views), dtype=np.int64)),
        head_peak_bytes=_before(params) + _largest_before(work),
        tail_peak_bytes=_behind(params) + _largest_before(work[::-1])[::-1],
        link_bytes=_link_bytes(graph, bits),
        legal=np.isin(np.arange(len(macs) + 1), legal_cuts(graph, views=views)),
    )


def legal_cuts(graph: Graph, *, views: int = 1) -> list[int]:
    """Returns the positions at which a network may be cut, the two ends included.

    Args:
        graph: The network. A model is cut between its layers, not inside one that has several operations.
        views: With several views, no cut lies behind their fusion.
    """
    operations = graph.operations
    fusion = next((i for i, op in enumerate(operations) if op.kind == "view_fuse"), None) if views > 1 else None
    last = len(operations) if fusion is None else fusion
    inside = {
        i for i in range(1, len(operations)) if operations[i].layer and operations[i - 1].layer == operations[i].layer
    }
    return [n for n in range(last + 1) if n not in inside]


def no_fitting_cut(graph: Graph, system: System) -> UserError:
    """Returns the error for a network no legal cut of which fits into memory; it names the layer that needs most."""
    rows = zip(graph.operations, working_elements(graph), strict=True)
    need, layer = max((op.params + work, op.layer or op.name) for op, work in rows)
    room = ", ".join(f"{p.name} {_bytes(p.memory_bytes)}" for p in system.chain)
    return UserError(
        f"{graph.name}: no legal cut fits into the memory of system {system.name!r} ({room}); the layer that needs "
        f"most is {layer!r} with {need} bytes by itself; use a larger system or lift the memory limit"
    )


def last_working(ties: Integers, head_macs: Integers) -> int:
    """Chooses among equally good cuts the last one before which something is computed, else the first.

    Batch normalisation and activation so stay with their convolution, and a device that would compute nothing gets
    nothing.
    """
    working = ties[head_macs[ties] > 0]
    return int(working[-1]) if len(working) else int(ties[0])


def _bytes(memory_bytes: int | None) -> str:
    return "unlimited" if memory_bytes is None else f"{memory_bytes} bytes"


def _before(values: Integers) -> Integers:
    return np.concatenate([[0], np.cumsum(values)]).astype(np.int64)


def _behind(values: Integers) -> Integers:
    return _before(values[::-1])[::-1]


def _largest_before(values: Integers) -> Integers:
    return np.concatenate([[0], np.maximum.accumulate(values)]).astype(np.int64)


def _link_bytes(graph: Graph, bits: int) -> Integers:
    made = dict.fromkeys(graph.inputs, 0)
    for position, operation in enumerate(graph.operations):
        made.update(dict.fromkeys(operation.outputs, position + 1))
    # A tensor crosses every cut from its maker to its last reader: add its bytes there, take them off behind.
    steps = np.zeros(len(graph.operations) + 2, dtype=np.int64)
    for name, readers in graph.consumers().items():
        if readers:
            size = feature_bytes(graph.tensor(name).elements, IMAGE_BITS if name in graph.inputs else bits)
            steps[made[name]] += size
            steps[readers[-1] + 1] -= size
    return np.cumsum(steps)[:-1]
