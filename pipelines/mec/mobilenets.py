"""MobileNet V1, V2 and V3 for comparison: built for the run's images, and split by HiveMind.

Their times come from the regression that the searched network's missing operations are estimated with, so both are
priced alike: a graph whose operations carry the multiply-accumulates that the reference machine would do in the
estimated time goes through HiveMind unchanged.
"""

import dataclasses
from typing import Any

from pipelines.mec.config import BaselineSettings
from splitnets_tf.graph import read_keras_model
from splitnets_tf.hardware import Graph, System
from splitnets_tf.partition import Partition, hivemind, partition_at
from splitnets_tf.space import OperationTimes, TimeModel

__all__ = ["build_backbone_model", "placements", "timed_graph"]

_MOMENTUM = 0.9


def build_backbone_model(name: str, settings: BaselineSettings, resolution: int, classes: int) -> Any:
    """A MobileNet with fresh weights, from images in [0, 1] to logits.

    Args:
        name: One of `pipelines.mec.config.BACKBONES`.
        settings: Its width.
        resolution: Side of the image in pixels, at least 32.
        classes: Number of logits.
    """
    import keras

    makers = {
        "mobilenet_v1": keras.applications.MobileNet,
        "mobilenet_v2": keras.applications.MobileNetV2,
        "mobilenet_v3": keras.applications.MobileNetV3Small,
    }
    arguments: dict[str, Any] = {
        "weights": None,
        "input_shape": (resolution, resolution, 3),
        "classes": classes,
        "classifier_activation": None,
        "alpha": settings.width(name),
    }
    if name == "mobilenet_v3":
        arguments["include_preprocessing"] = False
    model = makers[name](**arguments)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = _MOMENTUM  # Keras's own, 0.99 and 0.999, forgets its start too slowly here
    return model


def timed_graph(graph: Graph, reference: OperationTimes) -> Graph:
    """The graph with the multiply-accumulates that take the estimated times at the reference machine's mean speed."""
    times_ms = TimeModel(times=reference).graph_ms(graph)
    operations = tuple(
        dataclasses.replace(operation, macs=round(float(time_ms) * 1e-3 * reference.macs_per_s))
        for operation, time_ms in zip(graph.operations, times_ms, strict=True)
    )
    return dataclasses.replace(graph, operations=operations)


def placements(model: Any, system: System, reference: OperationTimes, *, bits: int) -> tuple[Partition, ...]:
    """HiveMind's split of a model over a system's path, and the whole model in the cloud.

    Args:
        model: The Keras model.
        system: Devices and links; of parallel devices the path takes the first one.
        reference: Times that the regression is fitted to.
        bits: Bits of an element on the links.
    """
    graph = timed_graph(read_keras_model(model), reference)
    everything = (0,) * len(system.hops)
    return hivemind(graph, system, bits=bits), partition_at("cloud computing", graph, everything, system, bits=bits)
