"""What a network costs on a system when it is cut at one place: memory, latency, throughput and energy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from splitnets_tf.errors import UserError
from splitnets_tf.hardware.arena import plan_arena
from splitnets_tf.hardware.cutting import crossing_tensors, part
from splitnets_tf.hardware.formulas import energy_mj, feature_bytes, latency_ms, throughput_per_s, transfer_ms
from splitnets_tf.hardware.fusion import fuse_int8
from splitnets_tf.hardware.graph import Graph, total_macs, total_params
from splitnets_tf.hardware.memory import peak_bytes, sram_traffic_bytes, weight_bytes
from splitnets_tf.hardware.system import Link, Processor, System

__all__ = [
    "ChainCost",
    "DeviceCost",
    "LinkCost",
    "SplitCost",
    "chain_cost",
    "check_views",
    "device_cost",
    "link_bytes",
    "split_cost",
]

IMAGE_BITS = 8
"""A camera's pixels have 8 bits, whatever the network's features have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceCost:
    """One device's part of a network; all zero where it has none."""

    params: int = 0
    """Trained parameters, batch normalisation's gamma and beta included."""

    macs: int = 0
    """Multiply-accumulates for one frame."""

    peak_bytes: int = 0
    """The paper's peak memory: all weights plus the largest input + output, unfused."""

    weight_bytes: int = 0
    """Constants of the int8 file."""

    arena_bytes: int = 0
    """Activation memory of the int8 file as TensorFlow Lite Micro plans it."""

    latency_ms: float = 0.0
    """Time for one frame."""

    energy_mj: float | None = None
    """Energy of one frame, idle power included; None where the system has no energy constants."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkCost:
    """What one sender puts on the way to the next device."""

    bytes: int = 0
    """Bytes of one frame."""

    latency_ms: float = 0.0
    """Time for them at the sender's share of the bandwidth."""

    energy_mj: float | None = None
    """Energy of sending them; None where the system has no energy constants."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChainCost:
    """Cost of a network cut into one part for each device of a chain, in the order in which data passes them."""

    devices: tuple[DeviceCost, ...]
    """Cost of each device's part; sensors that work in parallel count once."""

    links: tuple[LinkCost, ...]
    """Cost of each link, one fewer than the devices."""

    @property
    def latency_ms(self) -> float:
        """Time from image to answer: the plain sum, nothing overlaps (SplitNets, equation 1; JMSNAS, equation 1)."""
        return sum(device.latency_ms for device in self.devices) + sum(link.latency_ms for link in self.links)

    @property
    def throughput_per_s(self) -> float:
        """Frames per second when all stages work on successive frames: one per slowest stage."""
        return throughput_per_s(*(d.latency_ms for d in self.devices), *(link.latency_ms for link in self.links))

    @property
    def energy_mj(self) -> float | None:
        """Energy of one frame on all devices (one sensor) and links; None without energy constants."""
        return _total_energy_mj([*(d.energy_mj for d in self.devices), *(link.energy_mj for link in self.links)])


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitCost:
    """Cost of a network cut into a sensor's and an aggregator's part."""

    sensor: DeviceCost
    """Part of one sensor; sensors work in parallel."""

    link: LinkCost
    """One sensor's transfer; where devices between pass it on, the sum of their links' times and energies."""

    aggregator: DeviceCost
    """Part of the aggregator."""

    chain: ChainCost
    """The same, device by device and link by link."""

    @property
    def latency_ms(self) -> float:
        """Time from image to answer: the plain sum, nothing overlaps (SplitNets, equation 1)."""
        return self.sensor.latency_ms + self.link.latency_ms + self.aggregator.latency_ms

    @property
    def throughput_per_s(self) -> float:
        """Frames per second when all stages work on successive frames: one per slowest stage."""
        return self.chain.throughput_per_s

    @property
    def energy_mj(self) -> float | None:
        """Energy of one frame on one sensor, the way and the aggregator; None without energy constants."""
        return self.chain.energy_mj

    def fits(self, system: System) -> bool:
        """Returns whether both parts' `peak_bytes` (the paper's figure) fit their processors' memory."""
        return _fits(self.sensor.peak_bytes, system.sensor) and _fits(self.aggregator.peak_bytes, system.aggregator)

    def fits_device(self, system: System) -> bool:
        """Returns whether weights + arena of the int8 halves fit their processors' memory."""
        sensor, aggregator = self.sensor, self.aggregator
        return _fits(sensor.weight_bytes + sensor.arena_bytes, system.sensor) and _fits(
            aggregator.weight_bytes + aggregator.arena_bytes, system.aggregator
        )


def split_cost(graph: Graph, n: int, system: System, *, views: int = 1, bits: int = 8) -> SplitCost:
    """Prices a network whose first `n` operations run on the sensor and the rest on the aggregator.

    Args:
        graph: The whole network, unfused.
        n: Operations on the sensor: 0 sends the raw image, all of them send nothing (the answer is a few bytes).
        system: Its first and last processor hold the two parts; processors between them only pass the bytes on.
        views: Number of sensors whose views belong to one answer. What precedes a `view_fuse` operation (the whole
            network where there is none) then runs once for each view on the aggregator.
        bits: Bits of a feature's element on the link, 4, 8, 16 or 32. A raw image has 8.

    Returns:
        The cost of both parts and of the way between them.

    Raises:
        ValueError: If `n` is out of range or lies behind a fusion of several views.
    """
    chain = chain_cost(graph, (n,) * len(system.hops), system, views=views, bits=bits)
    link = LinkCost(
        bytes=chain.links[0].bytes,
        latency_ms=sum(link.latency_ms for link in chain.links),
        energy_mj=_total_energy_mj([link.energy_mj for link in chain.links]),
    )
    return SplitCost(sensor=chain.devices[0], link=link, aggregator=chain.devices[-1], chain=chain)


def chain_cost(graph: Graph, cuts: Sequence[int], system: System, *, views: int = 1, bits: int = 8) -> ChainCost:
    """Prices a network cut into one part for each processor of a system's chain.

    Args:
        graph: The whole network, unfused.
        cuts: For each link, how many operations lie before it, ascending. Equal neighbours leave a device without
            work: it passes the bytes on.
        system: The devices and links.
        views: Number of first devices whose views belong to one answer; all further devices serve all of them.
        bits: Bits of a feature's element on the links. A raw image has 8.

    Returns:
        The cost of each device and link.

    Raises:
        ValueError: If the cuts do not ascend, are too many or too few, or lie behind a fusion of several views.
        UserError: If several views are asked for on a chain of more than two devices.
    """
    hops = system.hops
    bounds = (0, *cuts, len(graph.operations))
    if len(cuts) != len(hops) or list(bounds) != sorted(bounds):
        raise ValueError(f"{len(hops)} ascending cuts in 0..{len(graph.operations)} are needed, not {tuple(cuts)}")
    _check_fusion(graph, cuts[0], system, views)
    repeats = (1, *(views for _ in hops))
    parts = [part(graph, start, end) for start, end in pairwise(bounds)]
    sizes = [link_bytes(graph, n, bits=bits) for n in cuts]
    works = [total_macs(piece, times) if piece else 0 for piece, times in zip(parts, repeats, strict=True)]
    times_ms = [transfer_ms(size, hop.share_bytes_per_s) for size, hop in zip(sizes, hops, strict=True)]
    total_ms = sum(times_ms) + sum(
        latency_ms(work, device.macs_per_s) for work, device in zip(works, system.chain, strict=True)
    )
    return ChainCost(
        devices=tuple(
            device_cost(piece, device, views=times, total_ms=total_ms)
            for piece, device, times in zip(parts, system.chain, repeats, strict=True)
        ),
        links=tuple(
            LinkCost(bytes=size, latency_ms=time_ms, energy_mj=_link_energy_mj(size, hop))
            for size, time_ms, hop in zip(sizes, times_ms, hops, strict=True)
        ),
    )


def link_bytes(graph: Graph, n: int, *, bits: int = 8) -> int:
    """Returns the bytes that a cut after `n` operations sends: every tensor that crosses, once.

    Args:
        graph: The whole network.
        n: Operations before the cut.
        bits: Bits of a feature's element; elements of the graph's inputs have 8.
    """
    total = 0
    for name in crossing_tensors(graph, n):
        elements = graph.tensor(name).elements
        total += feature_bytes(elements, IMAGE_BITS if name in graph.inputs else bits)
    return total


def device_cost(
    graph: Graph | None, processor: Processor, *, views: int = 1, total_ms: float | None = None
) -> DeviceCost:
    """Prices a part of a network on one processor.

    Args:
        graph: The part, unfused; None where the device has none.
        processor: The device.
        views: Number of views that it works on for one answer.
        total_ms: Time from image to answer, during which it draws its idle power; None leaves the energy out.

    Returns:
        Its cost.
    """
    idle_mj = _energy_mj(processor, 0, 0, total_ms)
    if graph is None:
        return DeviceCost(energy_mj=idle_mj)
    fused = fuse_int8(graph)
    macs = total_macs(graph, views)
    return DeviceCost(
        params=total_params(graph),
        macs=macs,
        peak_bytes=peak_bytes(graph),
        weight_bytes=weight_bytes(fused),
        arena_bytes=plan_arena(fused).arena_bytes,
        latency_ms=latency_ms(macs, processor.macs_per_s),
        energy_mj=_energy_mj(processor, macs, sram_traffic_bytes(fused, views), total_ms),
    )


def check_views(system: System, views: int) -> None:
    """Refuses several views on a chain of more than two devices with a UserError."""
    if views > 1 and len(system.hops) > 1:
        raise UserError(
            f"system {system.name!r} is a chain of {len(system.chain)} devices, but {views} views need sensors around "
            "one aggregator; choose a system with two processors"
        )


def _energy_mj(processor: Processor, macs: int, sram_bytes: int, total_ms: float | None) -> float | None:
    if processor.energy is None or total_ms is None:
        return None
    return energy_mj(
        macs=macs,
        pj_per_mac=processor.energy.pj_per_mac.value,
        sram_bytes=sram_bytes,
        pj_per_sram_byte=processor.energy.pj_per_sram_byte.value,
        idle_mw=processor.energy.idle_mw.value,
        latency_ms=total_ms,
    )


def _total_energy_mj(parts: Sequence[float | None]) -> float | None:
    return None if None in parts else sum(energy for energy in parts if energy is not None)


def _link_energy_mj(size_bytes: int, link: Link) -> float | None:
    return None if link.pj_per_byte is None else size_bytes * link.pj_per_byte.value * 1e-9


def _check_fusion(graph: Graph, n: int, system: System, views: int) -> None:
    check_views(system, views)
    for position, operation in enumerate(graph.operations):
        if operation.kind == "view_fuse":
            if operation.views != views:
                raise ValueError(f"{operation.name!r} fuses {operation.views} views, but the cost is asked for {views}")
            if n > position:
                raise ValueError(f"a sensor has one view; cut before {operation.name!r} (n <= {position}), not at {n}")


def _fits(size_bytes: int, processor: Processor) -> bool:
    return processor.memory_bytes is None or size_bytes <= processor.memory_bytes
