"""Stages `train` and `baselines`: the derived network trained on, and MobileNets of equal budget."""

import functools
from typing import Any

import keras
import numpy as np

from pipelines.imagenet.networks import predict, save_predictions, train_model
from pipelines.mec.config import BACKBONES
from pipelines.mec.context import MecContext
from pipelines.mec.mobilenets import build_backbone_model
from pipelines.mec.search import architecture_path, derived_choices, new_evaluator, searched_network, weights_path
from splitnets_tf.files import write_atomically
from splitnets_tf.space import PlacedNetwork, mixed_layers, placed_network
from splitnets_tf.supernet import get_network_weights, save_network_weights, set_network_weights
from splitnets_tf.supernet.placed_models import build_placed, placed_weights

__all__ = ["chosen_network", "train_baselines", "train_chosen"]


def chosen_network(context: MecContext) -> PlacedNetwork:
    """The derived network, device by device."""
    topology = context.system.topology
    rows = zip(mixed_layers(context.space, topology), derived_choices(context), strict=True)
    return placed_network(context.space, topology, [row.candidates[index] for row, index in rows], context.num_classes)


def train_chosen(context: MecContext) -> None:
    """Train the derived network on from its searched weights; write weights.npz and its test predictions."""
    config = context.config
    inputs = context.inputs(weights_path(context), architecture_path(context))
    if context.run.is_done("train", inputs):
        return
    with context.run.stage("train", inputs, config.seed):
        mixed = searched_network(context)
        choices = derived_choices(context)
        new_evaluator(context, mixed).calibrate(choices)
        models = build_placed(keras, chosen_network(context))
        set_network_weights(models, placed_weights(mixed, choices))
        _train_and_predict(context, models.whole, config.train, "chosen")
        save_predictions(context, "chosen_validation", predict(models.whole, context.arrays("validation").images))
        weights = get_network_weights(models)
        write_atomically(context.path("weights.npz"), functools.partial(save_network_weights, weights=weights))


def train_baselines(context: MecContext) -> None:
    """Train each MobileNet alone for as many epochs as search and training-on together, if no other run has."""
    config = context.config
    inputs = context.baseline_inputs()
    for name in config.baselines.names if config.baselines_run is None else ():
        if context.run.is_done(name, inputs):
            continue
        with context.run.stage(name, inputs, config.seed):
            keras.utils.set_random_seed(config.seed)
            model = build_backbone_model(name, config.baselines, context.space.resolution, context.num_classes)
            _train_and_predict(context, model, config.equal_budget, name)


def _train_and_predict(context: MecContext, model: Any, settings: Any, name: str) -> None:
    train_model(context, model, settings, name)
    save_predictions(context, name, predict(model, context.arrays("test").images))


def predictions(context: MecContext, name: str) -> np.ndarray | None:
    """Saved predictions of a network, of the test images where its name does not say otherwise."""
    home = context.baselines_home if name in BACKBONES else context.run.path
    path = home / "predictions" / f"{name}.npy"
    return np.load(path, allow_pickle=False) if path.is_file() else None
