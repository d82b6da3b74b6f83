"""Training of the supernet, on one device or many, and of single networks by Keras's `fit`; both resumable."""

import dataclasses
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from splitnets_tf.data import StoredImages
from splitnets_tf.errors import UserError
from splitnets_tf.supernet.checkpoints import CheckpointCallback, Position, restore_latest, training_identity
from splitnets_tf.supernet.input_pipeline import distributed_batches, steps_per_epoch, training_batches
from splitnets_tf.supernet.loop import run_training
from splitnets_tf.supernet.replicas import AveragedSGD, all_equal
from splitnets_tf.supernet.sandwich import sandwich_vectors
from splitnets_tf.supernet.settings import SandwichSettings, TrainingSettings
from splitnets_tf.supernet.supernet import Supernet

__all__ = ["train_network", "train_supernet"]

_LOGGER = logging.getLogger(__name__)
CHECKPOINT_INTERVAL_S = 600.0
"""Seconds of a supernet's training that a kill costs at most, besides what starting costs."""

_ADDED_LATER = {"separate_weights": False, "splitting_initializer": "split_aware"}
"""Arguments of the supernet that do not count at these values, so that trainings begun before they existed go on."""


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


def _optimizer(
    settings: TrainingSettings, steps: int, kind: type[keras.optimizers.SGD] = keras.optimizers.SGD
) -> keras.optimizers.Optimizer:
    schedule = _WarmupCosine(settings.learning_rate, int(settings.warmup_epochs * steps), settings.epochs * steps)
    optimizer = kind(
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
    images: np.ndarray | StoredImages,
    labels: np.ndarray,
    *,
    settings: TrainingSettings,
    sandwich: SandwichSettings,
    directory: Path | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    strategy: tf.distribute.Strategy | None = None,
    checkpoint_interval_s: float = CHECKPOINT_INTERVAL_S,
    is_chief: bool = True,
    on_graph: Callable[[tf.Graph], object] | None = None,
) -> None:
    """Train, or go on training, until `settings.epochs` epochs are done.

    A step is a function of the settings, the step's number and the weights. So a training that was killed and started
    again, with the same data and number of replicas, ends with the weights of one that ran through, as far as the
    device's operations are deterministic; on CPUs they are.

    Args:
        supernet: A built supernet, built under the strategy's scope; its own `label_smoothing` holds.
        images: uint8 `[n, s, s, 3]`, in memory or read as they are needed; of several views `[n, views, s, s, 3]`.
        labels: int `[n]`.
        settings: The schedule.
        sandwich: Kinds of networks in each step.
        directory: Where checkpoints lie; None for none. Several worker processes need one that all of them can read.
        callbacks: Further Keras callbacks; called in the chief only.
        strategy: Devices; None for one. Each replica takes its part of the batch with that part's own normalisation
            statistics, and gradients are averaged before they are clipped.
        checkpoint_interval_s: Seconds from one checkpoint to the next within an epoch.
        is_chief: Whether this process writes checkpoints; of several worker processes exactly one does.
        on_graph: Called once, in the chief, with the graph of a training step.

    Raises:
        UserError: Worker processes have different settings or found different checkpoints.
    """
    strategy = strategy or tf.distribute.get_strategy()
    steps = steps_per_epoch(len(images), settings.batch_size)
    with strategy.scope():
        supernet.compile(optimizer=_optimizer(settings, steps, AveragedSGD), jit_compile=False)
        supernet.optimizer.build(supernet.trainable_variables)
    identity = _supernet_identity(supernet, settings, sandwich, len(images))
    start_step = _restored_step(supernet, strategy, directory, identity, steps)
    listeners = list(callbacks) if is_chief else []
    if is_chief and directory is not None:
        listeners.append(CheckpointCallback(directory, identity=identity, interval_s=checkpoint_interval_s))
    run_training(
        supernet,
        distributed_batches(
            strategy,
            images,
            labels,
            batch_size=settings.batch_size,
            epochs=settings.epochs,
            start_step=start_step,
            seed=settings.seed,
            max_shift=settings.max_shift,
            rand_augment=settings.rand_augment,
            vectors=lambda step: sandwich_vectors(supernet.space, sandwich, seed=settings.seed, step=step),
        ),
        strategy=strategy,
        epochs=settings.epochs,
        steps=steps,
        start_step=start_step,
        callbacks=listeners,
        on_graph=on_graph if is_chief else None,
    )


def _restored_step(
    supernet: Supernet, strategy: tf.distribute.Strategy, directory: Path | None, identity: str, steps: int
) -> int:
    """Load the newest checkpoint; the step at which training goes on."""
    done = Position()
    if directory is not None:
        done = restore_latest(supernet, directory, identity=identity, steps_per_epoch=steps)
    start_step = done.epochs * steps + done.steps
    # Two halves of the step and the name's beginning: each is small enough to be compared exactly.
    if not all_equal(strategy, [start_step >> 20, start_step % 2**20, int(identity[:5], 16)]):
        raise UserError(
            f"the workers found different settings or checkpoints in {directory}; start the same command on all of "
            "them, with an --output-dir on a file system that they share"
        )
    if start_step:
        _LOGGER.info("training goes on after %d epochs and %d steps", done.epochs, done.steps)
    return start_step


def _supernet_identity(supernet: Supernet, settings: TrainingSettings, sandwich: SandwichSettings, images: int) -> str:
    config = {key: value for key, value in supernet.get_config().items() if key not in ("name", "trainable", "dtype")}
    config = {key: value for key, value in config.items() if (key, value) not in _ADDED_LATER.items()}
    records: dict[str, Any] = {"settings": dataclasses.asdict(settings), "sandwich": dataclasses.asdict(sandwich)}
    if supernet.compute_dtype != supernet.variable_dtype:
        records["precision"] = supernet.compute_dtype
    return training_identity({"supernet": config, "images": images, **records})


def train_network(
    model: keras.Model,
    images: np.ndarray | StoredImages,
    labels: np.ndarray,
    *,
    settings: TrainingSettings,
    loss: Callable[[Any, Any], Any] | None = None,
    directory: Path | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> None:
    """Train one plain network, on hard labels unless another loss is given, from the weights that it has.

    Args:
        model: Functional model `[batch, r, r, 3]` or `[batch, views, r, r, 3]` -> logits `[batch, classes]`.
        images: uint8 `[n, s, s, 3]` or `[n, views, s, s, 3]`, in memory or read as they are needed; resized to the
            model's r.
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
    _fit(model, images, labels, settings, directory, callbacks, image_size=model.input_shape[-2])


def _fit(
    model: keras.Model,
    images: np.ndarray | StoredImages,
    labels: np.ndarray,
    settings: TrainingSettings,
    directory: Path | None,
    callbacks: Sequence[keras.callbacks.Callback],
    **batches,
) -> None:
    steps = steps_per_epoch(len(images), settings.batch_size)
    model.optimizer.build(model.trainable_variables)
    identity = training_identity({"settings": dataclasses.asdict(settings), "images": len(images)})
    done = restore_latest(model, directory, identity=identity).epochs if directory else 0
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
        rand_augment=settings.rand_augment,
        **batches,
    )
    saving = [CheckpointCallback(directory, identity=identity)] if directory else []
    model.fit(
        dataset,
        epochs=settings.epochs,
        initial_epoch=done,
        steps_per_epoch=steps,
        callbacks=[*callbacks, *saving],
        shuffle=False,
        verbose=0,
    )
