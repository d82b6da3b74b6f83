"""DADS: the fastest division of any directed acyclic network between two devices, as a minimum cut."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import networkx as nx

from splitnets_tf.hardware import Graph, System, feature_bytes, latency_ms, reorder, repetitions
from splitnets_tf.partition.result import Partition, partition_at

__all__ = ["dads"]

IMAGE_BITS = 8
_SENSOR = ("sensor",)
_AGGREGATOR = ("aggregator",)
_UNITS_PER_MS = 10**12
"""Capacities are whole femtoseconds: with integers the minimum cut is exact."""


def dads(graph: Graph, system: System, *, views: int = 1, bits: int = 8) -> Partition:
    """Finds the fastest valid division, not only among the cuts of one topological order.

    The network of capacities: an operation hangs on the sensor by the time it takes on the aggregator (paid if it
    goes there) and on the aggregator by the time it takes on the sensor. A tensor hangs on its maker by its transfer
    time and without limit on its readers, so it is paid once however many readers it has. A reader hangs without limit
    on its maker, so nothing flows back.

    Args:
        graph: The network, unfused.
        system: The devices and links; memory is not considered (as in the paper), only reported.
        views: Number of views of one answer.
        bits: Bits of a feature's element on the link.

    Returns:
        The partition; its graph has the sensor's operations first.

    Reference:
        Hu et al., "Dynamic Adaptive DNN Surgery for Inference Acceleration on the Edge", INFOCOM 2019.
    """
    network = _capacities(graph, system, views, bits)
    _, (sensor_side, _) = nx.minimum_cut(network, _SENSOR, _AGGREGATOR, flow_func=nx.flow.boykov_kolmogorov)
    chosen = {op.name for op in graph.operations if ("operation", op.name) in sensor_side}
    ordered = reorder(graph, chosen)
    found, nothing = (
        partition_at("dads", ordered, (n,) * len(system.hops), system, views=views, bits=bits) for n in (len(chosen), 0)
    )
    # A sensor that would only pass the image through operations without work gets nothing.
    idle = found.sensor.macs == 0 and math.isclose(found.latency_ms, nothing.latency_ms, rel_tol=1e-12)
    return nothing if idle else found


def _capacities(graph: Graph, system: System, views: int, bits: int) -> nx.DiGraph[Any]:
    network: nx.DiGraph[Any] = nx.DiGraph()
    maker = {name: ("operation", op.name) for op in graph.operations for name in op.outputs}
    fusion = next((i for i, op in enumerate(graph.operations) if op.kind == "view_fuse"), len(graph.operations))
    for i, (op, times) in enumerate(zip(graph.operations, repetitions(graph, views), strict=True)):
        node = ("operation", op.name)
        there_ms = latency_ms(op.macs * times, system.aggregator.macs_per_s)
        here_ms = latency_ms(op.macs, system.sensor.macs_per_s)
        network.add_edge(_SENSOR, node, capacity=_units(there_ms))
        if views > 1 and i >= fusion:
            network.add_edge(node, _AGGREGATOR)
        else:
            network.add_edge(node, _AGGREGATOR, capacity=_units(here_ms))
        for name in dict.fromkeys(op.inputs):
            network.add_edge(("tensor", name), node)
            if name in maker:
                network.add_edge(node, maker[name])
    for tensor in graph.tensors:
        if ("tensor", tensor.name) in network:
            size = feature_bytes(tensor.elements, IMAGE_BITS if tensor.name in graph.inputs else bits)
            capacity = _units(system.sensor_to_aggregator_ms(size))
            network.add_edge(maker.get(tensor.name, _SENSOR), ("tensor", tensor.name), capacity=capacity)
    for a, b in pairwise(graph.operations):
        if a.layer and a.layer == b.layer:
            network.add_edge(("operation", a.name), ("operation", b.name))
            network.add_edge(("operation", b.name), ("operation", a.name))
    return network


def _units(time_ms: float) -> int:
    return round(time_ms * _UNITS_PER_MS)
