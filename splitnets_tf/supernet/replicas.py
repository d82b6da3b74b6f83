"""Averages over the replicas of `tf.distribute`, and an optimiser for gradients that are averaged already."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

__all__ = ["AveragedSGD", "all_equal", "mean_over_replicas", "wait_for_all"]


def mean_over_replicas(tensors: list[Any]) -> list[Any]:
    """Mean of each tensor over all replicas; to be called inside `strategy.run`, outside of loops and conditions.

    Without replicas the tensors come back as they are.
    """
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return tensors
    return context.all_reduce(tf.distribute.ReduceOp.MEAN, tensors)


class AveragedSGD(keras.optimizers.SGD):
    """SGD whose gradients are equal on all replicas when they come in.

    Keras would clip each replica's gradients on its own and then sum what is left. One large batch is clipped after
    its mean is known, so that is what replicas do here too: they average first (`mean_over_replicas`).
    """

    def _all_reduce_sum_gradients(self, grads_and_vars):
        return list(grads_and_vars)


def all_equal(strategy: tf.distribute.Strategy, values: Sequence[int]) -> bool:
    """Whether every worker process holds these values; each of them must call this.

    Args:
        strategy: The processes' strategy.
        values: Integers below 2^20, so that sums of their squares are exact.
    """
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        return True

    def sums():
        own = tf.constant([float(value) for value in values], tf.float64)
        context = tf.distribute.get_replica_context()
        return context.all_reduce(tf.distribute.ReduceOp.SUM, tf.stack([own, own * own]))

    total, squares = strategy.experimental_local_results(tf.function(lambda: strategy.run(sums))())[0].numpy()
    return bool(np.all(total * total == squares * replicas))


def wait_for_all(strategy: tf.distribute.Strategy) -> None:
    """Return when every worker process has come here."""
    all_equal(strategy, [0])
