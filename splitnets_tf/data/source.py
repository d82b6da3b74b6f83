"""What every source of labelled images offers, whatever it reads."""

from __future__ import annotations

import abc
import dataclasses
from typing import TYPE_CHECKING, Literal

import numpy as np

from splitnets_tf.errors import UserError

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = [
    "SPLITS",
    "DataSource",
    "ImageArrays",
    "Split",
    "StoredImages",
    "ViewArrays",
    "check_image_size",
    "check_split",
]

Split = Literal["train", "validation", "test"]

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
"""The three splits; search and selection see train and validation only."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ImageArrays:
    """Single images of one split, with what they show."""

    images: np.ndarray
    """uint8 [n, size, size, 3]."""
    labels: np.ndarray
    """int32 [n]: index into the source's `class_names`."""
    objects: np.ndarray
    """int32 [n]: which object an image shows; unique across splits."""
    families: np.ndarray
    """int32 [n]: which family of near-alikes the object belongs to; unique across splits."""

    def take(self, rows: np.ndarray) -> ImageArrays:
        """Only these images, in this order."""
        return ImageArrays(**{field.name: getattr(self, field.name)[rows] for field in dataclasses.fields(self)})


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ViewArrays:
    """Objects of one split, each seen from all views."""

    images: np.ndarray
    """uint8 [objects, views, size, size, 3]."""
    labels: np.ndarray
    """int32 [objects]."""
    objects: np.ndarray
    """int32 [objects]."""
    families: np.ndarray
    """int32 [objects]."""

    def take(self, rows: np.ndarray) -> ViewArrays:
        """Only these objects, in this order."""
        return ViewArrays(**{field.name: getattr(self, field.name)[rows] for field in dataclasses.fields(self)})


class StoredImages(abc.ABC):
    """Images that do not fit in memory: read by row, in any order, as they are needed."""

    @property
    @abc.abstractmethod
    def shape(self) -> tuple[int, ...]:
        """(n, size, size, 3) or (objects, views, size, size, 3), as of the array that they would make."""

    @abc.abstractmethod
    def read(self, rows: np.ndarray) -> np.ndarray:
        """Read images.

        Args:
            rows: int `[k]`, each in [0, n).

        Returns:
            uint8 `[k, *shape[1:]]`.
        """

    def __len__(self) -> int:
        """Number of rows."""
        return self.shape[0]

    def load(self, rows: tf.Tensor) -> tf.Tensor:
        """Read images within a TensorFlow graph.

        Args:
            rows: int32 `[k]`, each in [0, n).

        Returns:
            uint8 `[k, *shape[1:]]`.
        """
        import tensorflow as tf

        images = tf.numpy_function(self.read, [rows], tf.uint8, stateful=False)
        return tf.ensure_shape(images, [None, *self.shape[1:]])


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataSource(abc.ABC):
    """Labelled square RGB images in three splits, in an order that never changes.

    An object may be seen from several views; its images follow one another, view 0 first.
    """

    name: str
    """The data set's name."""
    class_names: tuple[str, ...]
    """Class names, sorted; a label is an index into them."""
    image_size: int
    """Height and width of the images in pixels."""
    views: int
    """Images for each object."""
    fingerprint: str
    """Hexadecimal SHA-256 over the content: differs when images, labels, splits or sizes differ."""

    @abc.abstractmethod
    def count(self, split: Split) -> int:
        """Number of images (not objects) of a split.

        Args:
            split: "train", "validation" or "test".

        Raises:
            ValueError: No such split.
        """

    @abc.abstractmethod
    def dataset(self, split: Split) -> tf.data.Dataset:
        """Streams a split, image by image, unbatched, in fixed order.

        Args:
            split: "train", "validation" or "test".

        Returns:
            Dictionaries {"image": uint8 [size, size, 3], "label": int64, "object": int64, "family": int64}.

        Raises:
            ValueError: No such split.
        """

    @abc.abstractmethod
    def view_arrays(self, split: Split) -> ViewArrays:
        """A whole split in memory, object by object; for sources that fit.

        Args:
            split: "train", "validation" or "test".

        Raises:
            ValueError: No such split.
        """

    @property
    def fits_in_memory(self) -> bool:
        """Whether a whole split is read into memory; otherwise `stored` reads images as they are needed."""
        return True

    def stored(self, split: Split) -> StoredImages:
        """The images of a split, read as they are needed; only of a source that doesn't fit in memory.

        Args:
            split: "train", "validation" or "test".

        Raises:
            ValueError: No such split, or the source fits in memory.
        """
        raise ValueError(f"{self.name} fits in memory; read the {split} images by 'arrays'")

    def stored_views(self, split: Split) -> StoredImages:
        """The objects of a split with all their views, read as they are needed, as `stored` does for images.

        Args:
            split: "train", "validation" or "test".

        Returns:
            Rows of uint8 `[views, size, size, 3]`.

        Raises:
            ValueError: No such split, or the source fits in memory.
        """
        raise ValueError(f"{self.name} fits in memory; read the {split} objects by 'view_arrays'")

    def view_rows(self, split: Split, rows: np.ndarray) -> ViewArrays:
        """Some objects of a split in memory.

        Args:
            split: "train", "validation" or "test".
            rows: int `[k]`, positions of objects in `view_arrays`.
        """
        return self.view_arrays(split).take(rows)

    def object_labels(self, split: Split) -> np.ndarray:
        """Labels of a split's objects, int32 `[objects]`, in the order of `view_arrays`.

        Args:
            split: "train", "validation" or "test".
        """
        return self.split_labels(split)[:: self.views]

    def object_names(self, split: Split) -> tuple[str, ...]:
        """What a split's objects are called, in the order of `view_arrays`; their numbers, where they have no names.

        Args:
            split: "train", "validation" or "test".
        """
        return tuple(str(number) for number in self.view_arrays(split).objects)

    def split_labels(self, split: Split) -> np.ndarray:
        """Labels of a split, int32 `[count(split)]`, in the order of `dataset`.

        Args:
            split: "train", "validation" or "test".
        """
        return self.arrays(split).labels

    def arrays(self, split: Split, rows: np.ndarray | None = None) -> ImageArrays:
        """A split in memory, image by image, in the order of `dataset`.

        Args:
            split: "train", "validation" or "test".
            rows: int `[k]`, only these images; None for all, of sources that fit.

        Returns:
            k or count(split) images.

        Raises:
            ValueError: No such split.
        """
        objects = self.view_arrays(split)
        size = self.image_size
        arrays = ImageArrays(
            images=objects.images.reshape(-1, size, size, 3),
            labels=np.repeat(objects.labels, self.views),
            objects=np.repeat(objects.objects, self.views),
            families=np.repeat(objects.families, self.views),
        )
        return arrays if rows is None else arrays.take(rows)


def check_split(split: str) -> None:
    """Makes sure that a split exists.

    Args:
        split: The name.

    Raises:
        ValueError: It isn't one of `SPLITS`.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")


def check_image_size(image_size: int) -> None:
    """Makes sure that an image size can be delivered.

    Args:
        image_size: Height and width in pixels.

    Raises:
        UserError: It is out of range.
    """
    if not 8 <= image_size <= 1024:
        raise UserError(f"the image size must be between 8 and 1024 pixels, got {image_size}")
