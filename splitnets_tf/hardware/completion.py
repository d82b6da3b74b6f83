"""When the answer is there: layers assigned to the devices of a chain or a mesh, JMSNAS's equations (1) and (2).

Every time may be a number or an array; so the same expression prices one network, a population, and the expectation
over a distribution of networks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from splitnets_tf.hardware.formulas import transfer_ms
from splitnets_tf.hardware.system import System, Topology

__all__ = ["Assignment", "chain_completion_ms", "completion_ms", "device_order", "mesh_completion_ms", "sending_ms"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """Which layers each device computes; layers are numbered from 1 in the order of the devices."""

    topology: Topology
    """How data passes the devices."""

    counts: Mapping[str, int]
    """Layers of each device."""

    def layers(self, device: str) -> tuple[int, ...]:
        """Returns D^m, the numbers of a device's layers; empty where it only passes tensors on."""
        first = 1
        for name in device_order(self.topology):
            if name == device:
                break
            first += self.counts[name]
        return tuple(range(first, first + self.counts[device]))

    def sent_layers(self, device: str) -> tuple[int, ...]:
        """Returns the layers whose outputs a device sends: d(m) = max D^m, or what it received where D^m is empty.

        Number 0 is the image. Behind parallel devices there are several, one for each.
        """
        own = self.layers(device)
        return (own[-1],) if own else self.received_layers(device)

    def received_layers(self, device: str) -> tuple[int, ...]:
        """Returns the layers whose outputs a device receives; (0,) for the device that has the image."""
        path = self.topology.path
        place = _place(self.topology, device)
        if place == 0:
            return (0,)
        before = path[place - 1]
        senders = (before,) if isinstance(before, str) else before
        return tuple(layer for sender in senders for layer in self.sent_layers(sender))


def device_order(topology: Topology) -> tuple[str, ...]:
    """Returns the names of all devices, parallel ones one after the other."""
    return tuple(name for step in topology.path for name in ((step,) if isinstance(step, str) else step))


def chain_completion_ms(compute_ms: Sequence[Any], sent_ms: Sequence[Any]) -> Any:
    """Returns the completion latency of a chain.

    Args:
        compute_ms: For each device, the summed time of its layers.
        sent_ms: For each device, the time to send what the next one needs; 0 for the last.

    Reference:
        JMSNAS (arXiv 2111.08206), equation (1).
    """
    return sum(compute + sent for compute, sent in zip(compute_ms, sent_ms, strict=True))


def mesh_completion_ms(chain_ms: Any, root_ms: Any, branches_ms: Sequence[Any]) -> Any:
    """Returns the completion latency of a mesh.

    Args:
        chain_ms: Computing and sending of all devices outside the tree.
        root_ms: Computing and sending of the tree's root.
        branches_ms: Computing and sending of each parallel device.

    Reference:
        JMSNAS (arXiv 2111.08206), equation (2).
    """
    slowest = branches_ms[0]
    for branch_ms in branches_ms[1:]:
        slowest = np.maximum(slowest, branch_ms)
    return chain_ms + (root_ms + slowest)


def completion_ms(topology: Topology, compute_ms: Mapping[str, Any], sent_ms: Mapping[str, Any]) -> Any:
    """Returns the completion latency by equation (1) or (2), whichever suits the topology.

    Args:
        topology: A chain, or a mesh.
        compute_ms: Device -> summed time of its layers.
        sent_ms: Device -> time to send what it gives on; see `sending_ms`.
    """
    stage_ms = {name: compute_ms[name] + sent_ms[name] for name in device_order(topology)}
    group = next((step for step in topology.path if isinstance(step, tuple)), None)
    if group is None:
        names = device_order(topology)
        return chain_completion_ms([compute_ms[name] for name in names], [sent_ms[name] for name in names])
    root = topology.path[topology.path.index(group) - 1]
    outside = sum(stage_ms[name] for name in topology.path if isinstance(name, str) and name != root)
    return mesh_completion_ms(outside, stage_ms[str(root)], [stage_ms[name] for name in group])


def sending_ms(system: System, device: str, size_bytes: float) -> float:
    """Returns the time that a device needs to give its result on; 0 for the device that has the answer.

    The root of a mesh broadcasts once, at the speed of the slowest receiver; without broadcast it sends to one device
    after the other.

    Args:
        system: Devices and links.
        device: The sender.
        size_bytes: Bytes of its result.
    """
    path = system.topology.path
    place = _place(system.topology, device)
    if place + 1 == len(path):
        return 0.0
    receivers = path[place + 1]
    if isinstance(receivers, str):
        return transfer_ms(float(size_bytes), system.link(device, receivers).share_bytes_per_s)
    times = [transfer_ms(float(size_bytes), system.link(device, name).share_bytes_per_s) for name in receivers]
    return max(times) if system.topology.broadcast else sum(times)


def _place(topology: Topology, device: str) -> int:
    steps = [(step,) if isinstance(step, str) else step for step in topology.path]
    return next(place for place, names in enumerate(steps) if device in names)
