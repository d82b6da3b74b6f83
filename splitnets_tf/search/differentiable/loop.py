"""The search: weights and architecture parameters in turn, resumable at any step."""

import dataclasses
import functools
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from splitnets_tf.files import write_atomically
from splitnets_tf.search.differentiable.alphas import AlphaState, sample_network, sample_pairs, updated
from splitnets_tf.search.differentiable.latency import PlacedLatency
from splitnets_tf.search.differentiable.settings import DifferentiableSettings
from splitnets_tf.supernet import CheckpointCallback, restore_latest, steps_per_epoch, training_batches
from splitnets_tf.supernet.checkpoints import training_identity
from splitnets_tf.supernet.mixed_network import MixedNetwork

__all__ = ["SearchData", "read_state", "search_network", "write_state"]

_LOGGER = logging.getLogger(__name__)
CHECKPOINT_INTERVAL_S = 600.0
"""Seconds of a search that a kill costs at most, besides what starting costs."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SearchData:
    """Images that one kind of parameters learns from."""

    images: Any
    """uint8 `[n, s, s, 3]`, in memory or read as they are needed."""
    labels: np.ndarray
    """int `[n]`."""


def search_network(
    network: MixedNetwork,
    latency: PlacedLatency,
    limit_ms: float,
    *,
    weight_data: SearchData,
    alpha_data: SearchData,
    settings: DifferentiableSettings,
    directory: Path | None = None,
    warm_weights: Path | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    checkpoint_interval_s: float = CHECKPOINT_INTERVAL_S,
) -> None:
    """Search, or go on searching, until all epochs are done.

    A step is a function of the settings, its number, the weights and the architecture parameters, so an interrupted
    search ends like an uninterrupted one. Those of the warm-up know neither latency nor T_const, so searches that
    differ in these alone may share it.

    Args:
        network: Built.
        latency: Times of all candidates.
        limit_ms: T_const.
        weight_data: What weights learn from.
        alpha_data: What architecture parameters learn from.
        settings: The schedule.
        directory: Where checkpoints lie; None for none.
        warm_weights: The state behind the warm-up: a search without a checkpoint starts from this file where it is
            there, and writes it where it is not.
        callbacks: Keras callbacks; logs have `loss`, `accuracy`, `expected_ms` and `entropy`, and once architecture
            parameters are trained `alpha_loss` and `alpha_accuracy`.
        checkpoint_interval_s: Seconds from one checkpoint to the next within an epoch.
    """
    steps = steps_per_epoch(len(weight_data.images), settings.batch_size)
    network.compile(optimizer=_optimizer(settings, steps), jit_compile=False)
    network.optimizer.build(network.trainable_variables)
    listeners = list(callbacks)
    start = 0
    if warm_weights is not None and settings.warmup_epochs:
        listeners.append(_WarmWeights(warm_weights, settings.warmup_epochs))
    if directory is not None:
        identity = _identity(network, latency, limit_ms, settings, (weight_data, alpha_data))
        done = restore_latest(network, directory, identity=identity, steps_per_epoch=steps)
        start = done.epochs * steps + done.steps
        listeners.append(CheckpointCallback(directory, identity=identity, interval_s=checkpoint_interval_s))
    if start == 0 and settings.warmup_epochs and warm_weights is not None and warm_weights.is_file():
        network.load_weights(warm_weights)
        start = settings.warmup_epochs * steps
    if start:
        _LOGGER.info("the search goes on after %d steps", start)
    if start < settings.total_epochs * steps:
        search = _Search(network, latency, limit_ms, settings, steps)
        search.run(start, _batches(weight_data, settings, steps, start), alpha_data, listeners)


class _WarmWeights(keras.callbacks.Callback):
    """Writes weights and the optimiser's state when the warm-up ends; before the checkpoint that would skip it."""

    def __init__(self, path: Path, epochs: int) -> None:
        super().__init__()
        self._path = path
        self._epochs = epochs

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Write the file once."""
        if epoch + 1 == self._epochs:
            write_atomically(self._path, functools.partial(self.model.save_weights, overwrite=True))


class _Search:
    """What one step needs."""

    def __init__(
        self,
        network: MixedNetwork,
        latency: PlacedLatency,
        limit_ms: float,
        settings: DifferentiableSettings,
        steps: int,
    ) -> None:
        self._network = network
        self._latency = latency
        self._limit_ms = limit_ms
        self._settings = settings
        self._steps = steps
        self._warmup_steps = settings.warmup_epochs * steps
        self._weight_step = tf.function(network.weight_step, autograph=False)
        self._gate_step = tf.function(network.gate_step, autograph=False)

    def run(self, start: int, batches: Any, alpha_data: SearchData, callbacks: Sequence[Any]) -> None:
        """Steps `start` to the end."""
        settings, steps = self._settings, self._steps
        listeners = keras.callbacks.CallbackList(
            list(callbacks), model=self._network, epochs=settings.total_epochs, steps=steps
        )
        alpha_batches = _alpha_batches(alpha_data, settings, steps, max(0, start - self._warmup_steps))
        listeners.on_train_begin()
        iterator = iter(batches)
        for epoch in range(start // steps, settings.total_epochs):
            listeners.on_epoch_begin(epoch)
            rows: list[Mapping[str, float]] = []
            for index in range(start % steps if epoch == start // steps else 0, steps):
                step = epoch * steps + index
                listeners.on_train_batch_begin(index)
                values = self._step(step, next(iterator))
                if step >= self._warmup_steps:
                    values |= self._alpha_step(step, next(alpha_batches))
                rows.append(values)
                listeners.on_train_batch_end(index, values)
            listeners.on_epoch_end(epoch, {name: float(np.mean([row[name] for row in rows])) for name in rows[0]})
        listeners.on_train_end()

    def _step(self, step: int, batch: Any) -> dict[str, float]:
        state = read_state(self._network)
        choices = sample_network(state, np.random.default_rng([self._settings.seed, 2 * step]))
        values = self._weight_step(*batch, tf.constant(choices, tf.int32))
        figures = {"expected_ms": self._latency.expected_ms(state.probabilities), "entropy": state.mean_entropy}
        return {name: float(value) for name, value in values.items()} | figures

    def _alpha_step(self, step: int, batch: Any) -> dict[str, float]:
        state = read_state(self._network)
        pairs = sample_pairs(state, np.random.default_rng([self._settings.seed, 2 * step + 1]))
        paths = tf.constant([pair.paths for pair in pairs], tf.int32)
        values = self._gate_step(*batch, paths)
        gradient = np.asarray(values["gradient"], dtype=np.float64)
        write_state(self._network, updated(state, pairs, gradient, self._latency, self._limit_ms, self._settings))
        return {"alpha_loss": float(values["loss"]), "alpha_accuracy": float(values["accuracy"])}


def read_state(network: MixedNetwork) -> AlphaState:
    """The architecture parameters that a network holds."""
    return AlphaState(
        alphas=_rows(network, network.alphas),
        squares=_rows(network, network.alpha_squares),
        updates=int(network.alpha_updates),
    )


def write_state(network: MixedNetwork, state: AlphaState) -> None:
    """Put architecture parameters into a network."""
    for variable, rows in ((network.alphas, state.alphas), (network.alpha_squares, state.squares)):
        values = np.zeros(variable.shape, np.float32)
        for place, row in enumerate(rows):
            values[place, : len(row)] = row
        variable.assign(values)
    network.alpha_updates.assign(float(state.updates))


def _rows(network: MixedNetwork, variable: Any) -> tuple[np.ndarray, ...]:
    values = np.asarray(variable, dtype=np.float64)
    return tuple(values[place, : len(row.candidates)] for place, row in enumerate(network.layer_rows))


def _optimizer(settings: DifferentiableSettings, steps: int) -> keras.optimizers.Optimizer:
    schedule = keras.optimizers.schedules.CosineDecay(settings.learning_rate, settings.total_epochs * steps)
    optimizer = keras.optimizers.Adam(schedule, weight_decay=settings.weight_decay, clipvalue=1.0)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    return optimizer


def _batches(data: SearchData, settings: DifferentiableSettings, steps: int, start: int) -> tf.data.Dataset:
    return training_batches(
        data.images,
        data.labels,
        batch_size=settings.batch_size,
        epochs=settings.total_epochs,
        start_step=start,
        seed=settings.seed,
        max_shift=settings.max_shift,
    )


def _alpha_batches(data: SearchData, settings: DifferentiableSettings, steps: int, start: int) -> Any:
    """One batch for each update; their number has nothing to do with the passes over these images."""
    own_steps = steps_per_epoch(len(data.images), settings.batch_size)
    return iter(
        training_batches(
            data.images,
            data.labels,
            batch_size=settings.batch_size,
            epochs=-(-settings.epochs * steps // own_steps),
            start_step=start,
            seed=settings.seed + 1,
            max_shift=settings.max_shift,
        )
    )


def _identity(
    network: MixedNetwork,
    latency: PlacedLatency,
    limit_ms: float,
    settings: DifferentiableSettings,
    data: Sequence[SearchData],
) -> str:
    return training_identity(
        {
            "settings": dataclasses.asdict(settings),
            "layers": [str(row) for row in network.layer_rows],
            "times": [times.tolist() for times in latency.operation_ms],
            "limit_ms": limit_ms,
            "images": [len(part.images) for part in data],
        }
    )
