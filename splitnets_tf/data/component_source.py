"""The embedded data set `components`, read from the TFDS files inside the package."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from splitnets_tf.data.source import DataSource, Split, ViewArrays, check_split
from splitnets_tf.errors import UserError

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = ["COMPONENTS_DIR", "ComponentSource", "open_components"]

COMPONENTS_DIR = Path(__file__).parent / "components" / "1.0.0"
"""Folder of the embedded data set; any copy of it can be read with `tfds.builder_from_directory`."""

_BATCH = 64
_NUMBERS = {"label": "label", "object": "object_id", "family": "family_id"}
"""What a source calls the integers, and what the files call them."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ComponentSource(DataSource):
    """Rendered electronic components, 12 views an object."""

    directory: Path
    """Where the TFDS files are."""
    object_counts: dict[str, int]
    """Number of objects of each split."""

    def count(self, split: Split) -> int:
        """Number of images of a split; see `DataSource.count`."""
        check_split(split)
        return self.object_counts[split] * self.views

    def dataset(self, split: Split) -> tf.data.Dataset:
        """Streams a split image by image; see `DataSource.dataset`."""
        import tensorflow as tf

        def one_by_one(example: dict[str, tf.Tensor]) -> tf.data.Dataset:
            numbers = {name: tf.repeat(example[key], self.views) for name, key in _NUMBERS.items()}
            return tf.data.Dataset.from_tensor_slices({"png": example["views"], **numbers})

        def decode(example: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
            image = tf.io.decode_png(example.pop("png"), channels=3)
            return {"image": tf.ensure_shape(image, [self.image_size, self.image_size, 3]), **example}

        images = _encoded(self.directory, split).flat_map(one_by_one).map(decode, num_parallel_calls=2)
        return images.apply(tf.data.experimental.assert_cardinality(self.count(split)))

    def view_arrays(self, split: Split) -> ViewArrays:
        """A whole split, decoded; about a second, read anew at each call. See `DataSource.view_arrays`."""
        check_split(split)
        import tensorflow as tf

        def decode(example: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
            pictures = [tf.io.decode_png(example["views"][view], channels=3) for view in range(self.views)]
            return {"views": tf.stack(pictures), **{name: example[key] for name, key in _NUMBERS.items()}}

        objects, size = self.object_counts[split], self.image_size
        images = np.empty((objects, self.views, size, size, 3), np.uint8)
        numbers = {name: np.empty(objects, np.int32) for name in _NUMBERS}
        start = 0
        for batch in (
            _encoded(self.directory, split).map(decode, num_parallel_calls=2).batch(_BATCH).as_numpy_iterator()
        ):
            stop = start + len(batch["views"])
            images[start:stop] = batch["views"]
            for name, values in numbers.items():
                values[start:stop] = batch[name]
            start = stop
        return ViewArrays(images=images, labels=numbers["label"], objects=numbers["object"], families=numbers["family"])

    def object_names(self, split: Split) -> tuple[str, ...]:
        """Names of a split's models; see `DataSource.object_names`."""
        names = _encoded(self.directory, split).map(lambda example: example["object"]).as_numpy_iterator()
        return tuple(name.decode() for name in names)


def open_components(directory: Path = COMPONENTS_DIR) -> ComponentSource:
    """Opens the embedded data set, or a regenerated copy of it.

    Nothing but small JSON files and the bytes for the fingerprint is read here; TensorFlow is not imported.

    Args:
        directory: Folder with `dataset_info.json`, `features.json` and the shards.

    Returns:
        The source.

    Raises:
        UserError: The folder doesn't hold the data set.
    """
    if not (directory / "dataset_info.json").is_file():
        raise UserError(
            f"{directory} holds no data set (no dataset_info.json); reinstall the package, or rebuild it with "
            "'python -m splitnets_tf.data.build_components'"
        )
    info = json.loads((directory / "dataset_info.json").read_text(encoding="utf-8"))
    features = json.loads((directory / "features.json").read_text(encoding="utf-8"))
    counts = {split["name"]: sum(int(length) for length in split["shardLengths"]) for split in info["splits"]}
    views = features["featuresDict"]["features"]["views"]["sequence"]
    return ComponentSource(
        name="components",
        class_names=tuple((directory / "label.labels.txt").read_text(encoding="utf-8").split()),
        image_size=int(views["feature"]["image"]["shape"]["dimensions"][0]),
        views=int(views["length"]),
        fingerprint=_fingerprint(directory),
        directory=directory,
        object_counts=counts,
    )


def _fingerprint(directory: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(directory.iterdir()):
        # dataset_info.json also records the writer's version, which is no part of the content.
        if path.name != "dataset_info.json" and path.is_file() and not path.name.startswith("."):
            digest.update(path.name.encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _encoded(directory: Path, split: Split) -> Any:
    """The split's examples in stored order; `views` is a string tensor [views] of PNG files."""
    check_split(split)
    import tensorflow_datasets as tfds

    class KeepEncoded(tfds.decode.SkipDecoding):
        """Hands all views of an object over at once; the base class maps over them and warns of its own old code."""

        def decode_batch_example(self, serialized_example: tf.Tensor) -> tf.Tensor:
            """Returns the PNG files as they are."""
            return serialized_example

    builder = tfds.builder_from_directory(str(directory))
    # One file after the other: any interleaving would make the order depend on timing.
    read_config = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
    decoders = {"views": KeepEncoded()}
    return builder.as_dataset(split=split, shuffle_files=False, decoders=decoders, read_config=read_config)
