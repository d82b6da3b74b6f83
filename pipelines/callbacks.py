"""Keras callbacks that pipelines share: progress with time left, and TensorBoard."""

from pathlib import Path

import keras

from pipelines.progress import progress_bar

__all__ = ["EpochProgress", "tensorboard"]


class EpochProgress(keras.callbacks.Callback):
    """One bar over all steps of all epochs.

    Args:
        title: What is being trained.
        epochs: Total number of epochs, those of earlier runs included.
    """

    def __init__(self, title: str, epochs: int) -> None:
        super().__init__()
        self._title = title
        self._epochs = epochs
        self._bar = None
        self._advance = None
        self._done = 0

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Open the bar at the first epoch of this process."""
        if self._bar is None:
            steps = self.params["steps"]
            self._done = epoch * steps
            self._bar = progress_bar(self._title, self._epochs * steps, done=self._done)
            self._advance = self._bar.__enter__()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """One step further."""
        self._done += 1
        loss = (logs or {}).get("loss")
        self._advance(self._done, "" if loss is None else f"loss {float(loss):.3f}")

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Close the bar behind the last epoch."""
        if epoch + 1 == self._epochs and self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None


def tensorboard(directory: Path) -> keras.callbacks.TensorBoard:
    """Scalars of every epoch."""
    return keras.callbacks.TensorBoard(str(directory), write_graph=False)
