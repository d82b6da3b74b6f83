"""Checkpoints that survive SIGKILL: written to a temporary name, renamed, the one before kept."""

import dataclasses
import hashlib
import json
import logging
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import keras

from splitnets_tf.files import write_atomically

__all__ = ["CheckpointCallback", "Position", "restore_latest", "training_identity"]

_LOGGER = logging.getLogger(__name__)
_PATTERN = re.compile(r"epoch-(\d{5})(?:-step-(\d{7}))?\.weights\.h5")
_IDENTITY = "splitnets_training"
"""Attribute of the file that says which training it belongs to."""


@dataclasses.dataclass(frozen=True, order=True, slots=True)
class Position:
    """How far a training has come."""

    epochs: int = 0
    """Finished epochs."""
    steps: int = 0
    """Finished steps of the epoch behind them."""


def training_identity(settings: Mapping[str, Any]) -> str:
    """A short name of a training that differs where its settings differ.

    Args:
        settings: Plain data.
    """
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


class CheckpointCallback(keras.callbacks.Callback):
    """Saves the model's weights and its optimiser's state at the end of each epoch, and within long ones.

    Args:
        directory: Where `epoch-NNNNN.weights.h5` is written, NNNNN counting finished epochs, and within an epoch
            `epoch-NNNNN-step-MMMMMMM.weights.h5`, MMMMMMM counting the steps behind them.
        identity: Which training this is; see `training_identity`.
        keep: How many of the newest files stay.
        interval_s: Seconds from one file to the next within an epoch; None for files at its end only.
    """

    def __init__(self, directory: Path, *, identity: str = "", keep: int = 2, interval_s: float | None = None) -> None:
        super().__init__()
        self._directory = directory
        self._identity = identity
        self._keep = keep
        self._interval_s = interval_s
        self._epoch = 0
        self._saved_at = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Take note of the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Write a checkpoint where the last one is old."""
        if self._interval_s is None or batch + 1 == self.params["steps"]:  # the epoch's own checkpoint follows
            return
        if time.monotonic() - self._saved_at >= self._interval_s:
            self._save(Position(self._epoch, batch + 1))

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Write the checkpoint of the finished epoch."""
        self._save(Position(epoch + 1))

    def _save(self, position: Position) -> None:
        def write(path: Path) -> None:
            self.model.save_weights(path, overwrite=True)
            with h5py.File(path, "r+") as file:
                file.attrs[_IDENTITY] = self._identity

        within = f"-step-{position.steps:07d}" if position.steps else ""
        write_atomically(self._directory / f"epoch-{position.epochs:05d}{within}.weights.h5", write)
        for _, old in _checkpoints(self._directory)[: -self._keep]:
            old.unlink()
        self._saved_at = time.monotonic()


def restore_latest(
    model: keras.Model, directory: Path, *, identity: str = "", steps_per_epoch: int | None = None
) -> Position:
    """Load the newest checkpoint that can be read and belongs to this training.

    A truncated or foreign file is named in a warning and the one before it is tried.

    Args:
        model: A built and compiled model whose optimiser is built too.
        directory: Where `CheckpointCallback` writes.
        identity: Which training this is; a file of another one is passed over.
        steps_per_epoch: Where given, the optimiser's count of steps must agree with the file's name.

    Returns:
        Where to go on; the start where there is no usable checkpoint.
    """
    variables = [*model.variables, *model.optimizer.variables]
    initial = [variable.numpy() for variable in variables]
    for position, path in reversed(_checkpoints(directory)):
        try:
            _check_identity(path, identity)
            model.load_weights(path)
            _check_steps(model, position, steps_per_epoch)
        except (OSError, ValueError, KeyError) as error:
            _LOGGER.warning("%s is no checkpoint of this model's training and is passed over: %s", path, error)
            for variable, value in zip(variables, initial, strict=True):  # what was read before the failure
                variable.assign(value)
            continue
        return position
    return Position()


def _check_identity(path: Path, identity: str) -> None:
    with h5py.File(path, "r") as file:
        found = file.attrs.get(_IDENTITY, "")
    if found != identity:
        raise ValueError(f"it belongs to the training {found or 'without a name'}, expected {identity or 'none'}")


def _check_steps(model: keras.Model, position: Position, steps_per_epoch: int | None) -> None:
    if steps_per_epoch is None:
        return
    expected = position.epochs * steps_per_epoch + position.steps
    found = int(model.optimizer.iterations.numpy())
    if found != expected:
        raise ValueError(f"it was written after {found} steps, but its name says {expected}")


def _checkpoints(directory: Path) -> list[tuple[Position, Path]]:
    if not directory.is_dir():
        return []
    found = [(match, path) for path in directory.iterdir() if (match := _PATTERN.fullmatch(path.name))]
    return sorted((Position(int(match.group(1)), int(match.group(2) or 0)), path) for match, path in found)
