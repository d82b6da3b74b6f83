"""The cost model for whole populations: the formulas of `memory` and `cost` on arrays, one element per network.

A `PopulationBuilder` takes the same calls as `GraphBuilder`, but the sizes are arrays and no graph is made: each call
adds an operation's figures to the block under way. Blocks that a network repeats are counted with a multiplicity, so
the work does not grow with the depth. Everything is exact, in 64-bit integers; only the planned arena, whose greedy
placement depends on the order of all sizes, is left to `plan_arena`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from splitnets_tf.hardware.cost import IMAGE_BITS, check_views
from splitnets_tf.hardware.formulas import feature_bytes, latency_ms
from splitnets_tf.hardware.fusion import AXES_BYTES
from splitnets_tf.hardware.system import System

__all__ = [
    "BlockTotals",
    "PopulationBuilder",
    "PopulationCost",
    "PopulationPart",
    "PopulationTensor",
    "population_cost",
]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Sizes = Ints | int
"""An integer for each network, or one for all of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PopulationTensor:
    """An activation tensor of side x side x channels in every network."""

    side: Sizes
    """Height and width."""

    channels: Sizes
    """Channels."""

    @property
    def elements(self) -> Any:
        """Number of elements."""
        return self.side * self.side * self.channels


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockTotals:
    """Figures of one block's operations."""

    params: Sizes
    """Trained parameters."""

    macs: Sizes
    """Multiply-accumulates."""

    working_elements: Sizes
    """Largest input plus output of an operation, not fused: the paper's memory figure."""

    constant_bytes: Sizes
    """Constants of the int8 file, without the axes that all means of a file share."""

    pools: bool
    """Whether a mean over height and width is among the operations."""


class PopulationBuilder:
    """Counts operations instead of building a graph; every call returns the operation's output tensor.

    The calls are those of `GraphBuilder`, on square tensors with `same` padding. Each batch normalisation must follow a
    convolution directly and each hard-sigmoid one too, so that the int8 lowering folds it (as in every block of a
    search space).
    """

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._params: Sizes = 0
        self._macs: Sizes = 0
        self._working: Sizes = 0
        self._constants: Sizes = 0
        self._pools = False

    def finish_block(self) -> BlockTotals:
        """Returns the figures of the operations since the last call, and starts the next block."""
        totals = BlockTotals(
            params=self._params,
            macs=self._macs,
            working_elements=self._working,
            constant_bytes=self._constants,
            pools=self._pools,
        )
        self._begin()
        return totals

    def shape(self, tensor: PopulationTensor) -> tuple[Sizes, Sizes, Sizes]:
        """Returns height, width and channels."""
        return tensor.side, tensor.side, tensor.channels

    def conv2d(
        self,
        name: str,
        x: PopulationTensor,
        filters: Any,
        kernel_size: Any,
        strides: int = 1,
        *,
        use_bias: bool = False,
        where: Any = True,
    ) -> PopulationTensor:
        """Adds a convolution, in the networks where `where` holds; elsewhere `filters` must be the input's channels."""
        out = PopulationTensor(side=-(-x.side // strides), channels=filters)
        weights = kernel_size * kernel_size * x.channels * filters
        self._weighted(x, out, weights, filters if use_bias else 0, 4 * filters, where)
        return out

    def depthwise_conv2d(self, name: str, x: PopulationTensor, kernel_size: Any, strides: int = 1) -> PopulationTensor:
        """Adds a depthwise convolution."""
        out = PopulationTensor(side=-(-x.side // strides), channels=x.channels)
        self._weighted(x, out, kernel_size * kernel_size * x.channels, 0, 4 * x.channels, True)
        return out

    def dense(self, name: str, x: PopulationTensor, units: Any, use_bias: bool = True) -> PopulationTensor:
        """Adds a dense layer on a pooled tensor."""
        out = PopulationTensor(side=1, channels=units)
        bias = units if use_bias else 0
        self._weighted(x, out, x.channels * units, bias, 4 * bias, True)
        return out

    def batch_norm(self, name: str, x: PopulationTensor) -> PopulationTensor:
        """Adds gamma and beta; the int8 file has them in the convolution before."""
        self._params = self._params + 2 * x.channels
        self._work(2 * x.elements)
        return x

    def activation(self, name: str, x: PopulationTensor, kind: str) -> PopulationTensor:
        """Adds an activation function; a hard-sigmoid's factor is a constant of the int8 file."""
        if kind == "hard_sigmoid":
            self._constants = self._constants + 1
        self._work(2 * x.elements)
        return x

    def add(self, name: str, a: PopulationTensor, b: PopulationTensor) -> PopulationTensor:
        """Adds a sum of two tensors of one shape."""
        self._work(2 * a.elements)
        return a

    def multiply(self, name: str, a: PopulationTensor, b: PopulationTensor) -> PopulationTensor:
        """Adds a product of a tensor with one factor for each channel."""
        self._work(2 * a.elements)
        return a

    def pool(self, name: str, x: PopulationTensor, kind: str, pool_size: int, padding: str) -> PopulationTensor:
        """Adds a pooling whose stride is its window."""
        out = PopulationTensor(side=-(-x.side // pool_size), channels=x.channels)
        self._work(x.elements + out.elements)
        return out

    def view_fuse(self, name: str, x: PopulationTensor, views: int, how: str) -> PopulationTensor:
        """Adds the fusion of several views' tensors."""
        out = PopulationTensor(side=x.side, channels=x.channels * views if how == "concat" else x.channels)
        self._work(x.elements + out.elements)
        return out

    def global_average_pool(self, name: str, x: PopulationTensor, keepdims: bool = False) -> PopulationTensor:
        """Adds a mean over height and width."""
        self._pools = True
        self._work(x.elements + x.channels)
        return PopulationTensor(side=1, channels=x.channels)

    def _weighted(
        self, x: PopulationTensor, out: PopulationTensor, weights: Any, bias: Any, bias_bytes: Any, where: Any
    ) -> None:
        if where is not True:
            weights, bias, bias_bytes = weights * where, bias * where, bias_bytes * where
        self._params = self._params + weights + bias
        self._macs = self._macs + weights * (out.side * out.side)
        self._constants = self._constants + weights + bias_bytes
        working = x.elements + out.elements
        self._work(working if where is True else working * where)

    def _work(self, elements: Any) -> None:
        self._working = np.maximum(self._working, elements)


class PopulationPart:
    """One device's part of every network: blocks added up.

    Args:
        count: Number of networks.
    """

    def __init__(self, count: int) -> None:
        self.params: Ints = np.zeros(count, np.int64)
        self.macs: Ints = np.zeros(count, np.int64)
        self._working: Ints = np.zeros(count, np.int64)
        self._constants: Ints = np.zeros(count, np.int64)
        self._pools: npt.NDArray[np.bool_] = np.zeros(count, bool)

    def add(self, block: BlockTotals, times: Ints) -> None:
        """Adds a block so many times to each network, int `[count]`; 0 leaves it out."""
        self.params += block.params * times
        self.macs += block.macs * times
        self._constants += block.constant_bytes * times
        here = times > 0
        np.maximum(self._working, block.working_elements * here, out=self._working)
        if block.pools:
            self._pools |= here

    @property
    def peak_bytes(self) -> Ints:
        """The paper's peak memory (SplitNets, equation 1), as `memory.peak_bytes` computes it."""
        return self.params + self._working

    @property
    def weight_bytes(self) -> Ints:
        """Constants of the int8 file, as `memory.weight_bytes` computes them."""
        return self._constants + AXES_BYTES * self._pools


@dataclass(frozen=True, kw_only=True, slots=True)
class PopulationCost:
    """What `SplitCost` says of one network, for n of them; the planned arena and the energy are not among it."""

    sensor_params: Ints
    """Trained parameters on the sensor, int64 `[n]`."""
    sensor_macs: Ints
    """Multiply-accumulates on one sensor."""
    sensor_peak_bytes: Ints
    """The paper's peak memory of the sensor's part."""
    sensor_weight_bytes: Ints
    """Constants of the sensor's int8 file."""
    sensor_latency_ms: Floats
    """Computation on one sensor, float64 `[n]`."""
    link_bytes: Ints
    """Bytes that one sensor sends."""
    link_latency_ms: Floats
    """Time for them."""
    aggregator_params: Ints
    """Trained parameters on the aggregator."""
    aggregator_macs: Ints
    """Multiply-accumulates on the aggregator, for all views."""
    aggregator_peak_bytes: Ints
    """The paper's peak memory of the aggregator's part."""
    aggregator_weight_bytes: Ints
    """Constants of the aggregator's int8 file."""
    aggregator_latency_ms: Floats
    """Computation on the aggregator."""

    @property
    def latency_ms(self) -> Floats:
        """From image to answer: the plain sum (SplitNets, equation 1)."""
        return self.sensor_latency_ms + self.link_latency_ms + self.aggregator_latency_ms


def population_cost(
    *,
    sensor: PopulationPart,
    aggregator: PopulationPart,
    link_elements: Ints,
    split: npt.NDArray[np.bool_],
    system: System,
    views: int = 1,
    bits: int = 8,
    fused: bool = False,
) -> PopulationCost:
    """Prices n networks that are cut into a sensor's and an aggregator's part, as `split_cost` prices one.

    Args:
        sensor: Part of one sensor in each network.
        aggregator: Part of the aggregator.
        link_elements: Elements that one sensor sends, int64 `[n]`; those of the image where there is no split.
        split: Whether a network is split, bool `[n]`: features have `bits` bits, a raw image 8.
        system: Its first and last processor hold the parts.
        views: Sensors whose views belong to one answer; the aggregator's part runs once for each unless `fused`.
        bits: Bits of a feature's element on the link.
        fused: Whether the aggregator's part begins with the fusion of the views.

    Returns:
        The figures, equal to those of `split_cost` to the last digit.

    Raises:
        UserError: If several views are asked for on a chain of more than two devices.
    """
    check_views(system, views)
    size_bytes = np.where(split, feature_bytes(link_elements, bits), feature_bytes(link_elements, IMAGE_BITS))
    aggregator_macs = aggregator.macs if fused else aggregator.macs * views
    return PopulationCost(
        sensor_params=sensor.params,
        sensor_macs=sensor.macs,
        sensor_peak_bytes=sensor.peak_bytes,
        sensor_weight_bytes=sensor.weight_bytes,
        sensor_latency_ms=latency_ms(sensor.macs, system.sensor.macs_per_s),
        link_bytes=size_bytes,
        link_latency_ms=system.sensor_to_aggregator_ms(size_bytes),
        aggregator_params=aggregator.params,
        aggregator_macs=aggregator_macs,
        aggregator_peak_bytes=aggregator.peak_bytes,
        aggregator_weight_bytes=aggregator.weight_bytes,
        aggregator_latency_ms=latency_ms(aggregator_macs, system.aggregator.macs_per_s),
    )
