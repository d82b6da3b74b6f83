"""The answer of a partitioner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from splitnets_tf.hardware import ChainCost, DeviceCost, Graph, LinkCost, System, chain_cost, crossing_tensors

__all__ = ["Partition", "partition_at"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Partition:
    """A network cut for a system, with its price."""

    method: str
    """Name of the method that chose the cut."""

    graph: Graph
    """The network, its operations in the order in which the devices take them."""

    cuts: tuple[int, ...]
    """For each link, how many operations lie before it."""

    device_names: tuple[str, ...]
    """Names of the devices, sensor first."""

    cost: ChainCost
    """Cost of each device and link."""

    feasible: bool
    """Whether each part's `peak_bytes` (the paper's figure) is within its processor's memory."""

    reason: str
    """Why it is not feasible; empty where it is."""

    @property
    def n(self) -> int:
        """Number of operations on the sensor."""
        return self.cuts[0]

    @property
    def cut_after(self) -> tuple[str, ...]:
        """Name of the last operation before each link; empty text where the raw input is sent."""
        return tuple(self.graph.operations[n - 1].name if n else "" for n in self.cuts)

    @property
    def sent(self) -> tuple[tuple[str, ...], ...]:
        """Names of the tensors that each link carries."""
        return tuple(crossing_tensors(self.graph, n) for n in self.cuts)

    @property
    def sensor(self) -> DeviceCost:
        """Cost of the first device's part."""
        return self.cost.devices[0]

    @property
    def aggregator(self) -> DeviceCost:
        """Cost of the last device's part."""
        return self.cost.devices[-1]

    @property
    def link(self) -> LinkCost:
        """Cost of the first link."""
        return self.cost.links[0]

    @property
    def latency_ms(self) -> float:
        """Time from image to answer."""
        return self.cost.latency_ms

    @property
    def throughput_per_s(self) -> float:
        """Frames per second of the pipeline: one per slowest stage."""
        return self.cost.throughput_per_s

    @property
    def energy_mj(self) -> float | None:
        """Energy of one frame; None where the system has no energy constants."""
        return self.cost.energy_mj


def partition_at(
    method: str, graph: Graph, cuts: Sequence[int], system: System, *, views: int = 1, bits: int = 8
) -> Partition:
    """Prices given cuts as a method's answer.

    Args:
        method: Name of the method.
        graph: The network, in the order in which the devices take its operations.
        cuts: For each link of the system's chain, how many operations lie before it.
        system: The devices and links.
        views: Number of views of one answer.
        bits: Bits of a feature's element on the links.

    Returns:
        The partition.
    """
    cost = chain_cost(graph, cuts, system, views=views, bits=bits)
    misses = [
        f"{processor.name} needs {device.peak_bytes} of {processor.memory_bytes} bytes"
        for device, processor in zip(cost.devices, system.chain, strict=True)
        if processor.memory_bytes is not None and device.peak_bytes > processor.memory_bytes
    ]
    return Partition(
        method=method,
        graph=graph,
        cuts=tuple(cuts),
        device_names=tuple(processor.name for processor in system.chain),
        cost=cost,
        feasible=not misses,
        reason="; ".join(misses),
    )
