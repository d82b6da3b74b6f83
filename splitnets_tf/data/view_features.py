"""The features of objects that are seen from several sides, in TensorFlow Datasets' terms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["view_features"]


def view_features(class_names: Sequence[str], views: int, image_size: int) -> Any:
    """What an example of `components`, `modelnet40` and `mesh_folder` holds.

    Args:
        class_names: Sorted class names.
        views: Pictures of each object.
        image_size: Height and width of the pictures in pixels.

    Returns:
        A `tfds.features.FeaturesDict`.
    """
    import tensorflow_datasets as tfds

    picture = tfds.features.Image(shape=(image_size, image_size, 3), encoding_format="png")
    return tfds.features.FeaturesDict(
        {
            "views": tfds.features.Sequence(picture, length=views),
            "label": tfds.features.ClassLabel(names=list(class_names)),
            "object": tfds.features.Text(),
            "object_id": tfds.features.Scalar(np.int64),
            "family": tfds.features.Text(),
            "family_id": tfds.features.Scalar(np.int64),
        }
    )
