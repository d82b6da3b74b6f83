"""What TensorBoard shows of a supernet's training: step values, accuracies, the graph, the hyperparameters."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams

__all__ = ["TrainingBoard", "flat_hyperparameters"]

_TAGS = {
    "loss": "loss/largest",
    "loss_smallest": "loss/smallest",
    "loss_random": "loss/random",
    "accuracy_largest": "accuracy/largest",
    "accuracy_smallest": "accuracy/smallest",
    "accuracy_random": "accuracy/random",
    "gradient_ratio": "gradients/splitting_over_regular",
    "learning_rate": "learning_rate",
}
"""Value of a training step -> scalar."""
_VALIDATION = "val_"


class TrainingBoard(keras.callbacks.Callback):
    """Writes TensorBoard events of sandwich training.

    By step: loss and accuracy of the largest, the smallest and the random networks on the training batch, ratio of the
    gradients, learning rate, images/s. By epoch, at its last step: means of the former under `epoch/`, and validation
    accuracy under `validation/`.

    Args:
        directory: Where the events lie.
        batch_size: Images of a step, over all replicas.
        hyperparameters: Flat plain data shown as the run's hyperparameters.
        every_s: Least seconds between two steps that are written; 0 for all steps.
    """

    def __init__(
        self, directory: Path, *, batch_size: int, hyperparameters: Mapping[str, Any], every_s: float = 1.0
    ) -> None:
        super().__init__()
        self._writer = tf.summary.create_file_writer(str(directory))
        self._batch_size = batch_size
        self._hyperparameters = dict(hyperparameters)
        self._every_s = every_s
        self._first_step = 0
        self._written_at: float | None = None
        self._steps_since = 0

    def write_graph(self, graph: tf.Graph) -> None:
        """Write the graph of a training step."""
        with self._writer.as_default():
            tf.summary.graph(graph.as_graph_def(add_shapes=True))

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Write the hyperparameters."""
        with self._writer.as_default():
            hparams.hparams(self._hyperparameters)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Take note of the epoch's first step; what lies between epochs must not count as time of a step."""
        self._first_step = epoch * self.params["steps"]
        self._written_at = None

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Write the step's values, unless others were written just now."""
        now = time.monotonic()
        self._steps_since += 1
        if self._written_at is not None and now - self._written_at < self._every_s:
            return
        scalars = {_TAGS[name]: value for name, value in (logs or {}).items() if name in _TAGS}
        if self._written_at is not None:  # of the first step of a process or epoch, the time is not known
            scalars["images_per_s"] = self._batch_size * self._steps_since / max(1e-9, now - self._written_at)
        self._write(scalars, self._first_step + batch + 1)
        self._written_at, self._steps_since = now, 0

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Write the epoch's means and the validation accuracies."""
        scalars = {}
        for name, value in (logs or {}).items():
            if name in _TAGS:
                scalars[f"epoch/{_TAGS[name]}"] = value
            elif name.startswith(_VALIDATION):
                scalars[f"validation/{name.removeprefix(_VALIDATION)}"] = value
        self._write(scalars, self._first_step + self.params["steps"])
        self._writer.flush()

    def on_train_end(self, logs: dict | None = None) -> None:
        """Close the file."""
        self._writer.close()

    def _write(self, scalars: Mapping[str, float], step: int) -> None:
        with self._writer.as_default():
            for name, value in scalars.items():
                tf.summary.scalar(name, value, step=step)


def flat_hyperparameters(config: Mapping[str, Any], prefix: str = "") -> dict[str, str | float | int | bool]:
    """Nested plain data as TensorBoard takes hyperparameters: dotted keys; None and lists as text."""
    flat: dict[str, str | float | int | bool] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            flat |= flat_hyperparameters(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value if isinstance(value, (bool, int, float, str)) else str(value)
    return flat
