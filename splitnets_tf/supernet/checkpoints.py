"""Checkpoints that survive SIGKILL: written to a temporary name, renamed, the one before kept."""

import functools
import logging
import re
from pathlib import Path

import keras

from splitnets_tf.files import write_atomically

__all__ = ["CheckpointCallback", "restore_latest"]

_LOGGER = logging.getLogger(__name__)
_PATTERN = re.compile(r"epoch-(\d{5})\.weights\.h5")


class CheckpointCallback(keras.callbacks.Callback):
    """Saves the model's weights and its optimiser's state at the end of each epoch.

    Args:
        directory: Where `epoch-NNNNN.weights.h5` is written; NNNNN counts finished epochs.
        keep: How many of the newest files stay.
    """

    def __init__(self, directory: Path, keep: int = 2) -> None:
        super().__init__()
        self._directory = directory
        self._keep = keep

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Write the checkpoint of the finished epoch and remove old ones."""
        target = self._directory / f"epoch-{epoch + 1:05d}.weights.h5"
        write_atomically(target, functools.partial(self.model.save_weights, overwrite=True))
        for _, old in _checkpoints(self._directory)[: -self._keep]:
            old.unlink()


def restore_latest(model: keras.Model, directory: Path) -> int:
    """Load the newest checkpoint that can be read.

    A truncated or foreign file is named in a warning and the one before it is tried.

    Args:
        model: A built and compiled model whose optimiser is built too.
        directory: Where `CheckpointCallback` writes.

    Returns:
        Number of finished epochs; 0 where there is no usable checkpoint.
    """
    variables = [*model.variables, *model.optimizer.variables]
    initial = [variable.numpy() for variable in variables]
    for epochs, path in reversed(_checkpoints(directory)):
        try:
            model.load_weights(path)
        except (OSError, ValueError, KeyError) as error:
            _LOGGER.warning("%s is no checkpoint of this model and is passed over: %s", path, error)
            for variable, value in zip(variables, initial, strict=True):  # what was read before the failure
                variable.assign(value)
            continue
        return epochs
    return 0


def _checkpoints(directory: Path) -> list[tuple[int, Path]]:
    if not directory.is_dir():
        return []
    found = [(match, path) for path in directory.iterdir() if (match := _PATTERN.fullmatch(path.name))]
    return sorted((int(match.group(1)), path) for match, path in found)
