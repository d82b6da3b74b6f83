"""A population of value vectors -> the blocks of every network as arrays, and their prices.

The walk is that of `blueprint`, with arrays for numbers: a stage's first block is priced once and its further blocks,
which are all alike, once more with a multiplicity. Where the split lies decides how many of them run on the sensor.
"""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from splitnets_tf.errors import UserError
from splitnets_tf.hardware import (
    PopulationBuilder,
    PopulationCost,
    PopulationPart,
    PopulationTensor,
    System,
    population_cost,
)
from splitnets_tf.space.architecture import StageChoice
from splitnets_tf.space.blueprint import Block, head_blocks, mb_block, splitting_module, stem_block
from splitnets_tf.space.search_space import NO_SPLIT, SearchSpace
from splitnets_tf.space.to_graph import add_block
from splitnets_tf.space.vector_operators import active_blocks, split_columns

__all__ = ["price_population"]

Ints = npt.NDArray[np.int64]
CHUNK = 2048
"""Networks priced together: so many fit the processor's caches."""


def price_population(
    space: SearchSpace,
    vectors: npt.ArrayLike,
    num_classes: int,
    system: System,
    *,
    views: int | None = None,
    bits: int = 8,
) -> PopulationCost:
    """Prices n architectures at once, as `split_cost` prices the graph of one.

    Args:
        space: The space of the architectures.
        vectors: int `[n, space.vector_length]` as `SearchSpace.encode` makes them, each with one split or none.
        num_classes: Outputs of the classifier.
        system: Processors and links.
        views: Sensors whose views belong to one answer; None for the space's own number.
        bits: Bits of a feature's element on the link.

    Returns:
        Figures of the n networks, in their order; one without a split runs wholly on the aggregator.

    Raises:
        UserError: A value is not of the space.
        ValueError: The array has another shape, or a network more than one split.
    """
    views = space.views if views is None else views
    values = np.asarray(vectors, np.int64)
    if values.ndim != 2 or values.shape[1] != space.vector_length:
        raise ValueError(f"expected vectors of shape [n, {space.vector_length}], received {values.shape}")
    parts = [
        _price_chunk(space, values[start : start + CHUNK], num_classes, system, views, bits)
        for start in range(0, max(1, len(values)), CHUNK)
    ]
    fields = [field.name for field in dataclasses.fields(PopulationCost)]
    return PopulationCost(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in fields})


def _price_chunk(
    space: SearchSpace, values: Ints, num_classes: int, system: System, views: int, bits: int
) -> PopulationCost:
    columns = np.ascontiguousarray(values.T)
    walk = _Walk(space, columns)
    walk.stem()
    for stage in range(len(space.stages)):
        walk.stage(stage)
    walk.splitting_module()
    walk.head(num_classes)
    return population_cost(
        sensor=walk.sensor,
        aggregator=walk.aggregator,
        link_elements=walk.link_elements,
        split=walk.is_split,
        system=system,
        views=views,
        bits=bits,
        fused=space.views > 1,
    )


class _Walk:
    """From the image to the logits of every network of a chunk at once.

    Args:
        space: The space of the networks.
        columns: The value vectors transposed, int64 `[space.vector_length, n]`.
    """

    def __init__(self, space: SearchSpace, columns: Ints) -> None:
        count = columns.shape[1]
        self._space = space
        self._genes: Any = columns[: len(space.genes)]
        self._width: Any
        self._phase, self._position, self._width = split_columns(space, columns)
        _check_values(space, self._genes, self._phase, self._position, self._width)
        self._ones = np.ones(count, np.int64)
        self._zeros = np.zeros(count, np.int64)
        self._builder = PopulationBuilder()
        self.sensor = PopulationPart(count)
        self.aggregator = PopulationPart(count)
        self._tensor = PopulationTensor(side=self._genes[0], channels=3)
        self._entered = -1
        self._before = self._zeros
        self._split_side: Ints = self._genes[0]
        self._split_channels: Any = 3 * self._ones

    @property
    def _channels(self) -> Any:
        return self._tensor.channels

    @property
    def is_split(self) -> npt.NDArray[np.bool_]:
        """Whether each network is split."""
        return self._phase != NO_SPLIT

    @property
    def link_elements(self) -> Ints:
        """Elements that one sensor sends: the image's where there is no split."""
        channels = np.where(self.is_split, self._width, 3)
        return self._split_side**2 * channels

    def stem(self) -> None:
        """The first convolution."""
        self._enter_phase()
        self._add(stem_block(self._space, self._genes[1]), self._ones, self._phase >= 0)
        self._note_boundary(self._phase >= 0)

    def stage(self, stage: int) -> None:
        """All blocks of one stage."""
        row = self._space.stages[stage]
        width, depth, kernel, expansion = self._genes[2 + 4 * stage : 6 + 4 * stage]
        choice = StageChoice(width=width, depth=depth, kernel=kernel, expansion=expansion)
        if row.stride == 2:
            self._enter_phase()
            first = self._phase >= self._entered
        else:
            self._before = self._before + 1
            first = self._on_sensor(self._before)
        self._add(mb_block(self._space, row, choice, 0, self._channels, larger=np.maximum), self._ones, first)
        self._note_boundary(first)
        rest = depth - 1
        here = np.clip(self._position - self._before, 0, rest)
        on_sensor = np.where(self._phase > self._entered, rest, np.where(self._phase == self._entered, here, 0))
        self._add(mb_block(self._space, row, choice, 1, width, larger=np.maximum), rest, on_sensor)
        self._before = self._before + rest

    def splitting_module(self) -> None:
        """Conv-Reduce on the sensor, the rest on the aggregator, at the place that the walk has passed."""
        on_sensor, *on_aggregator = splitting_module(self._space, 0, self._split_channels, self._width)
        split = self.is_split.astype(np.int64)
        behind = self._tensor
        self._tensor = PopulationTensor(side=self._split_side, channels=self._split_channels)
        self._add(on_sensor, split, split)
        for block in on_aggregator:
            self._add(block, split, self._zeros)
        self._tensor = behind

    def head(self, num_classes: int) -> None:
        """Head and classifier, which always run on the aggregator."""
        for block in head_blocks(self._space, self._channels, self._genes[-1], num_classes):
            self._add(block, self._ones, self._zeros)

    def _enter_phase(self) -> None:
        self._entered += 1
        self._before = self._zeros

    def _on_sensor(self, position: Ints) -> npt.NDArray[np.bool_]:
        """Whether the block that ends at this position of the phase runs on the sensor."""
        return (self._phase > self._entered) | ((self._phase == self._entered) & (self._position >= position))

    def _note_boundary(self, on_sensor: npt.NDArray[np.bool_]) -> None:
        """Where the split lies in this phase and behind this tensor, remember the tensor's sizes."""
        here = on_sensor & (self._phase == self._entered)
        self._split_side = np.where(here, self._tensor.side, self._split_side)
        self._split_channels = np.where(here, self._tensor.channels, self._split_channels)

    def _add(self, block: Block, times: Ints, on_sensor: npt.NDArray[np.bool_] | Ints) -> None:
        self._tensor = add_block(self._builder, block, self._tensor)
        totals = self._builder.finish_block()
        sensor_times = on_sensor.astype(np.int64)
        self.sensor.add(totals, sensor_times)
        self.aggregator.add(totals, times - sensor_times)


def _check_values(space: SearchSpace, genes: Ints, phase: Ints, position: Ints, width: Ints) -> None:
    for gene, column in zip(space.genes, genes, strict=True):
        _refuse_others(space, gene.name, column, gene.choices)
    _refuse_others(space, "the split's width", width, space.split_widths)
    if space.views > 1 and (phase == NO_SPLIT).any():
        raise UserError(f"space {space.name}: {space.views} views are fused at the split, so a network needs one")
    depths = genes[3 : len(space.genes) - 1 : 4].T
    for each in space.phases:
        beyond = (phase == each.index) & ((position < 0) | (position > active_blocks(space, depths, each.index)))
        if beyond.any():
            raise UserError(
                f"space {space.name}: {int(position[beyond][0])} is no position of a split in phase {each.index} of a "
                f"network with depths {depths[beyond][0].tolist()}"
            )


def _refuse_others(space: SearchSpace, name: str, column: Ints, choices: tuple[int, ...]) -> None:
    known = column == choices[0]
    for choice in choices[1:]:
        known |= column == choice
    if not known.all():
        raise UserError(f"space {space.name}: {name} must be one of {list(choices)}, received {int(column[~known][0])}")
