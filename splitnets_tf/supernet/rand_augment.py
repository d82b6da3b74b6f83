"""Random changes of colour and geometry by Keras's preprocessing layers, as a function of seed and place in the batch.

Keras's own `RandAugment` draws from a counter that a resumed run does not have, chooses the same changes for a whole
batch and computes all of them. Here each image has its own changes, no others are computed, and equal seeds give equal
images.

Source: RandAugment (Cubuk et al., 2020), in place of the AutoAugment of the AttentiveNAS recipe, whose learnt policies
Keras does not have.
"""

import keras
import tensorflow as tf

__all__ = ["RandAugment"]

_GREY = 128.0
_DRAWS = 1000
"""Seeds of an image from one change to the next; more than any layer draws."""


class _Seeds(keras.random.SeedGenerator):
    """What Keras's random functions take as a seed, without the variable that counts their draws."""

    def __init__(self, seed, first: int) -> None:  # not the base's: that one creates the variable
        self._seed, self._next = seed, first

    def next(self, ordered: bool = True):
        """A new seed, int32 `[2]`."""
        self._next += 1
        return tf.random.fold_in(self._seed, self._next)


def _changes(magnitude: float) -> tuple[keras.layers.Layer, ...]:
    """The layers that an image may go through; at magnitude 1 about as strong as the paper's strongest."""
    geometry = {"fill_mode": "constant", "fill_value": _GREY, "dtype": "float32"}
    colour = {"value_range": (0, 255), "dtype": "float32"}
    bits = 8 - round(4 * magnitude)
    contrast = (0.9 * magnitude, 0.9 * magnitude)
    sharpness = (0.5 - 0.45 * magnitude, 0.5 + 0.45 * magnitude)
    return (
        keras.layers.AutoContrast(**colour),
        keras.layers.Equalization(**colour),
        keras.layers.RandomRotation(magnitude / 12, **geometry),  # of a full turn
        keras.layers.RandomShear((0.0, 0.3 * magnitude), 0.0, **geometry),
        keras.layers.RandomShear(0.0, (0.0, 0.3 * magnitude), **geometry),
        keras.layers.RandomTranslation(0.3 * magnitude, 0.3 * magnitude, **geometry),
        keras.layers.RandomPosterization((bits, bits), **colour),
        keras.layers.RandomColorDegeneration((0.0, 0.9 * magnitude), **colour),
        keras.layers.RandomContrast(contrast, **colour),
        keras.layers.RandomBrightness(0.4 * magnitude, **colour),
        keras.layers.RandomSharpness(sharpness, **colour),
    )


class RandAugment:
    """Sends each image through a few random changes, one after the other.

    Args:
        magnitude: Strength in (0, 1].
        operations: Changes for each image; one may be drawn twice.
    """

    def __init__(self, magnitude: float, operations: int = 2) -> None:
        if not 0 < magnitude <= 1:
            raise ValueError(f"a magnitude should be above 0 and at most 1, received {magnitude}")
        self._operations = operations
        self._layers = _changes(magnitude)

    def __call__(self, images, seed, first=0):
        """Change a batch.

        Args:
            images: uint8 `[batch, s, s, 3]`, s known when the graph is traced.
            seed: int32 `[2]`; equal seeds give equal results.
            first: Where the images are a part of a larger batch, the first one's place in it.

        Returns:
            uint8 `[batch, s, s, 3]`.
        """
        places = first + tf.range(tf.shape(images)[0])
        return tf.map_fn(
            lambda item: self._change(item[0], tf.random.fold_in(seed, item[1])),
            (images, places),
            fn_output_signature=tf.TensorSpec(images.shape[1:], tf.uint8),
        )

    def _change(self, image, seed):
        x = tf.cast(image, tf.float32)[None]
        chosen = tf.random.stateless_uniform([self._operations], seed, 0, len(self._layers), tf.int32)
        for operation in range(self._operations):
            seeds = [_Seeds(seed, _DRAWS * operation) for _ in self._layers]
            branches = [
                lambda x=x, layer=layer, own=own: tf.ensure_shape(_transformed(layer, x, own), x.shape)
                for layer, own in zip(self._layers, seeds, strict=True)
            ]
            x = tf.switch_case(chosen[operation], branches)
        return tf.cast(tf.round(tf.clip_by_value(x[0], 0.0, 255.0)), tf.uint8)


def _transformed(layer, x, seeds: _Seeds):
    return layer.transform_images(x, layer.get_random_transformation(x, training=True, seed=seeds))
