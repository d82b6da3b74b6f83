"""Stage `train`: the supernet."""

import contextlib
import dataclasses
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipelines.callbacks import EpochProgress
from pipelines.imagenet.context import Arrays, Context
from pipelines.training_board import TrainingBoard, flat_hyperparameters
from splitnets_tf.errors import UserError
from splitnets_tf.files import write_atomically
from splitnets_tf.supernet import Supernet, ValidationCallback, open_strategy, train_supernet, wait_for_all
from splitnets_tf.supernet.evaluation import SubnetworkEvaluator

__all__ = ["TrainedEvaluator", "supernet_weights", "train", "train_as_worker", "validation_arrays"]


def supernet_weights(context: Context) -> Path:
    """Where the trained supernet's weights lie."""
    return context.home / "supernet" / "final.weights.h5"


def train(context: Context) -> None:
    """Train the supernet, or go on from the last checkpoint."""
    config = context.config
    inputs = context.inputs()
    if context.run.is_done("train", inputs):
        return
    with context.run.stage("train", inputs, config.seed), _lost_workers_named(context):
        supernet, strategy = _train(context)
        supernet.optimizer = None  # the finished weights alone are what later stages read
        write_atomically(supernet_weights(context), functools.partial(supernet.save_weights, overwrite=True))
        wait_for_all(strategy)


def train_as_worker(context: Context, *, overwrite: bool) -> None:
    """Take part in the training that the chief leads; nothing is written here.

    Args:
        context: The run.
        overwrite: Whether the chief removes what the run directory holds, however much that is.
    """
    if not overwrite and context.run.is_done("train", context.inputs()):
        return
    with _lost_workers_named(context):
        _, strategy = _train(context)
        wait_for_all(strategy)


@contextlib.contextmanager
def _lost_workers_named(context: Context) -> Iterator[None]:
    """What a worker sees when another one ends early, as one line."""
    import tensorflow as tf

    try:
        yield
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError) as error:
        if context.cluster is None:
            raise
        raise UserError(
            "another worker ended or cannot be reached any more; start the same command on all workers again, and "
            f"training goes on from the last checkpoint ({str(error).splitlines()[0]})"
        ) from error


def _train(context: Context) -> tuple[Supernet, Any]:
    import tensorflow as tf

    config = context.config
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    # First of all: the workers' processes cannot be joined any more once TensorFlow has computed something.
    strategy = open_strategy(config.strategy, config.train.batch_size)
    with strategy.scope():
        supernet = _new_supernet(context, precision=config.precision)
    images, labels = context.training_images()
    board = _board(context) if context.is_chief else None
    train_supernet(
        supernet,
        images,
        labels,
        settings=config.train,
        sandwich=config.sandwich,
        directory=context.path("supernet"),
        callbacks=_callbacks(context, supernet, board) if board else (),
        strategy=strategy,
        checkpoint_interval_s=context.checkpoint_interval_s,
        is_chief=context.is_chief,
        on_graph=board.write_graph if board else None,
    )
    return supernet, strategy


def _board(context: Context) -> TrainingBoard:
    return TrainingBoard(
        context.path("logs", "train"),
        batch_size=context.config.train.batch_size,
        hyperparameters=flat_hyperparameters(context.config.to_dict()),
    )


def _callbacks(context: Context, supernet: Supernet, board: TrainingBoard) -> list[Any]:
    """Validation comes first: the others read what it adds to the logs."""
    space = context.space
    validation = ValidationCallback(
        _make_evaluator(context, supernet), {"largest": space.largest(), "smallest": space.smallest()}
    )
    return [validation, EpochProgress("supernet training", context.config.train.epochs), board]


def _new_supernet(context: Context, *, precision: str | None = None) -> Supernet:
    import keras

    keras.utils.set_random_seed(context.config.seed)
    supernet = Supernet(
        context.space,
        context.num_classes,
        label_smoothing=context.config.train.label_smoothing,
        distill=context.config.distill,
        seed=context.config.train.seed,
        dtype=precision,
        **dataclasses.asdict(context.config.supernet),
    )
    supernet.build()
    return supernet


class TrainedEvaluator:
    """Loads the trained supernet when it is first asked for; its graph is then traced once for all stages."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @functools.cached_property
    def evaluator(self) -> SubnetworkEvaluator:
        """Evaluator of the trained supernet."""
        supernet = _new_supernet(self._context)
        supernet.load_weights(supernet_weights(self._context))
        return _make_evaluator(self._context, supernet)


def _make_evaluator(context: Context, supernet: Supernet) -> SubnetworkEvaluator:
    """Validation accuracy after calibration on training images that are evenly spread over their split."""
    calibration = context.sample("train", context.config.calibration_images)
    validation = validation_arrays(context)
    return SubnetworkEvaluator(supernet, calibration.images, validation.images, validation.labels)


def validation_arrays(context: Context) -> Arrays:
    """The validation images that the search counts on."""
    return context.sample("validation", context.config.validation_images)
