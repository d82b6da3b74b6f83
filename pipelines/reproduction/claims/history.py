"""The values of every training step, kept on disk so that a resumed training has all of them."""

import math
from collections.abc import Callable
from pathlib import Path

import keras

from splitnets_tf.errors import UserError
from splitnets_tf.files import read_json, write_json

__all__ = ["StepHistory"]

_DIGITS = 6


class StepHistory(keras.callbacks.Callback):
    """Collects what each step reports and writes it behind each epoch, in front of the epoch's checkpoint.

    Args:
        path: JSON file, value name -> for each step a number, or null where it was not finite.
        on_step: Called with the number of finished steps and a note.
    """

    def __init__(self, path: Path, on_step: Callable[[int, str], None] = lambda done, note: None) -> None:
        super().__init__()
        self._path = path
        self._on_step = on_step
        self._values: dict[str, list[float | None]] = {}
        self._begun = False
        self._done = 0

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """At the first epoch of a process, take up what finished epochs left."""
        if self._begun:
            return
        self._begun = True
        self._done = epoch * self.params["steps"]
        stored = self.read() if self._done else {}
        if any(len(values) < self._done for values in stored.values()) or bool(stored) != bool(self._done):
            raise UserError(
                f"{self._path} lacks steps that the checkpoints beside it have; remove {self._path.parent} and repeat "
                "the command"
            )
        self._values = {name: values[: self._done] for name, values in stored.items()}

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Take note of a step."""
        for name, value in (logs or {}).items():
            number = float(value)
            self._values.setdefault(name, []).append(round(number, _DIGITS) if math.isfinite(number) else None)
        self._done += 1
        self._on_step(self._done, f"loss {float((logs or {}).get('loss', 0.0)):.3f}")

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Write all steps so far."""
        write_json(self._path, self._values)

    def read(self) -> dict[str, list[float | None]]:
        """What the file holds.

        Raises:
            UserError: It is missing or not readable.
        """
        return read_json(self._path, "the steps of a training")
