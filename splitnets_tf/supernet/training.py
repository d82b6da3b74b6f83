"""Training of the supernet and of single networks by Keras's `fit`, resumable at every epoch."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from splitnets_tf.supernet.checkpoints import CheckpointCallback, restore_latest
from splitnets_tf.supernet.input_pipeline import steps_per_epoch, training_batches
from splitnets_tf.supernet.sandwich import sandwich_vectors
from splitnets_tf.supernet.settings import SandwichSettings, TrainingSettings
from splitnets_tf.supernet.supernet import Supernet

__all__ = ["train_network", "train_supernet"]


class _WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """Linear from 0 to the peak, then half a cosine to 0."""

    def __init__(self, peak: float, warmup_steps: int, total_steps: int) -> None:
        self.peak, self.warmup_steps, self.total_steps = peak, warmup_steps, total_steps

    def __call__(self, step):
        step = tf.cast(step, tf.float32)
        warm = (step + 1.0) / max(1, self.warmup_steps)
        done = (step - self.warmup_steps) / max(1, self.total_steps - self.warmup_steps)
        cosine = 0.5 * (1.0 + tf.cos(np.pi * tf.clip_by_value(done, 0.0, 1.0)))
        return self.peak * tf.where(step < self.warmup_steps, warm, cosine)

    def get_config(self) -> dict:
        return {"peak": self.peak, "warmup_steps": self.warmup_steps, "total_steps": self.total_steps}


def _optimizer(settings: TrainingSettings, steps: int) -> keras.optimizers.Optimizer:
    schedule = _WarmupCosine(settings.learning_rate, int(settings.warmup_epochs * steps), settings.epochs * steps)
    optimizer = keras.optimizers.SGD(
        schedule,
        momentum=settings.momentum,
        nesterov=True,
        weight_decay=settings.weight_decay,
        clipvalue=settings.gradient_clip,
    )
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    return optimizer


def train_supernet(
    supernet: Supernet,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    settings: TrainingSettings,
    sandwich: SandwichSettings,
    directory: Path | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> None:
    """Train, or go on training, until `settings.epochs` epochs are done.

    Args:
        supernet: A built supernet; its own `label_smoothing` holds.
        images: uint8 `[n, s, s, 3]`.
        labels: int `[n]`.
        settings: The schedule.
        sandwich: Kinds of networks in each step.
        directory: Where checkpoints lie; None for none.
        callbacks: Further Keras callbacks.
    """
    optimizer = _optimizer(settings, steps_per_epoch(len(images), settings.batch_size))
    supernet.compile(optimizer=optimizer, jit_compile=False)

    def vectors(step: int) -> np.ndarray:
        return sandwich_vectors(supernet.space, sandwich, seed=settings.seed, step=step)

    _fit(supernet, images, labels, settings, directory, callbacks, vectors=vectors)


def train_network(
    model: keras.Model,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    settings: TrainingSettings,
    loss: Callable[[Any, Any], Any] | None = None,
    directory: Path | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> None:
    """Train one plain network, on hard labels unless another loss is given, from the weights that it has.

    Args:
        model: Functional model `[batch, r, r, 3]` -> logits `[batch, classes]`.
        images: uint8 `[n, s, s, 3]`; resized to the model's r.
        labels: int `[n]`.
        settings: The schedule.
        loss: (labels, outputs) -> `[batch]`; None for cross-entropy with the settings' label smoothing.
        directory: Where checkpoints lie; None for none.
        callbacks: Further Keras callbacks.
    """
    classes = model.output_shape[-1]

    def smoothed_cross_entropy(y_true, y_pred):
        targets = tf.one_hot(tf.cast(tf.reshape(y_true, [-1]), tf.int32), classes)
        targets = targets * (1.0 - settings.label_smoothing) + settings.label_smoothing / classes
        return tf.nn.softmax_cross_entropy_with_logits(targets, y_pred)

    model.compile(
        optimizer=_optimizer(settings, steps_per_epoch(len(images), settings.batch_size)),
        loss=loss or smoothed_cross_entropy,
        metrics=[] if loss else ["accuracy"],
        jit_compile=False,
    )
    _fit(model, images, labels, settings, directory, callbacks, image_size=model.input_shape[1])


def _fit(
    model: keras.Model,
    images: np.ndarray,
    labels: np.ndarray,
    settings: TrainingSettings,
    directory: Path | None,
    callbacks: Sequence[keras.callbacks.Callback],
    **batches,
) -> None:
    steps = steps_per_epoch(len(images), settings.batch_size)
    model.optimizer.build(model.trainable_variables)
    done = restore_latest(model, directory) if directory else 0
    if done >= settings.epochs:
        return
    dataset = training_batches(
        images,
        labels,
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        start_step=done * steps,
        seed=settings.seed,
        max_shift=settings.max_shift,
        **batches,
    )
    saving = [CheckpointCallback(directory)] if directory else []
    model.fit(
        dataset,
        epochs=settings.epochs,
        initial_epoch=done,
        steps_per_epoch=steps,
        callbacks=[*callbacks, *saving],
        shuffle=False,
        verbose=0,
    )
