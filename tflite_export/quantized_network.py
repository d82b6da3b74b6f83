"""The quantisation-aware network: one tf_keras model per segment, run one after the other.

The segments are quantised one by one, as they will be deployed, and trained together. The range of the tensor between
them belongs to the sensor; the aggregator's input copies it in every training step, so both sides always round alike.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from splitnets_tf.hardware import concatenation_groups
from splitnets_tf.layers import fold_views
from splitnets_tf.supernet.materialize import NetworkModels, fused
from tflite_export.quantize_scheme import quantize_segment

__all__ = ["QuantizedNetwork"]

Ranges = Mapping[str, tuple[float, float]]
"""Float layer name -> least and largest value of its output."""


class QuantizedNetwork(tf.Module):
    """Segments with fake quantisation, stitched at their boundaries.

    Args:
        models: The float network with its weights, built with tf_keras.
    """

    def __init__(self, models: NetworkModels) -> None:
        super().__init__()
        self.fusion = models.fusion
        self.segments = [quantize_segment(model, first=index == 0) for index, model in enumerate(models.segments)]
        _freeze_statistics(self.segments)
        self._ranges = [_activation_ranges(segment) for segment in self.segments]
        self._boundaries = [_boundary_range(segment) for segment in self.segments[1:]]
        self._outputs = [_output_range(segment) for segment in self.segments[:-1]]

    @property
    def quantized_layers(self) -> set[str]:
        """Names of the float layers whose output is rounded."""
        return {name for ranges in self._ranges for name in ranges}

    def set_ranges(self, ranges: Ranges) -> None:
        """Assign the activation ranges of every rounded layer; zero always lies within."""
        for variables in self._ranges:
            for name, (low, high) in variables.items():
                low.assign(min(ranges[name][0], 0.0))
                high.assign(max(ranges[name][1], 0.0))
        self.link()

    def link(self) -> None:
        """Copy each segment's output range to the input of the next."""
        for (low, high), (boundary_low, boundary_high) in zip(self._outputs, self._boundaries, strict=True):
            boundary_low.assign(low * self._growth)
            boundary_high.assign(high * self._growth)

    @property
    def _growth(self) -> float:
        """How much wider the range of what is fused is than that of one view."""
        return float(self.fusion.views) if self.fusion is not None and self.fusion.how == "sum" else 1.0

    def fuse_received(self, *features: Any) -> Any:
        """What the aggregator does first: the views' features `[1, h, w, d]`, as they come over the link, fused.

        Each of them has the range that the sensor's output has. The converter names the file's inputs after what rounds
        them, and puts them into an order of its own, so the names tell the views apart.
        """
        low, high = self._outputs[0]
        features = [
            tf.quantization.fake_quant_with_min_max_vars(feature, low, high, name=f"view_{view}")
            for view, feature in enumerate(features)
        ]
        if self.fusion is None or self.fusion.how == "concat":
            return _concatenated(features, axis=-1)
        return fused(_concatenated(features, axis=0), self.fusion)

    def __call__(self, images: Any, training: bool = False) -> Any:
        """Logits `[batch, classes]` of images `[batch, s, s, 3]` in [0, 1]; ranges move only in training.

        Of objects in several views, images are `[batch, views, s, s, 3]`.
        """
        x = fold_views(images)
        for index, segment in enumerate(self.segments):
            x = segment(fused(x, self.fusion) if index else x, training=training)
            if training:
                self.link()
        return x

    def from_camera(self, images: Any) -> Any:
        """Logits of images whose bytes are what the file of the whole network takes, before views are folded."""
        if self.fusion is not None:
            images = tf.quantization.fake_quant_with_min_max_args(images, min=0.0, max=1.0)
        return self(images)

    @property
    def trained(self) -> list[Any]:
        """Variables that gradients change."""
        return [variable for segment in self.segments for variable in segment.trainable_variables]

    def state(self) -> dict[str, np.ndarray]:
        """All variables of all segments, ranges included, by position."""
        return {
            f"{index}/{position}": variable.numpy()
            for index, segment in enumerate(self.segments)
            for position, variable in enumerate(segment.weights)
        }

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Inverse of `state`."""
        for index, segment in enumerate(self.segments):
            for position, variable in enumerate(segment.weights):
                variable.assign(state[f"{index}/{position}"])
        self.link()


def _concatenated(tensors: Sequence[Any], axis: int) -> Any:
    """The tensors side by side, in as many steps as it takes to run on TensorFlow Lite Micro.

    All of them have one range, so every step only moves bytes, and the result is that of a single step.
    """
    while len(groups := concatenation_groups(len(tensors))) > 1:
        tensors = [tf.concat(tensors[group], axis) for group in groups]
    return tf.concat(tensors, axis)


def _freeze_statistics(segments: Sequence[Any]) -> None:
    """Batch normalisation keeps its statistics and trains gamma and beta.

    The statistics of the fine-tuned network were taken over many batches; a moving average over the few steps of this
    training would replace them with noise, and the converter folds whatever it finds into the weights.
    """
    for segment in segments:
        for layer in segment.layers:
            inner = getattr(layer, "layer", None)
            if isinstance(inner, tf_keras.layers.BatchNormalization):
                inner.trainable = False


def _activation_ranges(segment: Any) -> dict[str, tuple[Any, Any]]:
    """Float layer name -> (min, max) variables of the quantiser behind it."""
    ranges = {}
    for layer in segment.layers:
        found = {}
        for variable in layer.weights:
            name = variable.name.rpartition("/")[2].partition(":")[0]
            for end in ("min", "max"):
                if name in (f"output_{end}", f"post_activation_{end}"):
                    found[end] = variable
        if found:
            ranges[layer.layer.name] = (found["min"], found["max"])
    return ranges


def _boundary_range(segment: Any) -> tuple[Any, Any]:
    variables = {variable.name.rpartition("/")[2].partition(":")[0]: variable for variable in segment.weights}
    return variables["boundary_min"], variables["boundary_max"]


def _output_range(segment: Any) -> tuple[Any, Any]:
    return _activation_ranges(segment)[segment.layers[-1].layer.name]
