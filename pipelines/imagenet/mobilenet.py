"""MobileNetV2 for comparison: built for the run's images, and its placements on the run's system."""

from typing import Any

from splitnets_tf.errors import UserError
from splitnets_tf.graph import build_backbone
from splitnets_tf.hardware import Graph, System
from splitnets_tf.partition import Partition, all_on_aggregator, all_on_sensor, design_student, neurosurgeon
from splitnets_tf.space import SearchSpace

__all__ = ["BACKBONE", "build_mobilenet", "check_mobilenet", "mobilenet_placements"]

BACKBONE = "MobileNetV2"
"""Its name in tables."""
_LEAST_PIXELS = 32
"""keras.applications builds it from this side on."""
_MOMENTUM = 0.9


def build_mobilenet(resolution: int, classes: int) -> Any:
    """MobileNetV2 with fresh weights, from images in [0, 1] to logits.

    Its normalisation layers take the momentum of all other networks here: with their own, 0.999, the statistics of a
    training of some thousand steps would still hold their initial values.

    Args:
        resolution: Side of the image in pixels, at least 32.
        classes: Number of logits.
    """
    import keras

    shape = (resolution, resolution, 3)
    model = keras.applications.MobileNetV2(weights=None, input_shape=shape, classes=classes, classifier_activation=None)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = _MOMENTUM
    return model


def mobilenet_placements(graph: Graph, system: System) -> tuple[Partition, ...]:
    """The network on the sensor, on the aggregator, and cut by Neurosurgeon with and without the memory limit."""
    placements = [all_on_sensor(graph, system), all_on_aggregator(graph, system)]
    placements += [neurosurgeon(graph, system, memory_limit=limit) for limit in (True, False)]
    return tuple(placements)


def check_mobilenet(space: SearchSpace, classes: int, system: System) -> None:
    """Refuse early, without Keras, what the training would refuse hours later.

    Raises:
        UserError: The images are too small, or no placement of the network fits the system.
    """
    resolution = space.resolutions[-1]
    if resolution < _LEAST_PIXELS:
        raise UserError(
            f"--full trains {BACKBONE}, which takes images of at least {_LEAST_PIXELS} pixels, but the largest "
            f"resolution of space {space.name} is {resolution}; leave --full out or name a space with larger images"
        )
    graph = build_backbone("MobileNet-v2", resolution=resolution, classes=classes)
    mobilenet_placements(graph, system)
    design_student(graph, system)
