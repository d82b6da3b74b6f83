"""Keras models of Head Distillation: one that learns the teacher's feature, one that answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from splitnets_tf.hardware import Graph
from splitnets_tf.partition.head_distillation import Convolution, HeadStudent
from splitnets_tf.partition.keras_halves import keras_halves

__all__ = ["DistillationModels", "build_distillation", "feature_loss"]


@dataclass(frozen=True, kw_only=True, slots=True)
class DistillationModels:
    """Models that share the student's layers."""

    matcher: Any
    """Image -> student's feature minus teacher's feature; only the student is trainable."""

    network: Any
    """Image -> the teacher's results, by way of encoder, decoder and the teacher's tail; all of it is trainable."""

    encoder: Any
    """The sensor's half: image -> bottleneck."""


def build_distillation(teacher: Any, graph: Graph, student: HeadStudent) -> DistillationModels:
    """Builds the student with fresh weights around a trained teacher.

    The teacher's head is frozen (it works as at inference, normalisation too); its tail is shared with `network`, so
    training that changes the teacher's tail.

    Args:
        teacher: Trained Keras 3 model `[batch, s, s, c]` -> one result.
        graph: What `read_keras_model` made of it.
        student: The description, made for this graph.

    Raises:
        UserError: If the teacher cannot be cut there.
    """
    import keras

    halves = keras_halves(teacher, graph, student.teacher_operations)
    halves.sensor.trainable = False
    shape = graph.tensor(graph.inputs[0]).shape
    encoder = _convolutions("encoder", student.encoder, shape)
    decoder = _convolutions("decoder", student.decoder, encoder.output_shape[1:])
    image = keras.Input(shape, name="image")
    feature = decoder(encoder(image))
    difference = keras.layers.Subtract(name="difference")([feature, halves.sensor(image, training=False)])
    return DistillationModels(
        matcher=keras.Model(image, difference, name="feature_matcher"),
        network=keras.Model(image, halves.aggregator(feature), name="head_distillation"),
        encoder=encoder,
    )


def feature_loss(y_true: Any, difference: Any) -> Any:
    """Squared error of the feature: summed over channels, mean over positions.

    Args:
        y_true: Ignored; the target is inside the model.
        difference: `[batch, side, side, channels]`, what `DistillationModels.matcher` gives.

    Returns:
        `[batch]`.
    """
    import keras

    del y_true
    return keras.ops.mean(keras.ops.sum(keras.ops.square(difference), axis=-1), axis=(1, 2))


def _convolutions(name: str, rows: Sequence[Convolution], shape: Sequence[int]) -> Any:
    import keras

    x = inputs = keras.Input(tuple(shape), name=f"{name}_input")
    for row in rows:
        x = keras.layers.Conv2D(row.filters, row.kernel, row.stride, "same", use_bias=False, name=f"{row.name}_conv")(x)
        x = keras.layers.BatchNormalization(momentum=0.9, name=f"{row.name}_bn")(x)
        if row.relu:
            x = keras.layers.ReLU(name=f"{row.name}_relu")(x)
    return keras.Model(inputs, x, name=name)
