"""The methods that the command line offers, by name."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Callable
from functools import partial

from splitnets_tf.errors import UserError
from splitnets_tf.hardware import Graph, System
from splitnets_tf.partition import (
    Partition,
    all_on_aggregator,
    all_on_sensor,
    dads,
    hivemind,
    neurosurgeon,
    partition_at,
)

__all__ = ["METHODS", "cut_behind", "fastest_feasible", "run_methods"]

logger = logging.getLogger(__name__)

METHODS: dict[str, Callable[..., Partition]] = {
    "all-on-sensor": all_on_sensor,
    "all-on-aggregator": all_on_aggregator,
    "neurosurgeon": neurosurgeon,
    "neurosurgeon-no-limit": partial(neurosurgeon, memory_limit=False),
    "dads": dads,
    "hivemind": hivemind,
    "hivemind-bottleneck": partial(hivemind, objective="bottleneck"),
}
"""Name of each method and the function that runs it."""


def run_methods(names: list[str], graph: Graph, system: System, *, bits: int) -> list[Partition]:
    """Partitions a network by several methods.

    Args:
        names: Keys of `METHODS`.
        graph: The network.
        system: The devices and links.
        bits: Bits of a feature's element on the link.

    Returns:
        One partition for each method, in order.

    Raises:
        UserError: If a method finds no legal cut that fits into memory.
    """
    return [METHODS[name](graph, system, bits=bits) for name in names]


def cut_behind(layer: str, graph: Graph, system: System, *, bits: int) -> Partition:
    """Cuts a network where the user says.

    Args:
        layer: Name of a layer, or of an operation where the model has no layers (a .tflite file).
        graph: The network.
        system: The devices and links.
        bits: Bits of a feature's element on the link.

    Returns:
        The partition.

    Raises:
        UserError: If there is no such layer.
    """
    positions = [n for n, op in enumerate(graph.operations, start=1) if layer in (op.layer, op.name)]
    if not positions:
        names = list(dict.fromkeys(op.layer or op.name for op in graph.operations))
        near = difflib.get_close_matches(layer, names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"its first layers are {', '.join(names[:5])}"
        raise UserError(f"{graph.name} has no layer {layer!r}; {hint}")
    cuts = (positions[-1],) * len(system.hops)
    return partition_at(f"at {layer}", graph, cuts, system, bits=bits)


def fastest_feasible(partitions: list[Partition]) -> Partition:
    """Returns the fastest partition that fits into memory, or the fastest of all where none does."""
    feasible = [partition for partition in partitions if partition.feasible]
    if not feasible:
        logger.warning("no method's answer fits into memory; taking the fastest all the same")
    return min(feasible or partitions, key=lambda partition: partition.latency_ms)
