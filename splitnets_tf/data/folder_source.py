"""A folder of class folders as a source: every file checked once, divided in three, delivered at one size."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import hashlib
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from splitnets_tf.data.folder_layout import FolderLayout, read_layout
from splitnets_tf.data.image_files import decode_image
from splitnets_tf.data.source import SPLITS, DataSource, Split, ViewArrays, check_image_size, check_split
from splitnets_tf.data.untrusted_files import UnreadableFileError, read_regular_file
from splitnets_tf.errors import UserError

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = ["FolderSource", "open_folder"]

_LOGGER = logging.getLogger(__name__)

_VALIDATION_SHARE = 0.15
_TEST_SHARE = 0.15
_THREADS = 2
_MAX_PIXEL_BYTES = 2**30
"""Decoded images stay in memory up to this; larger folders are decoded again at each pass."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Image:
    """One readable image."""

    path: Path
    label: int
    digest: bytes
    pixels: np.ndarray | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class FolderSource(DataSource):
    """Images of a folder; each image is an object and a family of its own."""

    images: dict[Split, tuple[_Image, ...]] = dataclasses.field(repr=False, compare=False)
    """The images of each split, in order."""

    def count(self, split: Split) -> int:
        """Number of images of a split; see `DataSource.count`."""
        check_split(split)
        return len(self.images[split])

    def dataset(self, split: Split) -> tf.data.Dataset:
        """Streams a split image by image; see `DataSource.dataset`."""
        check_split(split)
        import tensorflow as tf

        number = tf.TensorSpec([], tf.int64)
        size = self.image_size
        signature = {
            "image": tf.TensorSpec([size, size, 3], tf.uint8),
            "label": number,
            "object": number,
            "family": number,
        }

        def generate() -> Iterator[dict[str, object]]:
            first = self._first_index(split)
            for offset, image in enumerate(self.images[split]):
                index = first + offset
                yield {"image": self._pixels(image), "label": image.label, "object": index, "family": index}

        images = tf.data.Dataset.from_generator(generate, output_signature=signature)
        return images.apply(tf.data.experimental.assert_cardinality(self.count(split)))

    def view_arrays(self, split: Split) -> ViewArrays:
        """A whole split, one view an object; see `DataSource.view_arrays`."""
        count, size = self.count(split), self.image_size
        pixels = np.empty((count, 1, size, size, 3), np.uint8)
        for index, image in enumerate(self.images[split]):
            pixels[index, 0] = self._pixels(image)
        indices = np.arange(count, dtype=np.int32) + self._first_index(split)
        labels = np.array([image.label for image in self.images[split]], dtype=np.int32)
        return ViewArrays(images=pixels, labels=labels, objects=indices, families=indices.copy())

    def _first_index(self, split: Split) -> int:
        return sum(len(self.images[earlier]) for earlier in SPLITS[: SPLITS.index(split)])

    def _pixels(self, image: _Image) -> np.ndarray:
        if image.pixels is not None:
            return image.pixels
        try:
            return decode_image(read_regular_file(image.path), self.image_size)
        except UnreadableFileError as error:
            raise UserError(f"{image.path} was readable when the data was opened and no longer is: {error}") from error


def open_folder(directory: Path, *, image_size: int = 64, seed: int = 0) -> FolderSource:
    """Opens a folder of class folders.

    Each file is decoded once: what can't be read is logged by name and left out. Split folders are respected; what is
    missing is held out of train, class by class. The division depends on the file names and the seed only.

    Args:
        directory: The folder.
        image_size: Height and width of the delivered images in pixels.
        seed: Seed of the division.

    Returns:
        The source.

    Raises:
        UserError: An unknown layout, fewer than two classes, an empty class, or too few images to divide.
    """
    check_image_size(image_size)
    layout = read_layout(directory)
    checked = _check_files(layout, directory, image_size)
    splits = _divide(layout, checked, directory, seed)
    return FolderSource(
        name="image-folder",
        class_names=layout.class_names,
        image_size=image_size,
        views=1,
        fingerprint=_fingerprint(layout, splits, directory, image_size),
        images=splits,
    )


def _check_files(layout: FolderLayout, directory: Path, image_size: int) -> dict[Split | None, list[list[_Image]]]:
    """Decodes every file once; the readable images by split folder and class."""
    total = sum(len(members) for classes in layout.files.values() for members in classes)
    keep_pixels = total * image_size * image_size * 3 <= _MAX_PIXEL_BYTES

    def check(path: Path, label: int) -> _Image | UnreadableFileError:
        try:
            content = read_regular_file(path)
            pixels = decode_image(content, image_size)
        except UnreadableFileError as error:
            return error
        digest = hashlib.sha256(content).digest()
        return _Image(path=path, label=label, digest=digest, pixels=pixels if keep_pixels else None)

    checked: dict[Split | None, list[list[_Image]]] = {}
    skipped = 0
    with warnings.catch_warnings(), concurrent.futures.ThreadPoolExecutor(_THREADS) as pool:
        # Pillow warns of odd metadata and of large images: the former doesn't matter, the latter are refused.
        warnings.simplefilter("ignore")
        for split, classes in layout.files.items():
            checked[split] = []
            for label, members in enumerate(classes):
                results = list(pool.map(check, members, [label] * len(members)))
                for path, result in zip(members, results, strict=True):
                    if isinstance(result, UnreadableFileError):
                        _LOGGER.warning("skipped %s: %s", path, result)
                        skipped += 1
                checked[split].append([result for result in results if isinstance(result, _Image)])
    if skipped:
        _LOGGER.warning("skipped %d of %d files in %s", skipped, total, directory)
    return _drop_identical(checked)


def _drop_identical(checked: dict[Split | None, list[list[_Image]]]) -> dict[Split | None, list[list[_Image]]]:
    """Keeps one of each set of identical files, of the test folder before validation before train.

    The same picture in train and in test would be counted as recognised when it was only remembered.
    """
    seen: dict[bytes, Path] = {}
    kept: dict[Split | None, list[list[_Image]]] = {}
    for split in sorted(checked, key=lambda split: -1 if split is None else -SPLITS.index(split)):
        kept[split] = []
        for members in checked[split]:
            unique = []
            for image in members:
                first = seen.setdefault(image.digest, image.path)
                if first is image.path:
                    unique.append(image)
                else:
                    _LOGGER.warning("skipped %s: identical to %s", image.path, first)
            kept[split].append(unique)
    return {split: kept[split] for split in checked}


def _divide(
    layout: FolderLayout, checked: dict[Split | None, list[list[_Image]]], directory: Path, seed: int
) -> dict[Split, tuple[_Image, ...]]:
    """Fills the three splits, class by class, in a fixed order."""
    pool = checked.get("train", checked.get(None, []))
    held_out = [split for split in SPLITS[1:] if split not in checked]
    splits: dict[Split, list[_Image]] = {split: [] for split in SPLITS}
    for label, name in enumerate(layout.class_names):
        for folder, classes in checked.items():
            if not classes[label]:
                where = f"'{name}'" if folder is None else f"'{name}' in the {folder} split"
                raise UserError(f"class {where} of {directory} has no readable image; add some or remove the class")
        members = pool[label]
        if len(members) < 1 + len(held_out):
            raise UserError(
                f"class '{name}' of {directory} has {len(members)} readable image(s) for train and "
                f"{' and '.join(held_out)}; at least {1 + len(held_out)} are needed; add "
                "some or remove the class"
            )
        order = np.random.default_rng([seed, label]).permutation(len(members))
        for split in held_out:
            share = _VALIDATION_SHARE if split == "validation" else _TEST_SHARE
            taken, order = np.split(order, [max(1, round(share * len(members)))])
            splits[split] += [members[index] for index in sorted(taken)]
        splits["train"] += [members[index] for index in sorted(order)]
        for split in SPLITS[1:]:
            splits[split] += checked[split][label] if split in checked else []
    return {split: tuple(members) for split, members in splits.items()}


def _fingerprint(
    layout: FolderLayout, splits: dict[Split, tuple[_Image, ...]], directory: Path, image_size: int
) -> str:
    digest = hashlib.sha256(f"{image_size}\n{layout.class_names!r}\n".encode())
    for split in SPLITS:
        for image in splits[split]:
            name = image.path.relative_to(directory).as_posix()
            digest.update(f"{split}\n{image.label}\n{name!r}\n".encode("utf-8", "surrogatepass"))
            digest.update(image.digest)
    return digest.hexdigest()
