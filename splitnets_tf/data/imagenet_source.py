"""ImageNet (ILSVRC 2012) by way of TensorFlow Datasets, from the two archives that a user has; never from a network.

The first opening converts the archives into records that can be read in any order. They lie beside the archives and
need as much room again; afterwards the archives may be removed.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import functools
import hashlib
import json
import logging
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from splitnets_tf.data.image_files import decode_image
from splitnets_tf.data.source import (
    SPLITS,
    DataSource,
    ImageArrays,
    Split,
    StoredImages,
    ViewArrays,
    check_image_size,
    check_split,
)
from splitnets_tf.errors import UserError
from splitnets_tf.files import write_atomically

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = ["NAME", "ImagenetSource", "open_imagenet"]

_LOGGER = logging.getLogger(__name__)

NAME = "imagenet2012"
_VERSION = "5.1.0"
_ARCHIVES = ("ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar")
_LABELS = "splitnets_labels.npz"
"""Labels of all records, read once: their images need not be touched to know them."""
_RECORDS: dict[Split, str] = {"train": "train", "validation": "train", "test": "validation"}
"""Split -> that of the archives; the official validation images are the test set, since they have labels."""
_HELD_OUT = 10_000
_LEAST_HELD_OUT_SHARE = 10
_THREADS = 4
_MAX_ARRAY_BYTES = 8 * 2**30


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImagenetSource(DataSource):
    """ImageNet's records; each image is an object and a family of its own."""

    directory: Path
    """Folder that holds the archives or, in TensorFlow Datasets' layout, the records."""
    rows: dict[Split, np.ndarray] = dataclasses.field(repr=False, compare=False)
    """Records of each split."""
    labels: dict[str, np.ndarray] = dataclasses.field(repr=False, compare=False)
    """Labels of the records of the archives' own splits."""

    @property
    def fits_in_memory(self) -> bool:
        """Whether whole splits are read at once: never."""
        return False

    def count(self, split: Split) -> int:
        """Number of images of a split; see `DataSource.count`."""
        check_split(split)
        return len(self.rows[split])

    def stored(self, split: Split) -> StoredImages:
        """The images of a split, read as they are needed; see `DataSource.stored`."""
        check_split(split)
        return _Records(self._records(_RECORDS[split]), self.rows[split], self.image_size)

    def split_labels(self, split: Split) -> np.ndarray:
        """Labels of a split; see `DataSource.split_labels`."""
        check_split(split)
        return self.labels[_RECORDS[split]][self.rows[split]]

    def arrays(self, split: Split, rows: np.ndarray | None = None) -> ImageArrays:
        """The named rows of a split in memory; see `DataSource.arrays`.

        Raises:
            UserError: They would take more than 8 GiB.
        """
        rows = np.arange(self.count(split)) if rows is None else rows
        needed = len(rows) * self.image_size**2 * 3
        if needed > _MAX_ARRAY_BYTES:
            raise UserError(
                f"{len(rows)} {split} images of {self.image_size} pixels take {needed / 2**30:.0f} GiB of memory, at "
                f"most {_MAX_ARRAY_BYTES // 2**30} are read at once; lower --max-images or --image-size"
            )
        objects = (self._first(split) + rows).astype(np.int32)
        images = _Records(self._records(_RECORDS[split]), self.rows[split], self.image_size).read(rows)
        labels = self.split_labels(split)[rows]
        return ImageArrays(images=images, labels=labels, objects=objects, families=objects.copy())

    def view_arrays(self, split: Split) -> ViewArrays:
        """A whole split, one view an object; see `DataSource.view_arrays`."""
        arrays = self.arrays(split)
        fields = {name: getattr(arrays, name) for name in ("labels", "objects", "families")}
        return ViewArrays(images=arrays.images[:, None], **fields)

    def dataset(self, split: Split) -> tf.data.Dataset:
        """Streams a split image by image; see `DataSource.dataset`."""
        import tensorflow as tf

        number, size = tf.TensorSpec([], tf.int64), self.image_size
        numbers = {"label": number, "object": number, "family": number}
        signature = {"image": tf.TensorSpec([size, size, 3], tf.uint8), **numbers}
        images = self.stored(split)
        labels, first = self.split_labels(split), self._first(split)

        def generate() -> Iterator[dict[str, object]]:
            for row in range(len(images)):
                index = first + row
                image = images.read(np.asarray([row]))[0]
                yield {"image": image, "label": labels[row], "object": index, "family": index}

        dataset = tf.data.Dataset.from_generator(generate, output_signature=signature)
        return dataset.apply(tf.data.experimental.assert_cardinality(self.count(split)))

    def _first(self, split: Split) -> int:
        return sum(len(self.rows[earlier]) for earlier in SPLITS[: SPLITS.index(split)])

    @functools.cached_property
    def _opened(self) -> dict[str, Sequence[Any]]:
        return {}

    def _records(self, split: str) -> Sequence[Any]:
        if split not in self._opened:
            import tensorflow_datasets as tfds

            decoders = {"image": tfds.decode.SkipDecoding()}
            self._opened[split] = _builder(self.directory).as_data_source(split, decoders=decoders)
        return self._opened[split]


class _Records(StoredImages):
    """Records of one split, decoded by a few threads."""

    def __init__(self, records: Sequence[Any], rows: np.ndarray, image_size: int) -> None:
        self._records = records
        self._rows = rows
        self._size = image_size
        self._pool = concurrent.futures.ThreadPoolExecutor(_THREADS)

    @property
    def shape(self) -> tuple[int, ...]:
        return len(self._rows), self._size, self._size, 3

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Images of some rows, uint8 `[k, size, size, 3]`."""
        if len(rows) == 0:
            return np.empty((0, *self.shape[1:]), np.uint8)
        return np.stack(list(self._pool.map(self._read_one, np.asarray(rows).tolist())))

    def _read_one(self, row: int) -> np.ndarray:
        return decode_image(self._records[int(self._rows[row])]["image"], self._size)


def open_imagenet(directory: Path, *, image_size: int = 224, seed: int = 0) -> ImagenetSource:
    """Opens ImageNet; converts the archives first where that has not been done, which takes hours.

    Of the training images 10 000, of small archives a tenth, are held out for validation; the official validation
    images are the test set.

    Args:
        directory: Folder with `ILSVRC2012_img_train.tar` and `ILSVRC2012_img_val.tar`, or with their records.
        image_size: Height and width of the delivered images in pixels.
        seed: Seed of what is held out.

    Raises:
        UserError: An archive is missing, or the records are damaged; raised before TensorFlow is imported.
    """
    check_image_size(image_size)
    records = directory / NAME / _VERSION
    if not (records / "dataset_info.json").is_file():
        _check_archives(directory)
        _convert(directory)
    info = _read_info(records)
    labels = _labels(directory, records, info)
    count = info["train"]
    order = np.random.default_rng([seed, count]).permutation(count)
    held_out = min(_HELD_OUT, max(1, count // _LEAST_HELD_OUT_SHARE))
    rows = {
        "train": np.sort(order[held_out:]),
        "validation": np.sort(order[:held_out]),
        "test": np.arange(info["validation"]),
    }
    return ImagenetSource(
        name=NAME,
        class_names=tuple((records / "label.labels.txt").read_text("utf-8").split()),
        image_size=image_size,
        views=1,
        fingerprint=_fingerprint(records, rows, labels, image_size),
        directory=directory,
        rows=rows,
        labels=labels,
    )


def _check_archives(directory: Path) -> None:
    missing = [name for name in _ARCHIVES if not (directory / name).is_file()]
    if missing:
        raise UserError(
            f"{directory} lacks {' and '.join(missing)}: put ILSVRC2012_img_train.tar (138 GB) and "
            "ILSVRC2012_img_val.tar (6 GB) there, which image-net.org gives to registered users; nothing is downloaded"
        )


def _builder(directory: Path) -> Any:
    import tensorflow_datasets as tfds

    return tfds.builder(f"{NAME}:{_VERSION}", data_dir=directory, try_gcs=False, file_format="array_record")


def _convert(directory: Path) -> None:
    import tensorflow_datasets as tfds

    _LOGGER.info("converting the archives in %s into records, once; this takes hours for all of ImageNet", directory)
    download = tfds.download.DownloadConfig(manual_dir=directory, try_download_gcs=False, compute_stats="skip")
    try:
        _builder(directory).download_and_prepare(download_config=download)
    except (tarfile.TarError, KeyError, ValueError, AssertionError) as error:
        raise UserError(
            f"the archives in {directory} could not be read ({type(error).__name__}: {error}); compare their sizes and "
            "checksums with those on image-net.org"
        ) from error


def _read_info(records: Path) -> dict[str, int]:
    """Number of records of each of the archives' splits."""
    try:
        info = json.loads((records / "dataset_info.json").read_text("utf-8"))
        return {split["name"]: sum(int(length) for length in split["shardLengths"]) for split in info["splits"]}
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{records} holds no records of {NAME} ({error}); remove the folder to convert again"
        ) from error


def _labels(directory: Path, records: Path, counts: dict[str, int]) -> dict[str, np.ndarray]:
    """Labels of all records; read from every record once, then from a small file."""
    path = records / _LABELS
    if path.is_file():
        with np.load(path) as file:
            stored = {name: file[name] for name in file.files}
        if {name: len(values) for name, values in stored.items()} == counts:
            return stored
    import tensorflow_datasets as tfds

    labels = {}
    for split in counts:
        source = _builder(directory).as_data_source(split, decoders={"image": tfds.decode.SkipDecoding()})
        labels[split] = np.asarray([source[row]["label"] for row in range(len(source))], dtype=np.int32)
    write_atomically(path, lambda temporary: np.savez(temporary, **labels))
    return labels


def _fingerprint(records: Path, rows: dict[Split, np.ndarray], labels: dict[str, np.ndarray], image_size: int) -> str:
    """Names and sizes of the files stand for their content: to read all of it would take an hour."""
    digest = hashlib.sha256(f"{NAME} {_VERSION} {image_size}\n".encode())
    for path in sorted(records.glob("*.array_record*")):
        digest.update(f"{path.name} {path.stat().st_size}\n".encode())
    for split in SPLITS:
        digest.update(rows[split].astype("<i8").tobytes())
    for name in sorted(labels):
        digest.update(labels[name].astype("<i4").tobytes())
    return digest.hexdigest()
