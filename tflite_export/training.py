"""Quantisation-aware fine-tuning with one checkpoint per epoch."""

import dataclasses
import logging
import math
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from splitnets_tf.files import write_atomically
from splitnets_tf.supernet.images import augment_batch
from tflite_export.images import to_bytes
from tflite_export.job import QuantizationSettings
from tflite_export.quantized_network import QuantizedNetwork

__all__ = ["EpochLog", "TrainingData", "refresh_weight_ranges", "train"]

_log = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]
MOMENTUM = 0.9
CLIP_VALUE = 1.0
"""Largest entry of a gradient, as in the recipe of the supernet."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class TrainingData:
    """What the network is fine-tuned on."""

    images: np.ndarray
    """uint8 `[n, s, s, 3]` or `[n, views, s, s, 3]`, may be memory-mapped."""
    labels: np.ndarray
    """int32 `[n]`."""
    num_classes: int
    """Width of the logits."""
    resolution: int
    """Side in pixels of the network's input."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class EpochLog:
    """What one epoch achieved."""

    loss: float
    """Mean cross-entropy over the epoch's images."""
    accuracy: float
    """Share of the epoch's training images that were right, while the weights moved."""
    seconds: float
    """Wall time."""


def train(
    network: QuantizedNetwork,
    data: TrainingData,
    settings: QuantizationSettings,
    *,
    checkpoint: Path,
    fingerprint: str,
    on_progress: Progress,
) -> list[EpochLog]:
    """Fine-tune in place; an interrupted training goes on behind its last whole epoch.

    The order of the images and the augmentation depend on seed and epoch alone, so an interrupted and resumed training
    gives the weights of an uninterrupted one.

    Args:
        network: With calibrated ranges.
        data: Training images.
        settings: Epochs, batch size, learning rate, seed.
        checkpoint: .npz file that holds the state behind the last whole epoch.
        fingerprint: Of the job; a checkpoint of another job is not read.
        on_progress: Called with stage, images seen and their total number.

    Returns:
        One entry per epoch.
    """
    batches = math.ceil(len(data.images) / settings.batch_size)
    optimizer = _optimizer(settings, batches)
    optimizer.build(network.trained)
    step = _make_step(network, optimizer, data, settings)
    logs = _restore(checkpoint, fingerprint, network, optimizer)
    total = settings.epochs * len(data.images)
    for epoch in range(len(logs), settings.epochs):
        started = time.monotonic()
        loss_sum = correct = 0.0
        for done, (images, labels, seed) in enumerate(_batches(data, settings, epoch)):
            loss, right = step(tf.constant(images), tf.constant(labels), tf.constant(seed))
            loss_sum, correct = loss_sum + float(loss), correct + float(right)
            seen = min((done + 1) * settings.batch_size, len(data.images))
            on_progress("train", epoch * len(data.images) + seen, total)
        seconds = time.monotonic() - started
        logs.append(EpochLog(loss=loss_sum / len(data.images), accuracy=correct / len(data.images), seconds=seconds))
        _save(checkpoint, fingerprint, network, optimizer, logs)
        _log.info("epoch %d: %s", epoch + 1, logs[-1])
    refresh_weight_ranges(network, data, settings)
    return logs


def _optimizer(settings: QuantizationSettings, batches: int) -> Any:
    steps = max(1, settings.epochs * batches)
    schedule = tf_keras.optimizers.schedules.CosineDecay(settings.learning_rate, steps)
    return tf_keras.optimizers.SGD(schedule, momentum=MOMENTUM, nesterov=True, clipvalue=CLIP_VALUE)


def _make_step(network: QuantizedNetwork, optimizer: Any, data: TrainingData, settings: QuantizationSettings) -> Any:
    """One update in one graph: `(images, labels, seed) -> (summed loss, number right)`."""

    @tf.function(
        input_signature=(
            tf.TensorSpec([None, *data.images.shape[1:]], tf.uint8),
            tf.TensorSpec([None], tf.int32),
            tf.TensorSpec([2], tf.int32),
        ),
        autograph=False,
    )
    def step(images, labels, seed):
        if settings.augment_shift_pixels is not None:
            images = augment_batch(images, seed, settings.augment_shift_pixels)
        inputs = to_bytes(images, data.resolution) / 255.0
        smoothing = settings.label_smoothing
        targets = tf.one_hot(labels, data.num_classes) * (1.0 - smoothing) + smoothing / data.num_classes
        with tf.GradientTape() as tape:
            logits = network(inputs, training=True)
            losses = tf.nn.softmax_cross_entropy_with_logits(targets, logits)
            loss = tf.reduce_mean(losses)
        optimizer.apply_gradients(zip(tape.gradient(loss, network.trained), network.trained, strict=True))
        right = tf.argmax(logits, axis=-1, output_type=tf.int32) == labels
        return tf.reduce_sum(losses), tf.reduce_sum(tf.cast(right, tf.float32))

    return step


def _batches(data: TrainingData, settings: QuantizationSettings, epoch: int) -> Any:
    """(images, labels, augmentation seed) of one epoch in its order; the last batch may be smaller."""
    rng = np.random.default_rng((settings.seed, epoch))
    order = rng.permutation(len(data.images))
    for start in range(0, len(order), settings.batch_size):
        rows = np.sort(order[start : start + settings.batch_size])
        seed = rng.integers(0, 2**31 - 1, size=2, dtype=np.int32)
        yield data.images[rows], data.labels[rows], seed


def refresh_weight_ranges(network: QuantizedNetwork, data: TrainingData, settings: QuantizationSettings) -> None:
    """Weight ranges are noted when a step reads the weights; the last step has moved them since."""
    images = tf.constant(data.images[: settings.batch_size])
    network(to_bytes(images, data.resolution) / 255.0, training=True)


def _save(path: Path, fingerprint: str, network: QuantizedNetwork, optimizer: Any, logs: list[EpochLog]) -> None:
    arrays = {f"network/{key}": value for key, value in network.state().items()}
    arrays |= {f"optimizer/{i}": variable.numpy() for i, variable in enumerate(optimizer.variables)}
    arrays["fingerprint"] = np.asarray(fingerprint)
    arrays["logs"] = np.asarray([dataclasses.astuple(log) for log in logs])

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]

    write_atomically(path, write)


def _restore(path: Path, fingerprint: str, network: QuantizedNetwork, optimizer: Any) -> list[EpochLog]:
    """Load a checkpoint of this job and return its epochs; an empty list where there is none."""
    if not path.is_file():
        return []
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = dict(archive)
    except (ValueError, zipfile.BadZipFile) as error:
        _log.warning("%s is unreadable (%s); training starts afresh", path, error)
        return []
    if str(arrays.get("fingerprint")) != fingerprint:
        return []
    prefix = "network/"
    network.restore({key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)})
    for index, variable in enumerate(optimizer.variables):
        variable.assign(arrays[f"optimizer/{index}"])
    return [EpochLog(loss=row[0], accuracy=row[1], seconds=row[2]) for row in arrays["logs"].tolist()]
