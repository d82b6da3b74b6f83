"""Partitioners for a sensor and an aggregator: all on either side, and Neurosurgeon's exhaustive search."""

from __future__ import annotations

import numpy as np

from splitnets_tf.errors import UserError
from splitnets_tf.hardware import Graph, System
from splitnets_tf.partition.positions import cut_table, last_working, legal_cuts, no_fitting_cut
from splitnets_tf.partition.result import Partition, partition_at

__all__ = ["all_on_aggregator", "all_on_sensor", "neurosurgeon"]


def all_on_sensor(graph: Graph, system: System, *, views: int = 1, bits: int = 8) -> Partition:
    """Runs the whole network on the sensor and sends nothing.

    Args:
        graph: The network, unfused.
        system: The devices and links.
        views: Number of views of one answer.
        bits: Bits of a feature's element on the link (nothing is sent here).

    Returns:
        The partition, feasible or not.

    Raises:
        UserError: If the network fuses several views, which no single sensor has.
    """
    n = len(graph.operations)
    if n not in legal_cuts(graph, views=views):
        raise UserError(f"{graph.name}: it fuses {views} views, which no single sensor has; choose another method")
    return partition_at("all-on-sensor", graph, (n,) * len(system.hops), system, views=views, bits=bits)


def all_on_aggregator(graph: Graph, system: System, *, views: int = 1, bits: int = 8) -> Partition:
    """Sends the raw image (8 bits an element) and runs the whole network on the last device.

    Args:
        graph: The network, unfused.
        system: The devices and links.
        views: Number of views of one answer.
        bits: Bits of a feature's element on the link (a raw image has 8).

    Returns:
        The partition, feasible or not.
    """
    return partition_at("all-on-aggregator", graph, (0,) * len(system.hops), system, views=views, bits=bits)


def neurosurgeon(
    graph: Graph, system: System, *, memory_limit: bool = True, views: int = 1, bits: int = 8
) -> Partition:
    """Tries every cut in topological order and takes the fastest.

    Among equally fast cuts the last one is taken, so that batch normalisation and activation stay with their
    convolution; a sensor that would compute nothing gets nothing.

    Args:
        graph: The network, unfused.
        system: The devices and links; processors between the first and the last only pass bytes on.
        memory_limit: Whether a part's `peak_bytes` must be within its processor's memory.
        views: Number of views of one answer.
        bits: Bits of a feature's element on the link.

    Returns:
        The partition.

    Raises:
        UserError: If no legal cut fits into memory; the message names the layer that needs most.

    Reference:
        Kang et al., "Neurosurgeon", ASPLOS 2017; SplitNets (arXiv 2204.04705), section 4.1.
    """
    table = cut_table(graph, views=views, bits=bits)
    allowed = table.legal & table.fits(system) if memory_limit else table.legal
    if not allowed.any():
        raise no_fitting_cut(graph, system)
    times_ms = np.where(allowed, table.latency_ms(system), np.inf)
    fastest = np.flatnonzero(np.isclose(times_ms, times_ms.min(), rtol=1e-12, atol=0.0))
    n = last_working(fastest, table.head_macs)
    name = "neurosurgeon" if memory_limit else "neurosurgeon-no-limit"
    return partition_at(name, graph, (n,) * len(system.hops), system, views=views, bits=bits)
