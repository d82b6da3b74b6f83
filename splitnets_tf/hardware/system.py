"""Processors, links and how they are connected: the hardware that a network is split over."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from splitnets_tf.hardware.formulas import Number, transfer_ms

__all__ = ["Constant", "Link", "Processor", "ProcessorEnergy", "System", "Topology"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Constant:
    """A figure that carries where it comes from."""

    value: float
    """The figure itself; its unit stands in the field's name."""

    source: str
    """Where it comes from, or why it was assumed."""

    assumed: bool = False
    """True where no source gives it for this device."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessorEnergy:
    """What a processor's work costs."""

    pj_per_mac: Constant
    """Picojoules of one multiply-accumulate."""

    pj_per_sram_byte: Constant
    """Picojoules of one byte read from or written to its memory."""

    idle_mw: Constant
    """Power that it draws whether it works or not, in milliwatts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Processor:
    """One kind of device."""

    name: str
    """Name, unique in the system."""

    macs_per_s: float
    """Peak speed in multiply-accumulates a second."""

    memory_bytes: int | None = None
    """Memory for weights and activations; None where it is no limit."""

    count: int = 1
    """How many such devices work in parallel (the sensors of a headset)."""

    source: str = ""
    """Where speed and memory come from."""

    assumed: bool = False
    """True where no source gives them."""

    energy: ProcessorEnergy | None = None
    """Energy constants; None where the system has none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A connection from one processor to another."""

    name: str
    """Name, unique in the system."""

    between: tuple[str, str]
    """Names of sender and receiver."""

    bandwidth_bytes_per_s: float
    """Bytes a second of the whole link."""

    shared_by: int = 1
    """Number of senders that share it evenly."""

    pj_per_byte: Constant | None = None
    """Picojoules of one byte sent; None where the system has no energy constants."""

    source: str = ""
    """Where the bandwidth comes from."""

    assumed: bool = False
    """True where no source gives it."""

    @property
    def share_bytes_per_s(self) -> float:
        """Bytes a second that one sender has."""
        return self.bandwidth_bytes_per_s / self.shared_by


@dataclass(frozen=True, kw_only=True, slots=True)
class Topology:
    """In which order data passes the processors."""

    kind: Literal["star", "chain", "mesh"]
    """`star`: equal sensors around an aggregator; `chain`: one device after the other; `mesh`: a chain with one group
    of parallel devices between its root (the device before the group) and its end."""

    path: tuple[str | tuple[str, ...], ...]
    """Names of the processors from the camera to the answer; a tuple is a group of parallel devices."""

    broadcast: bool = True
    """Whether the root of a mesh sends its tensor once to all parallel devices instead of once to each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class System:
    """Processors and links, from the sensor that sees the image to the device that gives the answer."""

    name: str
    """Name of the system."""

    processors: tuple[Processor, ...]
    """All kinds of devices."""

    links: tuple[Link, ...]
    """All links."""

    topology: Topology
    """How data passes through them."""

    description: str = ""
    """One sentence that says what the system stands for."""

    @property
    def chain(self) -> tuple[Processor, ...]:
        """Processors in the order in which data passes them; of a parallel group the first one."""
        return tuple(self.processor(step if isinstance(step, str) else step[0]) for step in self.topology.path)

    @property
    def hops(self) -> tuple[Link, ...]:
        """The links between the processors of `chain`, one fewer than those."""
        devices = self.chain
        return tuple(self.link(a.name, b.name) for a, b in pairwise(devices))

    @property
    def sensor(self) -> Processor:
        """The processor that has the image."""
        return self.chain[0]

    @property
    def aggregator(self) -> Processor:
        """The processor that gives the answer."""
        return self.chain[-1]

    def processor(self, name: str) -> Processor:
        """Returns the processor of that name; KeyError if there is none."""
        return {processor.name: processor for processor in self.processors}[name]

    def link(self, sender: str, receiver: str) -> Link:
        """Returns the link from one processor to another; KeyError if there is none."""
        return {link.between: link for link in self.links}[sender, receiver]

    def sensor_to_aggregator_ms(self, size_bytes: Number) -> Number:
        """Returns the time that bytes need from the sensor to the aggregator, each link after the other.

        Args:
            size_bytes: Bytes, a number or an array.

        Returns:
            Milliseconds, the sum over the links on the way (store and forward; a headset has one link).
        """
        total = size_bytes * 0.0
        for hop in self.hops:
            total = total + transfer_ms(size_bytes, hop.share_bytes_per_s)
        return total
