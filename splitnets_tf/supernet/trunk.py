"""The layers in front of the head: the stem and every block, once for both sides of the link or once for each.

Source: SplitNets, section 3.1.1 (one set of weights for both sides) and section 3.1.2 (one for each side).
"""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from splitnets_tf.layers import ElasticConvBlock, ElasticMBConv
from splitnets_tf.space import NO_SPLIT, SearchSpace, StageRow, squeeze_width

__all__ = ["create_blocks", "create_stem", "runs_on_sensor", "sensor_stages"]


def create_stem(space: SearchSpace, *, prefix: str = "") -> ElasticConvBlock:
    """The first convolution."""
    return ElasticConvBlock(3, space.stem_widths[-1], 3, 2, space.activation, name=f"{prefix}stem")


def create_blocks(
    space: SearchSpace,
    *,
    stages: Sequence[StageRow] | None = None,
    prefix: str = "",
    zero_init_residual: bool = False,
    drop_connect: float = 0.0,
) -> list[ElasticMBConv]:
    """Every block of the stages at its largest size.

    Args:
        space: The search space.
        stages: Its first stages; None for all of them.
        prefix: What the layers' names begin with.
        zero_init_residual: Whether the last normalisation of a block with a shortcut starts at zero.
        drop_connect: Drop-connect of the last block of the space, falling linearly to 0 at the first.

    Returns:
        One flat list, stage by stage: Keras saves the layers of a list, but not those of a list of lists.
    """
    total = sum(row.depths[-1] for row in space.stages)
    blocks: list[ElasticMBConv] = []
    channels = space.stem_widths[-1]
    for row in space.stages if stages is None else stages:
        for index in range(row.depths[-1]):
            rate = drop_connect * len(blocks) / total
            block = _create_block(space, row, index, channels, drop_rate=rate, prefix=prefix)
            if zero_init_residual and (block.residual or block.shortcut is not None):
                block.project.bn.gamma_initializer = keras.initializers.Zeros()
            blocks.append(block)
            channels = row.widths[-1]
    return blocks


def _create_block(
    space: SearchSpace, row: StageRow, index: int, channels: int, *, drop_rate: float, prefix: str
) -> ElasticMBConv:
    base = channels * row.expansions[-1] if space.squeeze_base == "hidden" else channels
    return ElasticMBConv(
        max_in_channels=channels,
        max_out_channels=row.widths[-1],
        max_kernel_size=row.kernels[-1],
        max_expansion=row.expansions[-1],
        strides=row.stride if index == 0 else 1,
        residual=index > 0,
        activation=space.activation,
        max_squeeze_channels=squeeze_width(base) if row.squeeze_excite else 0,
        squeeze_activation=space.squeeze_activation,
        squeeze_gate=space.squeeze_gate,
        project_shortcut=index == 0 and row.project_shortcut,
        drop_rate=drop_rate,
        name=f"{prefix}{row.name}_{index}",
    )


def sensor_stages(space: SearchSpace) -> tuple[StageRow, ...]:
    """The stages whose blocks can lie in front of a split: all but those behind the last phase."""
    stages: list[StageRow] = []
    phase = 0
    for row in space.stages:
        phase += row.stride == 2
        if phase == len(space.phases):
            break
        stages.append(row)
    return tuple(stages)


def runs_on_sensor(space: SearchSpace, vector: Any, phase: int, position: Any) -> Any:
    """Whether the layer in front of a boundary runs on the sensor: the network is split there or further on.

    A network without a split runs on the aggregator; of several splits the first one ends the sensor's part.

    Args:
        space: The search space.
        vector: int32 `[space.vector_length]`, from `space.encode`.
        phase: Phase of the boundary behind the layer, below `len(space.phases)`.
        position: Scalar int32, the boundary's place within its phase.

    Returns:
        Scalar bool tensor.
    """
    places = tf.convert_to_tensor(vector)[len(space.genes) :: 2]
    used = tf.not_equal(places, NO_SPLIT)
    before, here, behind = used[:phase], places[phase], used[phase + 1 :]
    ahead = tf.where(used[phase], here >= position, tf.reduce_any(behind))
    return tf.logical_and(ahead, tf.logical_not(tf.reduce_any(before)))
