"""Folders of meshes as a source: every object rendered once, divided in three, read from the cache as it is needed."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import functools
import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from splitnets_tf.data.source import (
    SPLITS,
    DataSource,
    ImageArrays,
    Split,
    StoredImages,
    ViewArrays,
    check_split,
)
from splitnets_tf.data.view_cache import CachedViews, ViewCache
from splitnets_tf.errors import UserError

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = ["MeshObject", "MeshSource", "mesh_source"]

_THREADS = 4
_FITTING_BYTES = 2 * 2**30
"""Splits of at most this size are read whole."""
_MAX_ARRAY_BYTES = 8 * 2**30


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class MeshObject:
    """One mesh with its views in the cache."""

    name: str
    """Path below the class folder, without the ending."""
    label: int
    """Index into the class names."""
    family: str
    """Family within the class and, where the folder itself is divided, within its part."""
    views: CachedViews
    """Where its views are."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class MeshSource(DataSource):
    """Objects whose views lie in a cache on disk."""

    members: dict[Split, tuple[MeshObject, ...]] = dataclasses.field(repr=False, compare=False)
    """The objects of each split, in order."""
    cache: ViewCache = dataclasses.field(repr=False, compare=False)
    """Their views."""

    @property
    def fits_in_memory(self) -> bool:
        """Whether no split has more than 2 GiB of pixels."""
        most = max(len(members) for members in self.members.values())
        return most * self._object_bytes <= _FITTING_BYTES

    def count(self, split: Split) -> int:
        """Number of images of a split; see `DataSource.count`."""
        check_split(split)
        return len(self.members[split]) * self.views

    def object_labels(self, split: Split) -> np.ndarray:
        """Labels of a split's objects; see `DataSource.object_labels`."""
        check_split(split)
        return np.array([member.label for member in self.members[split]], dtype=np.int32)

    def split_labels(self, split: Split) -> np.ndarray:
        """Labels of a split's images; see `DataSource.split_labels`."""
        return np.repeat(self.object_labels(split), self.views)

    def object_names(self, split: Split) -> tuple[str, ...]:
        """Names of a split's meshes; see `DataSource.object_names`."""
        check_split(split)
        return tuple(member.name for member in self.members[split])

    def view_rows(self, split: Split, rows: np.ndarray) -> ViewArrays:
        """Some objects of a split in memory; see `DataSource.view_rows`.

        Raises:
            UserError: They would take more than 8 GiB.
        """
        check_split(split)
        rows = np.asarray(rows)
        if len(rows) * self._object_bytes > _MAX_ARRAY_BYTES:
            raise UserError(
                f"{len(rows)} {split} objects of {self.views} views of {self.image_size} pixels take "
                f"{len(rows) * self._object_bytes / 2**30:.0f} GiB of memory, at most {_MAX_ARRAY_BYTES // 2**30} are "
                "read at once; lower the image size or the number of objects"
            )
        return ViewArrays(
            images=self._stored(split).read(rows),
            labels=self.object_labels(split)[rows],
            objects=(self._first(split) + rows).astype(np.int32),
            families=self._families[split][rows],
        )

    def view_arrays(self, split: Split) -> ViewArrays:
        """A whole split in memory; see `DataSource.view_arrays`.

        Raises:
            UserError: It would take more than 8 GiB.
        """
        check_split(split)
        return self.view_rows(split, np.arange(len(self.members[split])))

    def arrays(self, split: Split, rows: np.ndarray | None = None) -> ImageArrays:
        """Some or all images of a split in memory; see `DataSource.arrays`."""
        if rows is None:
            return super().arrays(split)
        objects, views = np.divmod(np.asarray(rows), self.views)
        needed, position = np.unique(objects, return_inverse=True)
        arrays = self.view_rows(split, needed)
        return ImageArrays(
            images=arrays.images[position, views],
            labels=arrays.labels[position],
            objects=arrays.objects[position],
            families=arrays.families[position],
        )

    def stored_views(self, split: Split) -> StoredImages:
        """The objects of a split, read as they are needed; see `DataSource.stored_views`."""
        check_split(split)
        return self._stored(split)

    def stored(self, split: Split) -> StoredImages:
        """The images of a split, read as they are needed, which unpacks all views of an object for one image."""
        check_split(split)
        return _StoredSingles(self._stored(split))

    def dataset(self, split: Split) -> tf.data.Dataset:
        """Streams a split image by image; see `DataSource.dataset`."""
        check_split(split)
        import tensorflow as tf

        number, size = tf.TensorSpec([], tf.int64), self.image_size
        numbers = {"label": number, "object": number, "family": number}
        signature = {"image": tf.TensorSpec([size, size, 3], tf.uint8), **numbers}

        def generate() -> Iterator[dict[str, object]]:
            for row in range(len(self.members[split])):
                arrays = self.view_rows(split, np.array([row]))
                numbers = {"label": arrays.labels[0], "object": arrays.objects[0], "family": arrays.families[0]}
                yield from ({"image": image, **numbers} for image in arrays.images[0])

        images = tf.data.Dataset.from_generator(generate, output_signature=signature)
        return images.apply(tf.data.experimental.assert_cardinality(self.count(split)))

    @property
    def _object_bytes(self) -> int:
        return self.views * self.image_size**2 * 3

    def _first(self, split: Split) -> int:
        return sum(len(self.members[earlier]) for earlier in SPLITS[: SPLITS.index(split)])

    def _stored(self, split: Split) -> _StoredViews:
        return _StoredViews(self.cache, self.members[split])

    @functools.cached_property
    def _families(self) -> dict[Split, np.ndarray]:
        """Numbers of the families, int32 [objects] for each split."""
        keys = {split: [(member.label, member.family) for member in self.members[split]] for split in SPLITS}
        numbers: dict[tuple[int, str], int] = {}
        for split in SPLITS:
            for key in keys[split]:
                numbers.setdefault(key, len(numbers))
        return {split: np.array([numbers[key] for key in keys[split]], dtype=np.int32) for split in SPLITS}


class _StoredViews(StoredImages):
    """Objects with all their views."""

    def __init__(self, cache: ViewCache, members: tuple[MeshObject, ...]) -> None:
        self._cache = cache
        self._members = members
        self._pool = concurrent.futures.ThreadPoolExecutor(_THREADS)

    @property
    def shape(self) -> tuple[int, ...]:
        size = self._cache.settings.image_size
        return len(self._members), self._cache.settings.views, size, size, 3

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Views of some objects; see `StoredImages.read`."""
        images = np.empty((len(rows), *self.shape[1:]), np.uint8)

        def fill(job: tuple[int, int]) -> None:
            images[job[0]] = self._cache.load(self._members[job[1]].views)

        for _ in self._pool.map(fill, enumerate(np.asarray(rows).tolist())):
            pass
        return images


class _StoredSingles(StoredImages):
    """Views as images of their own, view 0 of the first object first."""

    def __init__(self, objects: _StoredViews) -> None:
        self._objects = objects

    @property
    def shape(self) -> tuple[int, ...]:
        objects, views, *rest = self._objects.shape
        return objects * views, *rest

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Single views; see `StoredImages.read`."""
        objects, views = np.divmod(np.asarray(rows), self._objects.shape[1])
        needed, position = np.unique(objects, return_inverse=True)
        return self._objects.read(needed)[position, views]


def mesh_source(
    name: str, class_names: tuple[str, ...], members: dict[Split, tuple[MeshObject, ...]], cache: ViewCache
) -> MeshSource:
    """Puts a source together.

    Args:
        name: The data set's name.
        class_names: Sorted class names.
        members: The objects of each split.
        cache: Their views.
    """
    digest = hashlib.sha256(f"{cache.fingerprint}\n{class_names!r}\n".encode())
    for split in SPLITS:
        for member in members[split]:
            line = f"{split}\n{member.label}\n{member.name!r}\n{member.family!r}\n{member.views.views_digest}\n"
            digest.update(line.encode("utf-8", "surrogatepass"))
    return MeshSource(
        name=name,
        class_names=class_names,
        image_size=cache.settings.image_size,
        views=cache.settings.views,
        fingerprint=digest.hexdigest(),
        members=members,
        cache=cache,
    )
