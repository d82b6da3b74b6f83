"""HiveMind: the best division of a network over a chain of devices, as a shortest path."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from splitnets_tf.errors import UserError
from splitnets_tf.hardware import Graph, Processor, System, latency_ms, repetitions, transfer_ms, working_elements
from splitnets_tf.partition.positions import cut_table, last_working, no_fitting_cut
from splitnets_tf.partition.result import Partition, partition_at

__all__ = ["hivemind"]

Times = NDArray[np.float64]
Objective = Literal["latency", "bottleneck"]


def hivemind(
    graph: Graph,
    system: System,
    *,
    objective: Objective = "latency",
    memory_limit: bool = True,
    views: int = 1,
    bits: int = 8,
) -> Partition:
    """Finds the best ascending cuts for a chain of devices.

    A path visits, device by device, how far the network has been computed; an edge computes a stretch of it on one
    device and sends what is needed behind it. A device may compute nothing and pass the tensors on.

    Args:
        graph: The network, unfused.
        system: The chain of devices (of a mesh: the way through the first parallel device).
        objective: `latency` adds all times up; `bottleneck` takes the slowest computation or transfer, which decides
            how many frames a second pass, and among equals the lower sum.
        memory_limit: Whether each part's `peak_bytes` must be within its processor's memory.
        views: Number of views of one answer.
        bits: Bits of a feature's element on the links.

    Returns:
        The partition.

    Raises:
        UserError: If the objective is unknown or no legal division fits into memory.

    Reference:
        Wang et al., "HiveMind: Towards Cellular Native Machine Learning Model Splitting", IEEE JSAC 2021.
    """
    if objective not in ("latency", "bottleneck"):
        raise UserError(f"objective must be 'latency' or 'bottleneck', not {objective!r}")
    stretches = _Stretches(graph, system, views, memory_limit, bits)
    if objective == "bottleneck":
        # Many divisions share the slowest stage: the fastest of them, all stages counted, is the answer.
        slowest_ms, _ = stretches.best_cuts(np.maximum)
        stretches.longest_ms = slowest_ms
    best_ms, cuts = stretches.best_cuts(np.add)
    if not np.isfinite(best_ms):
        raise no_fitting_cut(graph, system)
    name = "hivemind" if objective == "latency" else "hivemind-bottleneck"
    return partition_at(name, graph, cuts, system, views=views, bits=bits)


class _Stretches:
    """Times of computing and sending, infinite where something does not fit into memory or lasts too long."""

    def __init__(self, graph: Graph, system: System, views: int, memory_limit: bool, bits: int) -> None:
        macs = np.array([op.macs for op in graph.operations], dtype=np.int64)
        self.system = system
        self.table = cut_table(graph, views=views, bits=bits)
        self.macs_once = _before(macs)
        self.macs_all_views = _before(macs * np.array(repetitions(graph, views), dtype=np.int64))
        self.params = _before(np.array([op.params for op in graph.operations], dtype=np.int64))
        self.work = np.array(working_elements(graph), dtype=np.int64)
        self.memory_limit = memory_limit
        self.longest_ms = np.inf

    def best_cuts(self, join: np.ufunc) -> tuple[float, tuple[int, ...]]:
        """Returns the best value, times joined by `join`, and its cuts; infinite where nothing is allowed."""
        best = np.where(self.table.legal, self.compute_ms(0, self.system.chain[0], self.macs_once), np.inf)
        choices: list[NDArray[np.int64]] = []
        for device, link in zip(self.system.chain[1:], self.system.hops, strict=True):
            sending = self.within(transfer_ms(self.table.link_bytes, link.share_bytes_per_s))
            sent = join(best, np.where(self.table.legal, sending, np.inf))
            best, choice = self.extend(sent, device, join)
            choices.append(choice)
        cuts = [len(self.work)]
        for choice in reversed(choices):
            cuts.append(int(choice[cuts[-1]]))
        return float(best[-1]), tuple(reversed(cuts[1:]))

    def extend(self, sent: Times, device: Processor, join: np.ufunc) -> tuple[Times, NDArray[np.int64]]:
        """Returns for each n the best value when the device computes k..n, and that k."""
        starts = np.flatnonzero(np.isfinite(sent))
        best = np.full(len(sent), np.inf)
        choice = np.zeros(len(sent), dtype=np.int64)
        if not len(starts):
            return best, choice
        rows = np.stack([join(sent[k], self.compute_ms(int(k), device, self.macs_all_views)) for k in starts])
        best = rows.min(axis=0)
        for n in np.flatnonzero(np.isfinite(best)):
            ties = np.flatnonzero(np.isclose(rows[:, n], best[n], rtol=1e-12, atol=0.0))
            choice[n] = last_working(starts[ties], self.table.head_macs)
        return best, choice

    def compute_ms(self, k: int, device: Processor, macs: NDArray[np.int64]) -> Times:
        """Returns the time of operations k..n on a device for all n; infinite for n < k."""
        times = np.full(len(macs), np.inf)
        times[k:] = latency_ms(macs[k:] - macs[k], device.macs_per_s)
        if self.memory_limit and device.memory_bytes is not None:
            largest = np.concatenate([[0], np.maximum.accumulate(self.work[k:])])
            times[k:][self.params[k:] - self.params[k] + largest > device.memory_bytes] = np.inf
        return self.within(times)

    def within(self, times: Times) -> Times:
        return np.where(times <= self.longest_ms * (1 + 1e-12), times, np.inf)


def _before(values: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(values)]).astype(np.int64)
