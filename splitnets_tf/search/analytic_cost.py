"""The analytic hardware model as the search's cost backend."""

import functools
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from splitnets_tf.hardware import Graph, System, split_cost
from splitnets_tf.search.constraints import Constraint, parse_constraints
from splitnets_tf.search.protocols import COST_FIGURES, Cost
from splitnets_tf.space import Architecture, SearchSpace, architecture_graph, price_population

__all__ = ["AnalyticCost", "cost_of_cut", "memory_constraints"]

CACHED_ARCHITECTURES = 65_536
"""Figures kept in memory; a search proposes far fewer."""


class AnalyticCost:
    """Prices an architecture by its graph on a system of sensors, a shared bus and an aggregator.

    Args:
        space: The space of the architectures.
        system: Processors and links.
        num_classes: Outputs of the classifier.
        views: Sensors whose views belong to one answer; None for the space's own number.
    """

    population_figures = frozenset(COST_FIGURES) - {"sensor_memory_bytes", "aggregator_memory_bytes", "energy_mj"}
    """All but those that hold the planned arena, whose placement is a search of its own for each graph, and the energy,
    which counts what each operation reads and writes after fusion."""

    def __init__(self, space: SearchSpace, system: System, num_classes: int, *, views: int | None = None) -> None:
        self._space = space
        self._system = system
        self._num_classes = num_classes
        self._views = space.views if views is None else views
        self._cached = functools.lru_cache(maxsize=CACHED_ARCHITECTURES)(self._compute)

    def cost(self, architecture: Architecture) -> Cost:
        """Figures of an architecture; one without a split runs wholly on the aggregator.

        Raises:
            UserError: The architecture is not of this space.
            ValueError: It has more than one splitting module.
        """
        return self._cached(architecture)

    def figures(self, vectors: npt.NDArray[np.integer[Any]]) -> dict[str, npt.NDArray[Any]]:
        """The figures of `population_figures` for n architectures at once; the others are given by `cost` only.

        Args:
            vectors: int `[n, vector_length]`, each with one split or none.

        Returns:
            Arrays `[n]` by name; every value equals that of `cost`.

        Raises:
            UserError: A value is not of this space.
            ValueError: A network has more than one splitting module.
        """
        priced = price_population(self._space, vectors, self._num_classes, self._system, views=self._views)
        return {
            "latency_ms": priced.latency_ms,
            "sensor_latency_ms": priced.sensor_latency_ms,
            "link_latency_ms": priced.link_latency_ms,
            "aggregator_latency_ms": priced.aggregator_latency_ms,
            "peak_bytes": priced.sensor_peak_bytes,
            "sensor_macs": priced.sensor_macs,
            "macs": priced.sensor_macs + priced.aggregator_macs,
            "params": priced.sensor_params + priced.aggregator_params,
            "link_bytes": priced.link_bytes,
        }

    def _compute(self, architecture: Architecture) -> Cost:
        built = architecture_graph(self._space, architecture, self._num_classes)
        return cost_of_cut(built.graph, built.sensor_operations, self._system, views=self._views)


def cost_of_cut(graph: Graph, sensor_operations: int, system: System, *, views: int = 1) -> Cost:
    """Figures of a network cut anywhere.

    Args:
        graph: The network, unfused.
        sensor_operations: How many of its operations run on the sensor; none of them, or all, too.
        system: Sensors, bus and aggregator.
        views: Sensors whose views belong to one answer.
    """
    priced = split_cost(graph, sensor_operations, system, views=views)
    return Cost(
        latency_ms=priced.latency_ms,
        sensor_latency_ms=priced.sensor.latency_ms,
        link_latency_ms=priced.link.latency_ms,
        aggregator_latency_ms=priced.aggregator.latency_ms,
        peak_bytes=priced.sensor.peak_bytes,
        sensor_memory_bytes=priced.sensor.weight_bytes + priced.sensor.arena_bytes,
        aggregator_memory_bytes=priced.aggregator.weight_bytes + priced.aggregator.arena_bytes,
        sensor_macs=priced.sensor.macs,
        macs=priced.sensor.macs + priced.aggregator.macs,
        params=priced.sensor.params + priced.aggregator.params,
        link_bytes=priced.link.bytes,
        energy_mj=math.nan if priced.energy_mj is None else priced.energy_mj,
    )


def memory_constraints(system: System) -> tuple[Constraint, ...]:
    """What every deployable network must keep: each half within its device's memory.

    `peak_bytes` is the paper's constraint on the sensor (SplitNets, section 3.2); weights and planned arena are what a
    device holds. A device without a limit adds nothing.
    """
    texts = []
    if (limit := system.sensor.memory_bytes) is not None:
        texts += [f"peak_bytes <= {limit}", f"sensor_memory_bytes <= {limit}"]
    if (limit := system.aggregator.memory_bytes) is not None:
        texts.append(f"aggregator_memory_bytes <= {limit}")
    return parse_constraints(tuple(texts))
