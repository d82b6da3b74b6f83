"""Stages `mobilenet` and `head_distillation` of `--full`: long baselines that the default run leaves out."""

import functools
from pathlib import Path
from typing import Any

import keras

from pipelines.imagenet.context import Context
from pipelines.imagenet.mobilenet import build_mobilenet
from pipelines.imagenet.networks import equal_budget, train_and_predict, train_model
from pipelines.run_directory import json_fingerprint
from splitnets_tf.files import write_atomically
from splitnets_tf.graph import read_keras_model
from splitnets_tf.hardware import system_to_yaml
from splitnets_tf.partition import build_distillation, design_student, feature_loss

__all__ = ["distil_head", "new_mobilenet", "train_mobilenet"]


def _teacher_weights(context: Context) -> Path:
    return context.path("networks", "mobilenet_v2", "final.weights.h5")


def new_mobilenet(context: Context) -> Any:
    """MobileNetV2 with fresh weights at the space's largest resolution."""
    keras.utils.set_random_seed(context.config.seed)
    return build_mobilenet(context.space.resolutions[-1], context.num_classes)


def train_mobilenet(context: Context) -> None:
    """Train MobileNetV2 on labels for as many epochs as supernet training and fine-tuning together take."""
    inputs = context.inputs()
    if context.run.is_done("mobilenet", inputs):
        return
    with context.run.stage("mobilenet", inputs, context.config.seed):
        model = new_mobilenet(context)
        train_and_predict(context, model, equal_budget(context.config), "mobilenet_v2")
        write_atomically(_teacher_weights(context), functools.partial(model.save_weights, overwrite=True))


def distil_head(context: Context) -> None:
    """Replace the trained MobileNetV2's head by a student with a bottleneck.

    As many epochs as supernet training took, the student learns the teacher's feature; as many as fine-tuning took, it
    and the teacher's tail learn the labels.
    """
    config = context.config
    system = {"system": json_fingerprint(system_to_yaml(context.system))}
    inputs = context.inputs(_teacher_weights(context)) | system
    if context.run.is_done("head_distillation", inputs):
        return
    with context.run.stage("head_distillation", inputs, config.seed):
        teacher = new_mobilenet(context)
        teacher.load_weights(_teacher_weights(context))
        graph = read_keras_model(teacher)
        models = build_distillation(teacher, graph, design_student(graph, context.system))
        train_model(context, models.matcher, config.train, "distilled_feature", loss=feature_loss)
        train_and_predict(context, models.network, config.fine_tune, "head_distillation")
