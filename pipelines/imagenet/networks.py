"""Stage `fine_tune`: the chosen network and its baselines as plain networks, trained on and tested once."""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipelines.callbacks import EpochProgress, tensorboard
from pipelines.imagenet.config import ImagenetConfig
from pipelines.imagenet.context import Context
from pipelines.imagenet.plain_cnn import plain_cnn, plain_cnn_widths
from pipelines.imagenet.rerank import rerank_inputs, select_by_vela
from pipelines.imagenet.train import TrainedEvaluator, supernet_weights
from splitnets_tf.errors import UserError
from splitnets_tf.files import read_json, write_atomically, write_json
from splitnets_tf.search import Candidate, choose, read_pareto_csv
from splitnets_tf.space import Architecture, blueprint, space_to_dict
from splitnets_tf.supernet import (
    NetworkModels,
    TrainingSettings,
    build_network,
    get_network_weights,
    resize_batch,
    save_network_weights,
    set_network_weights,
    subnetwork_weights,
    train_network,
)

__all__ = [
    "build_baseline",
    "build_chosen",
    "chosen_architecture",
    "equal_budget",
    "fine_tune",
    "predictions_path",
    "save_predictions",
    "select",
    "train_and_predict",
    "train_model",
]

_BATCH = 256
"""Images, all views counted, that are predicted together."""
_IMAGES_RANK = 4
Loss = Callable[[Any, Any], Any]
"""(labels, outputs) -> a loss for each image."""


def select(context: Context) -> tuple[Candidate, str]:
    """The front's point that is built, and the rule that chose it."""
    if context.config.selection.rerank is not None:
        return select_by_vela(context)
    best = context.best_baseline
    return choose(
        read_pareto_csv(context.path("search", "pareto.csv")),
        max_latency_ms=context.config.selection.max_latency_ms,
        min_accuracy=context.config.selection.min_accuracy,
        best_baseline_latency_ms=None if best is None else best.cost.latency_ms,
        baseline_share=context.latency_share,
    )


def chosen_architecture(context: Context) -> Architecture:
    """The architecture that the run directory records as chosen."""
    path = context.path("architecture.json")
    data = read_json(path, "an architecture file")
    if "architecture" not in data:
        raise UserError(f"{path}: the key 'architecture' is missing; start afresh with --overwrite")
    return Architecture.from_dict(data["architecture"])


def predictions_path(context: Context, network: str) -> Path:
    """Test predictions of `chosen`, `largest`, `plain_cnn` or `int8`; of `supernet_validation` the inherited ones."""
    return context.path("predictions", f"{network}.npy")


def fine_tune(context: Context, trained: TrainedEvaluator) -> None:
    """Write architecture.json and weights.npz, train the baselines as long, and predict the test images of each."""
    config = context.config
    inputs = context.inputs(supernet_weights(context), context.path("search", "pareto.csv")) | rerank_inputs(context)
    if context.run.is_done("fine_tune", inputs):
        return
    candidate, _ = select(context)
    with context.run.stage("fine_tune", inputs, config.seed):
        build_chosen(context, trained, candidate.architecture)
        build_baseline(context, trained, context.space.largest(), "largest")
        if config.plain_cnn:
            _train_plain_cnn(context, candidate)


def build_chosen(context: Context, trained: TrainedEvaluator, architecture: Architecture) -> None:
    """Write architecture.json, fine-tune the network, write weights.npz and its test predictions."""
    description = {
        "schema_version": 1,
        "space": space_to_dict(context.space),
        "architecture": architecture.to_dict(),
        "num_classes": context.num_classes,
    }
    write_json(context.path("architecture.json"), description)
    chosen = _inherit_and_train(context, trained, architecture, "chosen")
    weights = get_network_weights(chosen)
    write_atomically(context.path("weights.npz"), functools.partial(save_network_weights, weights=weights))


def build_baseline(context: Context, trained: TrainedEvaluator, architecture: Architecture, name: str) -> None:
    """Fine-tune a network of the supernet as long as the chosen one and predict the test images."""
    _inherit_and_train(context, trained, architecture, name)


def _inherit_and_train(
    context: Context, trained: TrainedEvaluator, architecture: Architecture, name: str
) -> NetworkModels:
    models = build_network(keras, blueprint(context.space, architecture, context.num_classes))
    evaluator = trained.evaluator
    if name == "chosen":
        save_predictions(context, "supernet_validation", np.argmax(evaluator.logits(architecture), axis=-1))
    else:
        evaluator.calibrate(architecture)
    set_network_weights(models, subnetwork_weights(evaluator.supernet, architecture))
    train_and_predict(context, models.whole, context.config.fine_tune, name)
    return models


def _train_plain_cnn(context: Context, candidate: Candidate) -> None:
    resolution = context.space.resolutions[-1]
    keras.utils.set_random_seed(context.config.seed)
    widths = plain_cnn_widths(resolution, context.num_classes, candidate.cost.macs)
    model = plain_cnn(resolution, context.num_classes, widths)
    train_and_predict(context, model, equal_budget(context.config), "plain_cnn")


def equal_budget(config: ImagenetConfig) -> TrainingSettings:
    """As many epochs as supernet training and fine-tuning together, at the supernet's learning rate."""
    return dataclasses.replace(config.train, epochs=config.train.epochs + config.fine_tune.epochs)


def train_model(context: Context, model: Any, settings: TrainingSettings, name: str, loss: Loss | None = None) -> None:
    """Train on the training images, or go on from the last checkpoint in `networks/<name>`; see `train_network`."""
    images, labels = context.training_images()
    train_network(
        model,
        images,
        labels,
        settings=settings,
        loss=loss,
        directory=context.path("networks", name),
        callbacks=[EpochProgress(f"training {name}", settings.epochs), tensorboard(context.path("logs", name))],
    )


def train_and_predict(context: Context, model: Any, settings: TrainingSettings, name: str) -> None:
    """Train, then save the predicted classes of the test images."""
    train_model(context, model, settings, name)
    save_predictions(context, name, predict(model, context.arrays("test").images))


def save_predictions(context: Context, name: str, classes: np.ndarray) -> None:
    """Write predicted classes (int `[n]`) under the network's name, atomically."""
    write_atomically(predictions_path(context, name), functools.partial(np.save, arr=classes))


def predict(model: Any, images: np.ndarray) -> np.ndarray:
    """Predicted classes of byte images at the model's own resolution, int `[n]`; traced once, whatever the batches.

    Args:
        model: Images `[batch, r, r, 3]` or `[batch, views, r, r, 3]` -> logits.
        images: uint8 `[n, s, s, 3]` or `[n, views, s, s, 3]`.
    """
    size = model.input_shape[-2]
    infer = tf.function(
        lambda part: model(resize_batch(part, size), training=False),
        input_signature=[tf.TensorSpec([None, *images.shape[1:]], tf.uint8)],
    )
    views = images.shape[1] if images.ndim > _IMAGES_RANK else 1
    batches = np.array_split(images, max(1, len(images) * views // _BATCH))
    return np.concatenate([np.argmax(infer(batch), axis=-1) for batch in batches])
