"""A small space that can be enumerated, with invented prices and a rugged table of accuracies.

The benchmark of the search, its tests and the child processes that they kill share it.
"""

import dataclasses
import functools
import itertools
import math

import numpy as np

from splitnets_tf.search import Cost
from splitnets_tf.space import Architecture, SearchSpace, StageRow

ROW = {"depths": (1, 2), "kernels": (3, 5), "expansions": (2, 3), "stride": 2}
SPACE = SearchSpace(
    name="synthetic",
    resolutions=(32, 48, 64),
    stem_widths=(8, 16),
    stages=(StageRow(name="a", widths=(16, 24), **ROW), StageRow(name="b", widths=(32, 48), **ROW)),
    head_widths=(64,),
    split_widths=(4, 8, 12, 16),
)
"""About 15 000 architectures with one split."""

TINY_SPACE = dataclasses.replace(
    SPACE,
    name="tiny",
    resolutions=(32,),
    stem_widths=(8,),
    stages=(StageRow(name="a", widths=(16,), depths=(1,), kernels=(3,), expansions=(2, 3), stride=2),),
    split_widths=(4, 8),
)
"""Four architectures with one split."""


class SyntheticCost:
    """Prices that grow with every gene; where the split lies moves work from the link to the sensor."""

    def __init__(self) -> None:
        """Start counting."""
        self.asked = 0

    def cost(self, architecture: Architecture) -> Cost:
        """Invented figures."""
        self.asked += 1
        return synthetic_cost(architecture)


@functools.lru_cache(maxsize=100_000)
def synthetic_cost(architecture: Architecture) -> Cost:
    """Figures by closed formulas that have the shape of the real ones."""
    split = architecture.splits[0]
    side = architecture.resolution // 2
    macs = [27 * architecture.stem_width * side**2]
    weights = [27 * architecture.stem_width]
    channels = architecture.stem_width
    for choice in architecture.stages:
        side //= 2
        block = choice.expansion * channels * (channels + choice.kernel**2 + choice.width)
        macs.append(choice.depth * block * side**2)
        weights.append(choice.depth * block)
        channels = choice.width
    on_sensor = split.phase + 1
    sensor_macs = sum(macs[:on_sensor]) + split.position * 1000
    side = architecture.resolution // 2 ** (split.phase + 1)
    link_bytes = split.width * side**2
    sensor_ms, link_ms, rest_ms = sensor_macs / 4e7, link_bytes / 2e4, (sum(macs) - sensor_macs) / 4e8
    peak = sum(weights[:on_sensor]) + 2 * architecture.stem_width * (architecture.resolution // 2) ** 2
    return Cost(
        latency_ms=sensor_ms + link_ms + rest_ms,
        sensor_latency_ms=sensor_ms,
        link_latency_ms=link_ms,
        aggregator_latency_ms=rest_ms,
        peak_bytes=peak,
        sensor_memory_bytes=peak // 2,
        aggregator_memory_bytes=sum(weights) - sum(weights[:on_sensor]),
        sensor_macs=sensor_macs,
        macs=sum(macs),
        params=sum(weights),
        link_bytes=link_bytes,
    )


class RuggedTable:
    """Accuracy = a rising trend in size, plus random effects of every gene and of neighbouring pairs of genes."""

    def __init__(self, space: SearchSpace, seed: int = 0, ruggedness: float = 0.03) -> None:
        """Draw the table.

        Args:
            space: The space of the architectures.
            seed: Which table.
            ruggedness: Standard deviation of the sum of all random effects, in accuracy.
        """
        self.asked: list[Architecture] = []
        self._space = space
        self._seed = seed
        self._scale = ruggedness / math.sqrt(2 * space.vector_length)

    def evaluate(self, architecture: Architecture) -> float:
        """Accuracy in [0, 1]."""
        self.asked.append(architecture)
        return self.accuracy(architecture)

    def accuracy(self, architecture: Architecture) -> float:
        """The table's entry, without counting."""
        vector = [int(value) for value in self._space.encode(architecture)]
        cost = synthetic_cost(architecture)
        trend = 0.5 + 0.08 * math.log10(cost.macs / 1e5) + 0.02 * math.log2(architecture.splits[0].width)
        rugged = sum(self._effect(index, value) for index, value in enumerate(vector))
        rugged += sum(self._effect(index, a, b) for index, (a, b) in enumerate(itertools.pairwise(vector)))
        return min(max(trend + self._scale * rugged, 0.0), 1.0)

    def _effect(self, *key: int) -> float:
        return _effect(self._seed, *key)


@functools.cache
def _effect(*key: int) -> float:
    return float(np.random.default_rng([abs(value) for value in key] + [len(key)]).standard_normal())
