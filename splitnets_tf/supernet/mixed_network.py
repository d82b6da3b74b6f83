"""Every network of a layered space in one Keras model, with the architecture parameters beside the weights."""

import functools
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from splitnets_tf.hardware import Topology
from splitnets_tf.layers import ElasticConvBlock, ElasticDense, MixedOperation
from splitnets_tf.space import LayeredSpace, mixed_layers
from splitnets_tf.supernet.images import resize_batch

__all__ = ["ChoiceCode", "MixedNetwork"]


class ChoiceCode:
    """How an evaluator hands a network over: one integer for each layer.

    Args:
        layers: Number of layers.
    """

    def __init__(self, layers: int) -> None:
        self.vector_length = layers
        self.views = 1

    def encode(self, choices) -> np.ndarray:
        """Indices of the chosen candidates as int32 `[layers]`."""
        return np.asarray(choices, dtype=np.int32)


class MixedNetwork(keras.Model):
    """Stem, mixed operations on their devices, head: the full tree of JMSNAS, section IV-A.

    Candidates of a layer share weights by default; see `MixedOperation`. The architecture parameters and the state of
    their optimiser are weights that no gradient reaches, so a checkpoint holds all of a search.

    Args:
        space: The layered space.
        topology: How data passes the devices.
        num_classes: Number of logits.
        label_smoothing: Smoothing of the labels when weights are trained; architecture parameters see plain labels.
        share_weights: See `MixedOperation`.

    Call arguments:
        inputs: Pair of images `[batch, s, s, 3]` (float in [0, 1] or uint8) and paths, int32 `[layers]` or
            `[layers, k]`: the kept candidates of each layer.
        gates: float32 `[layers, k]`; ones where None.
        training: Whether to normalise by the batch's own statistics.
        calibration_weight: See `ElasticBatchNormalization`.

    Returns:
        Logits `[batch, num_classes]`.
    """

    def __init__(
        self,
        space: LayeredSpace,
        topology: Topology,
        num_classes: int,
        label_smoothing: float = 0.1,
        share_weights: bool = True,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.layered_space = space
        self.topology = topology
        self.num_classes = num_classes
        self.label_smoothing = label_smoothing
        self.layer_rows = mixed_layers(space, topology)
        self.space = ChoiceCode(len(self.layer_rows))
        self.stem = ElasticConvBlock(3, space.stem_width, 3, 2, space.activation, name="stem")
        self.mixed = [
            MixedOperation(
                [(choice.kernel, choice.expansion, choice.shortcut) for choice in layer.candidates],
                layer.in_channels,
                layer.out_channels,
                layer.stride,
                layer.activation,
                share_weights,
                name=f"layer{layer.number}",
            )
            for layer in self.layer_rows
        ]
        channels = self.layer_rows[-1].out_channels
        self.head = ElasticConvBlock(channels, space.head_width, activation=space.activation, name="head")
        self.classifier = ElasticDense(space.head_width, num_classes, name="classifier")

    def build(self, input_shape=None) -> None:
        """Create all weights, and uniform architecture parameters."""
        parts: list[Any] = [self.stem, *self.mixed, self.head, self.classifier]
        for part in parts:
            part.build()
        shape = (len(self.mixed), max(len(layer.candidates) for layer in self.layer_rows))
        state = functools.partial(self.add_weight, initializer="zeros", trainable=False)
        self.alphas = state(name="alphas", shape=shape)
        self.alpha_squares = state(name="alpha_squares", shape=shape)
        self.alpha_updates = state(name="alpha_updates", shape=())
        self.built = True

    def call(self, inputs, gates=None, training=False, calibration_weight=None):
        """Compute the kept paths of every layer."""
        images, paths = inputs
        if paths.shape.rank == 1:
            paths = paths[:, None]
        gates = tf.ones(paths.shape) if gates is None else gates
        mode = {"training": training, "calibration_weight": calibration_weight}
        x = resize_batch(images, self.layered_space.resolution)
        x = self.stem(x, out_channels=self.layered_space.stem_width, **mode)
        for step in self.topology.path:
            names = (step,) if isinstance(step, str) else step
            ends = [self._on_device(name, x, paths, gates, mode) for name in names]
            x = ends[0] if len(ends) == 1 else tf.concat(ends, axis=-1)
        x = self.head(x, out_channels=self.layered_space.head_width, **mode)
        return self.classifier(tf.reduce_mean(x, axis=[1, 2]))

    def _on_device(self, device, x, paths, gates, mode):
        for index, (row, layer) in enumerate(zip(self.layer_rows, self.mixed, strict=True)):
            if row.device == device:
                x = layer(x, paths=paths[index], gates=gates[index], **mode)
        return x

    def weight_step(self, images, labels, paths):
        """One update of the weights of the sampled network.

        Args:
            images: float32 or uint8 `[batch, s, s, 3]`.
            labels: int32 `[batch]`.
            paths: int32 `[layers]`.

        Returns:
            Loss and accuracy on the batch.
        """
        targets = tf.one_hot(labels, self.num_classes) * (1.0 - self.label_smoothing)
        targets += self.label_smoothing / self.num_classes
        with tf.GradientTape() as tape:
            logits = self((images, paths), training=True)
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(targets, logits))
        variables = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return {"loss": loss, "accuracy": _accuracy(logits, labels)}

    def gate_step(self, images, labels, paths):
        """Gradient of the cross-entropy with respect to the gates; nothing is updated.

        Args:
            images: float32 or uint8 `[batch, s, s, 3]`.
            labels: int32 `[batch]`.
            paths: int32 `[layers, k]`, the active path of each layer first.

        Returns:
            dL/dg `[layers, k]`, loss and accuracy on the batch.
        """
        gates = tf.one_hot(tf.zeros(paths.shape[0], tf.int32), paths.shape[1])
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(gates)
            logits = self((images, paths), gates=gates, training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
        return {"gradient": tape.gradient(loss, gates), "loss": loss, "accuracy": _accuracy(logits, labels)}


def _accuracy(logits, labels):
    right = tf.argmax(logits, axis=-1, output_type=tf.int32) == labels
    return tf.reduce_mean(tf.cast(right, tf.float32))
