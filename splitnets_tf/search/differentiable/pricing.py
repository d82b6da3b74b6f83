"""What a space costs on a system: U of every candidate on its device, stem and head, and every transfer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from splitnets_tf.hardware import System, device_order, feature_bytes, sending_ms
from splitnets_tf.search.differentiable.latency import PlacedLatency
from splitnets_tf.space import (
    LayeredSpace,
    TimeModel,
    head_blocks_of,
    head_input,
    mixed_layers,
    operation_shape,
    space_assignment,
    stem_of,
)

__all__ = ["cloud_computing_ms", "placed_latency", "sent_bytes"]

_IMAGE_BITS = 8
_IMAGE_CHANNELS = 3


def placed_latency(
    space: LayeredSpace, system: System, models: Mapping[str, TimeModel], num_classes: int, *, bits: int = 8
) -> PlacedLatency:
    """Prices every candidate of a space where it runs.

    Args:
        space: The space.
        system: Devices and links.
        models: Processor -> U(.).
        num_classes: Number of logits.
        bits: Bits of an element on the links.
    """
    layers = mixed_layers(space, system.topology)
    times = []
    for layer in layers:
        blocks = [layer.block(choice) for choice in layer.candidates]
        shapes = [None if block is None else operation_shape(block, layer.size) for block in blocks]
        times.append(np.array([0.0 if shape is None else models[layer.device].ms(shape) for shape in shapes]))
    order = device_order(system.topology)
    stem_ms, head_ms = _ends_ms(space, system, models[order[0]], models[order[-1]], num_classes)
    fixed = dict.fromkeys(order, 0.0)
    fixed[order[0]] += stem_ms
    fixed[order[-1]] += head_ms
    sizes = sent_bytes(space, system, bits=bits)
    return PlacedLatency(
        topology=system.topology,
        layer_devices=tuple(layer.device for layer in layers),
        operation_ms=tuple(times),
        fixed_ms=fixed,
        sent_ms={name: sending_ms(system, name, sizes[name]) for name in order},
    )


def sent_bytes(space: LayeredSpace, system: System, *, bits: int = 8) -> dict[str, int]:
    """Device -> bytes of what it sends on; 0 for the one that has the answer."""
    layers = mixed_layers(space, system.topology)
    stem_elements = (-(-space.resolution // 2)) ** 2 * space.stem_width
    elements = [stem_elements, *(layer.out_elements for layer in layers)]
    assignment = space_assignment(space, system.topology)
    order = device_order(system.topology)
    sizes = {
        name: sum(feature_bytes(elements[layer], bits) for layer in assignment.sent_layers(name)) for name in order
    }
    return sizes | {order[-1]: 0}


def cloud_computing_ms(
    space: LayeredSpace,
    system: System,
    models: Mapping[str, TimeModel],
    num_classes: int,
    choices: Sequence[int],
) -> float:
    """Returns the latency of the image sent up to the last device, which computes the whole network.

    Of parallel devices the image passes the first one.

    Args:
        space: The space.
        system: Devices and links.
        models: Processor -> U(.).
        num_classes: Number of logits.
        choices: Index of the chosen candidate of each layer.
    """
    cloud = models[system.aggregator.name]
    stem_ms, head_ms = _ends_ms(space, system, cloud, cloud, num_classes)
    total_ms = stem_ms + head_ms
    for layer, index in zip(mixed_layers(space, system.topology), choices, strict=True):
        block = layer.block(layer.candidates[index])
        total_ms += 0.0 if block is None else cloud.ms(operation_shape(block, layer.size))
    image_bytes = feature_bytes(space.resolution**2 * _IMAGE_CHANNELS, _IMAGE_BITS)
    return total_ms + float(system.sensor_to_aggregator_ms(float(image_bytes)))


def _ends_ms(
    space: LayeredSpace, system: System, first: TimeModel, last: TimeModel, num_classes: int
) -> tuple[float, float]:
    channels, size = head_input(space, system.topology)
    head = head_blocks_of(space, channels, num_classes)
    stem_ms = first.ms(operation_shape(stem_of(space), space.resolution))
    return stem_ms, sum(last.ms(operation_shape(block, size)) for block in head)
