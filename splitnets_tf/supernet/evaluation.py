"""Accuracy of a sub-network with inherited weights: recalibrate its normalisation, then count.

Source: AttentiveNAS recipe, which SplitNets names: statistics of a sampled network are recomputed over training
batches before it is evaluated.
"""

import itertools
from collections.abc import Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf

from splitnets_tf.data.spread import spread_order
from splitnets_tf.space import Architecture
from splitnets_tf.supernet.supernet import Supernet

__all__ = ["SubnetworkEvaluator", "ValidationCallback"]


class SubnetworkEvaluator:
    """Calibrates and evaluates architectures of one supernet in one traced graph.

    Args:
        supernet: A built supernet.
        calibration_images: uint8 `[n, s, s, 3]`, of several views `[n, views, s, s, 3]`, from the training split; the
            same for every architecture.
        images: uint8 `[m, s, s, 3]` (`[m, views, s, s, 3]`) on which accuracy is counted.
        labels: int `[m]`.
        batch_size: Images per call, all views counted; a shorter last batch of the calibration images is left out.
    """

    def __init__(
        self,
        supernet: Supernet,
        calibration_images: np.ndarray,
        images: np.ndarray,
        labels: np.ndarray,
        *,
        batch_size: int = 256,
    ) -> None:
        if len(calibration_images) == 0 or len(images) == 0:
            raise ValueError("calibration and evaluation each need at least one image")
        self.supernet = supernet
        batch_size = max(1, batch_size // supernet.space.views)
        whole = max(1, len(calibration_images) // batch_size) * batch_size
        self._calibration = [
            tf.constant(calibration_images[start : start + batch_size])
            for start in range(0, min(whole, len(calibration_images)), batch_size)
        ]
        self._order = spread_order(len(images))
        self._batch_size = batch_size
        self._images = [
            tf.constant(images[self._order[start : start + batch_size]]) for start in range(0, len(images), batch_size)
        ]
        self._labels = np.asarray(labels)
        byte_images = tf.TensorSpec([None, *images.shape[1:]], tf.uint8)
        vector = tf.TensorSpec([supernet.space.vector_length], tf.int32)
        weight = tf.TensorSpec([], tf.float32)
        self._calibrate = tf.function(self._calibrate_batch, input_signature=(byte_images, vector, weight))
        self._infer = tf.function(self._infer_batch, input_signature=(byte_images, vector))

    def _calibrate_batch(self, images, vector, weight):
        self.supernet((images, vector), calibration_weight=weight)

    def _infer_batch(self, images, vector):
        return self.supernet((images, vector), training=False)

    def calibrate(self, architecture: Architecture) -> None:
        """Fill the supernet's statistics for this architecture: the mean over the calibration batches."""
        vector = tf.constant(self.supernet.space.encode(architecture))
        for index, images in enumerate(self._calibration):
            self._calibrate(images, vector, tf.constant(1.0 / (index + 1)))

    def logits(self, architecture: Architecture) -> np.ndarray:
        """Logits `[m, classes]` after calibration."""
        self.calibrate(architecture)
        spread = self._spread_logits(architecture, 0, len(self._labels))
        logits = np.empty_like(spread)
        logits[self._order] = spread
        return logits

    def correct(self, architecture: Architecture) -> np.ndarray:
        """Which images are classified correctly after calibration, bool `[m]`."""
        return np.argmax(self.logits(architecture), axis=-1) == self._labels

    def correct_in_parts(self, architecture: Architecture, shares: Sequence[float]) -> Iterator[np.ndarray]:
        """Which images are classified correctly, part by part; see `splitnets_tf.search.PartwiseEvaluator`.

        Args:
            architecture: Calibrated before the first part.
            shares: Rising shares of all images at which parts end.
        """
        self.calibrate(architecture)
        count = len(self._labels)
        edges = [0, *(max(1, round(share * count)) for share in shares), count]
        for start, stop in itertools.pairwise(edges):
            rows = self._order[start:stop]
            yield np.argmax(self._spread_logits(architecture, start, stop), axis=-1) == self._labels[rows]

    def _spread_logits(self, architecture: Architecture, start: int, stop: int) -> np.ndarray:
        """Logits of the images `start` to `stop` of the spread order."""
        vector = tf.constant(self.supernet.space.encode(architecture))
        size = self._batch_size
        pieces = [
            self._images[index][max(start - index * size, 0) : stop - index * size]
            for index in range(start // size, -(-stop // size))
        ]
        return np.concatenate([self._infer(images, vector).numpy() for images in pieces])

    def evaluate(self, architecture: Architecture) -> float:
        """Top-1 accuracy in [0, 1]."""
        return float(np.mean(self.correct(architecture)))


class ValidationCallback(keras.callbacks.Callback):
    """Adds the inherited accuracy of a few named architectures to the logs at the end of each epoch."""

    def __init__(self, evaluator: SubnetworkEvaluator, architectures: dict[str, Architecture]) -> None:
        super().__init__()
        self._evaluator = evaluator
        self._architectures = architectures

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Evaluate and log `val_accuracy_<name>`."""
        for name, architecture in self._architectures.items():
            value = self._evaluator.evaluate(architecture)
            if logs is not None:
                logs[f"val_accuracy_{name}"] = value
