"""What the search asks of the outside: how accurate an architecture is, and what it costs."""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from splitnets_tf.space import Architecture

__all__ = ["COST_FIGURES", "Cost", "CostBackend", "Evaluator", "PartwiseEvaluator", "PopulationCostBackend"]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """Hardware figures of one split network; constraints and objectives call them by these names."""

    latency_ms: float
    """Sensor, link and aggregator in sequence."""
    sensor_latency_ms: float
    """Computation on one sensor; sensors work in parallel."""
    link_latency_ms: float
    """Transfer of the features over the sensor's share of the bus."""
    aggregator_latency_ms: float
    """Computation on the aggregator."""
    peak_bytes: int
    """The paper's peak memory of the sensor half: its weights and its largest unfused operation."""
    sensor_memory_bytes: int
    """Weights and planned arena of the sensor half's fused int8 graph: what a real device must hold."""
    aggregator_memory_bytes: int
    """Weights and planned arena of the aggregator half's fused int8 graph."""
    sensor_macs: int
    """Multiply-accumulates on one sensor."""
    macs: int
    """Multiply-accumulates of the whole network."""
    params: int
    """Parameters of the whole network."""
    link_bytes: int
    """Bytes that one sensor sends for one inference."""
    energy_mj: float = math.nan
    """Energy of one inference on one sensor, the way and the aggregator; NaN where the system has no constants."""

    def as_dict(self) -> dict[str, float]:
        """The figures by name, in the order of `COST_FIGURES`."""
        return {name: getattr(self, name) for name in COST_FIGURES}


COST_FIGURES = tuple(field.name for field in dataclasses.fields(Cost))
"""Names of the figures, in the order in which tables show them."""


class Evaluator(Protocol):
    """Gives an architecture's validation accuracy; slow, so the search asks once per architecture."""

    def evaluate(self, architecture: Architecture) -> float:
        """Validation accuracy in [0, 1]."""
        ...


@runtime_checkable
class PartwiseEvaluator(Protocol):
    """An evaluator that can also count its validation images part by part."""

    def correct_in_parts(self, architecture: Architecture, shares: Sequence[float]) -> Iterator[npt.NDArray[np.bool_]]:
        """Which images are classified correctly: those of each part, then the rest.

        Args:
            architecture: What is evaluated.
            shares: Rising shares of all images, in (0, 1). The first part holds the first share of the images, evenly
                spread over all of them, the next one what the second share adds, and so on; the same for every
                architecture.

        Yields:
            bool `[images of the part]`, `len(shares) + 1` times; what is not asked for is not computed.
        """
        ...


class CostBackend(Protocol):
    """Gives an architecture's hardware figures; fast, so the search asks before it evaluates."""

    def cost(self, architecture: Architecture) -> Cost:
        """Figures of an architecture with one split or none; equal architectures have equal figures."""
        ...


@runtime_checkable
class PopulationCostBackend(Protocol):
    """A cost backend that also prices many architectures at once; the search then screens proposals by the batch."""

    population_figures: frozenset[str]
    """Names of the figures that `figures` gives."""

    def figures(self, vectors: npt.NDArray[np.integer[Any]]) -> Mapping[str, npt.NDArray[Any]]:
        """The figures of `population_figures`, arrays `[n]` whose values equal those of `CostBackend.cost`.

        Args:
            vectors: int `[n, vector_length]`, as `SearchSpace.encode` makes them.
        """
        ...
