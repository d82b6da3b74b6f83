"""The quantisation-aware network on several devices: one tf_keras model for each, wired as they are."""

from typing import Any

import tensorflow as tf

from splitnets_tf.supernet.placed_models import PlacedModels
from tflite_export.quantized_network import QuantizedNetwork

__all__ = ["PlacedQuantizedNetwork"]


class PlacedQuantizedNetwork(QuantizedNetwork):
    """Segments with fake quantisation; what one device reads side by side has one range.

    The outputs of parallel devices share the range that covers all of them, so their bytes are put side by side as they
    are, and the device behind them reads one tensor.

    Args:
        models: The float network with its weights, built with tf_keras.
    """

    def __init__(self, models: PlacedModels) -> None:
        super().__init__(models)
        self._sources = models.sources

    def link(self) -> None:
        """Give what is read side by side one range, then copy each output's range to the inputs that read it."""
        for sources in self._sources:
            if len(sources) > 1:
                low = tf.reduce_min([self._outputs[place][0] for place in sources])
                high = tf.reduce_max([self._outputs[place][1] for place in sources])
                for place in sources:
                    self._outputs[place][0].assign(low)
                    self._outputs[place][1].assign(high)
        for sources, (low, high) in zip(self._sources[1:], self._boundaries, strict=True):
            low.assign(self._outputs[sources[0]][0])
            high.assign(self._outputs[sources[0]][1])

    def __call__(self, images: Any, training: bool = False) -> Any:
        """Logits `[batch, classes]` of images `[batch, s, s, 3]` in [0, 1]; ranges move only in training."""
        outputs: list[Any] = []
        for segment, sources in zip(self.segments, self._sources, strict=True):
            received = [outputs[place] for place in sources] or [images]
            x = received[0] if len(received) == 1 else tf.concat(received, axis=-1)
            outputs.append(segment(x, training=training))
            if training:
                self.link()
        return outputs[-1]
