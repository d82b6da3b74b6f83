"""Copies of the shipped spaces that keep every kind of block but trace in seconds."""

import numpy as np

from splitnets_tf.space import load_space, space_from_dict, space_to_dict


def reduced_space(name):
    """A preset with two depths, two expansions, quarter widths and small images, by way of its plain form."""
    data = space_to_dict(load_space(name))
    data["resolutions"] = [32, 48]
    data["stem_widths"] = data["stem_widths"][:2]
    data["head_widths"] = [32, 48]
    data["split_widths"] = [6, 12]
    for row in data["stages"]:
        row["widths"] = sorted({quarter(row["widths"][0]), quarter(row["widths"][-1])})
        row["depths"] = [1, 2]
        row["expansions"] = sorted({row["expansions"][0], row["expansions"][-1]})
    return space_from_dict(data)


def minimal_space():
    """Three blocks, one of them optional, two phases: enough for what a training does, whatever it trains."""
    rows = [
        {"name": "a", "widths": [8, 12], "depths": [1, 2], "kernels": [3, 5], "expansions": [2, 3], "stride": 2},
        {"name": "b", "widths": [16], "depths": [1], "kernels": [3], "expansions": [2], "stride": 2},
    ]
    sizes = {"resolutions": [16, 24], "stem_widths": [8], "head_widths": [16, 24], "split_widths": [2, 4]}
    return space_from_dict({"name": "minimal", "stages": rows, **sizes})


def quarter(width):
    return max(8, width // 16 * 4)


def smooth_images(count, side, seed=0):
    """Byte images [count, side, side, 3] that differ in brightness, contrast and their large shapes.

    Plain noise would not do: all its images have the same means, whose normalisation amplifies rounding.
    """
    import tensorflow as tf

    rng = np.random.default_rng(seed)
    coarse = rng.uniform(-1, 1, (count, 5, 5, 3)) * rng.uniform(20, 120, (count, 1, 1, 1))
    smooth = tf.image.resize(coarse + rng.uniform(40, 215, (count, 1, 1, 3)), [side, side], method="bicubic")
    return np.clip(smooth.numpy() + rng.normal(0, 8, smooth.shape), 0, 255).astype(np.uint8)
