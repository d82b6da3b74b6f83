"""A placed network as plain functional models, one for each device, and in one piece."""

import dataclasses
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from splitnets_tf.space import ClassifierBlock, ConvBlock, MBBlock, PlacedNetwork, placed_network
from splitnets_tf.supernet.materialize import NetworkModels, Weights, add_keras_block, block_weights
from splitnets_tf.supernet.mixed_network import MixedNetwork

__all__ = ["PlacedModels", "build_placed", "placed_weights"]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class PlacedModels(NetworkModels):
    """The models of a placed network; all share their layers."""

    devices: tuple[str, ...]
    """Device of each segment."""
    sources: tuple[tuple[int, ...], ...]
    """For each segment the places of those whose outputs it reads side by side; empty for the one with the image."""

    def forward(self, images: Any, segments: Sequence[Any] | None = None, *, concat: Any) -> list[Any]:
        """Every segment's output.

        Args:
            images: What the first segment reads.
            segments: What stands for each segment; the models themselves where None.
            concat: Puts several tensors side by side.
        """
        outputs: list[Any] = []
        for segment, sources in zip(segments or self.segments, self.sources, strict=True):
            received = [outputs[place] for place in sources] or [images]
            outputs.append(segment(received[0] if len(received) == 1 else concat(received)))
        return outputs


def build_placed(keras: ModuleType, network: PlacedNetwork) -> PlacedModels:
    """Build the models with fresh weights.

    A device that reads several tensors takes them as one, side by side: who receives them puts them there.

    Args:
        keras: The module `keras` (version 3) or `tf_keras`.
        network: The network, device by device.
    """
    side = (network.resolution, network.resolution, 3)
    segments: dict[str, Any] = {}
    for part in network.parts:
        sources = [segments[source].output_shape[1:] for source in part.sources]
        shape = (*sources[0][:2], sum(source[2] for source in sources)) if sources else side
        inputs = keras.Input(tuple(int(size) for size in shape), name=f"{part.device}_input" if sources else "image")
        x = inputs
        for block in part.blocks:
            x = add_keras_block(keras, block, x)
        segments[part.device] = keras.Model(inputs, x, name=part.device)
    places = {part.device: place for place, part in enumerate(network.parts)}
    models = PlacedModels(
        whole=None,
        segments=tuple(segments.values()),
        devices=tuple(segments),
        sources=tuple(tuple(places[source] for source in part.sources) for part in network.parts),
    )
    image = keras.Input(side, name="image")
    logits = models.forward(image, concat=keras.layers.Concatenate(name="side_by_side"))[-1]
    return dataclasses.replace(models, whole=keras.Model(image, logits, name="network"))


def placed_weights(mixed: MixedNetwork, choices: Sequence[int]) -> Weights:
    """Slice one network's weights out of a mixed network.

    The normalisation statistics are those of the last calibration: calibrate this network first.

    Args:
        mixed: A built mixed network.
        choices: Index of the chosen candidate of each layer.
    """
    rows = zip(mixed.layer_rows, mixed.mixed, choices, strict=True)
    holders = {f"layer{row.number}": layer.block_of(choice) for row, layer, choice in rows}
    holders |= {"stem": mixed.stem, "head": mixed.head}
    operations = [row.candidates[choice] for row, choice in zip(mixed.layer_rows, choices, strict=True)]
    weights: Weights = {}
    for block in placed_network(mixed.layered_space, mixed.topology, operations, mixed.num_classes).blocks:
        if isinstance(block, ClassifierBlock):
            weights[block.name] = [np.asarray(mixed.classifier.kernel), np.asarray(mixed.classifier.bias)]
        elif isinstance(block, (ConvBlock, MBBlock)):
            weights |= block_weights(holders[block.name], block)
    return weights
