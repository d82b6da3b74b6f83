"""First activation ranges, taken from the float network on calibration images."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from splitnets_tf.layers import fold_views
from splitnets_tf.supernet.materialize import NetworkModels, fused
from tflite_export.images import to_bytes

__all__ = ["measure_ranges"]


def measure_ranges(
    keras: Any,
    models: NetworkModels,
    layers: Collection[str],
    images: np.ndarray,
    *,
    resolution: int,
    batch_size: int,
    sources: Sequence[Sequence[int]] | None = None,
) -> dict[str, tuple[float, float]]:
    """Mean over batches of the least and largest value of some layers' outputs.

    A quantiser that starts from TF-MOT's -6..6 and forgets it at 0.1 % a step would still waste half of its 256 levels
    after 500 steps; these ranges are right from the first step on. The mean over batches, not the overall extremes,
    is what the moving averages then settle at.

    Args:
        keras: The namespace that built the models.
        models: The float network.
        layers: Names of the layers, out of any segment.
        images: uint8 `[n, s, s, 3]` or `[n, views, s, s, 3]`.
        resolution: Side in pixels of the network's input.
        batch_size: Images per batch.
        sources: For each segment the places of those whose outputs it reads side by side, none for the image; None
            where each reads the one before.

    Returns:
        Layer name -> (low, high).
    """
    probes = []
    for segment in models.segments:
        names = [layer.name for layer in segment.layers if layer.name in layers]
        outputs = [segment.get_layer(name).output for name in names]
        probes.append((names, keras.Model(segment.inputs, [*outputs, segment.output])))

    before = [() if place == 0 else (place - 1,) for place in range(len(probes))] if sources is None else sources

    @tf.function(autograph=False)
    def extremes(batch):
        ends: list[Any] = []
        lows, highs = [], []
        for (_, probe), places in zip(probes, before, strict=True):
            received = [ends[place] for place in places] or [fold_views(to_bytes(batch, resolution) / 255.0)]
            x = received[0] if len(received) == 1 else tf.concat(received, axis=-1)
            x = fused(x, models.fusion) if places else x
            *outputs, x = probe(x, training=False)
            ends.append(x)
            lows += [tf.reduce_min(output) for output in outputs]
            highs += [tf.reduce_max(output) for output in outputs]
        return tf.stack(lows), tf.stack(highs)

    rows = []
    for start in range(0, len(images), batch_size):
        rows.append(extremes(tf.constant(images[start : start + batch_size])))
    low = np.mean([row[0].numpy() for row in rows], axis=0)
    high = np.mean([row[1].numpy() for row in rows], axis=0)
    names = [name for probe_names, _ in probes for name in probe_names]
    return {name: (float(a), float(b)) for name, a, b in zip(names, low, high, strict=True)}
