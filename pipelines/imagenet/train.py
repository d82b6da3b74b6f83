"""Stage `train`: the supernet."""

import dataclasses
import functools
from pathlib import Path

from pipelines.callbacks import EpochProgress, tensorboard
from pipelines.imagenet.context import Context, spread
from splitnets_tf.data import ImageArrays
from splitnets_tf.files import write_atomically
from splitnets_tf.supernet import Supernet, ValidationCallback, train_supernet
from splitnets_tf.supernet.evaluation import SubnetworkEvaluator

__all__ = ["TrainedEvaluator", "supernet_weights", "train", "validation_arrays"]


def supernet_weights(context: Context) -> Path:
    """Where the trained supernet's weights lie."""
    return context.path("supernet", "final.weights.h5")


def train(context: Context) -> None:
    """Train the supernet, or go on from the last finished epoch."""
    config = context.config
    inputs = context.inputs()
    if context.run.is_done("train", inputs):
        return
    arrays = context.arrays("train")
    with context.run.stage("train", inputs, config.seed):
        supernet = _new_supernet(context)
        callbacks = [
            ValidationCallback(
                _make_evaluator(context, supernet),
                {"largest": context.space.largest(), "smallest": context.space.smallest()},
            ),
            EpochProgress("supernet training", config.train.epochs),
            tensorboard(context.path("logs", "train")),
        ]
        train_supernet(
            supernet,
            arrays.images,
            arrays.labels,
            settings=config.train,
            sandwich=config.sandwich,
            directory=context.path("supernet"),
            callbacks=callbacks,
        )
        supernet.optimizer = None  # the finished weights alone are what later stages read
        write_atomically(supernet_weights(context), functools.partial(supernet.save_weights, overwrite=True))


def _new_supernet(context: Context) -> Supernet:
    import keras

    keras.utils.set_random_seed(context.config.seed)
    supernet = Supernet(
        context.space,
        context.num_classes,
        label_smoothing=context.config.train.label_smoothing,
        distill=context.config.distill,
        seed=context.config.train.seed,
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
    calibration = spread(context.arrays("train"), context.config.calibration_images)
    validation = validation_arrays(context)
    return SubnetworkEvaluator(supernet, calibration.images, validation.images, validation.labels)


def validation_arrays(context: Context) -> ImageArrays:
    """The validation images that the search counts on."""
    return spread(context.arrays("validation"), context.config.validation_images)
