"""The training loop of a supernet, on one device or many: Keras's callbacks around `strategy.run`.

Keras 3's `fit` fails under MultiWorkerMirroredStrategy, and it can neither stop nor start within an epoch.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from splitnets_tf.supernet.supernet import Supernet

__all__ = ["run_training"]


def run_training(
    supernet: Supernet,
    batches: Any,
    *,
    strategy: tf.distribute.Strategy,
    epochs: int,
    steps: int,
    start_step: int,
    callbacks: Sequence[keras.callbacks.Callback],
    on_graph: Callable[[tf.Graph], object] | None = None,
) -> None:
    """Train from step `start_step` to the end of the last epoch.

    After each step, callbacks see its values, averaged over the replicas, and its learning rate; after each epoch,
    their means over the epoch's steps that ran in this process.

    Args:
        supernet: Compiled, its optimiser built, both under the strategy's scope.
        batches: Data set, distributed where the strategy is, of what `Supernet.sandwich_step` takes; starts at
            `start_step`.
        strategy: On which devices the steps run.
        epochs: Number of epochs, counted from step 0.
        steps: Steps of an epoch.
        start_step: First step.
        callbacks: Keras callbacks.
        on_graph: Called once with the graph of a step.
    """

    def replicated(batch):
        rate = tf.identity(supernet.optimizer.learning_rate)
        values = strategy.run(supernet.sandwich_step, args=(batch,))
        values = {name: strategy.experimental_local_results(value)[0] for name, value in values.items()}
        return values | {"learning_rate": rate}

    if start_step >= epochs * steps:
        return
    step_function = tf.function(replicated, reduce_retracing=True)
    listeners = keras.callbacks.CallbackList(list(callbacks), model=supernet, epochs=epochs, steps=steps)
    iterator = iter(batches)
    listeners.on_train_begin()
    first_epoch, first_index = divmod(start_step, steps)
    for epoch in range(first_epoch, epochs):
        listeners.on_epoch_begin(epoch)
        sums: dict[str, float] = {}
        start = first_index if epoch == first_epoch else 0
        for index in range(start, steps):
            batch = next(iterator)
            if on_graph is not None:
                on_graph(step_function.get_concrete_function(batch).graph)
                on_graph = None
            listeners.on_train_batch_begin(index)
            values = {name: float(value) for name, value in step_function(batch).items()}
            sums = {name: sums.get(name, 0.0) + value for name, value in values.items()}
            listeners.on_train_batch_end(index, values)
        listeners.on_epoch_end(epoch, {name: total / (steps - start) for name, total in sums.items()})
    listeners.on_train_end()
