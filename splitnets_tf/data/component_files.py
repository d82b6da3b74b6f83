"""Writes `components` in the on-disk format of TensorFlow Datasets."""

from __future__ import annotations

import logging
import math
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from splitnets_tf.data.manifest import ManifestRow
from splitnets_tf.data.source import SPLITS, Split
from splitnets_tf.data.view_features import view_features
from splitnets_tf.errors import UserError

__all__ = ["NAME", "VERSION", "write_tfds"]

_LOGGER = logging.getLogger(__name__)

NAME = "components"
VERSION = "1.0.0"
_SHARD_BYTES = 4_500_000
_DESCRIPTION = (
    "Electronic components: CAD models of the KiCad library, rendered from 12 sides. Licence: CC-BY-SA-4.0, "
    "KiCad library contributors; see LICENSE.md beside this folder."
)
_HOMEPAGE = "https://kicad.github.io/packages3d/"


def write_tfds(
    rows: Sequence[ManifestRow], pictures: Sequence[Sequence[bytes]], output_dir: Path, *, image_size: int
) -> Path:
    """Writes the data set to `output_dir/components/1.0.0`; the folder appears when it is complete.

    Args:
        rows: The manifest; a row's position is the object's number.
        pictures: PNG files of each object's views, in the order of the rows.
        output_dir: Parent of the data set's folder.
        image_size: Height and width of the pictures in pixels.

    Returns:
        The folder with the shards.

    Raises:
        UserError: The folder is there already.
    """
    import tensorflow_datasets as tfds

    target = output_dir / NAME / VERSION
    if target.exists():
        raise UserError(f"{target} is there already; remove it or choose another output directory")
    target.parent.mkdir(parents=True, exist_ok=True)
    largest = max(
        sum(len(picture) for row, views in zip(rows, pictures, strict=True) for picture in views if row.split == split)
        for split in SPLITS
    )
    with tempfile.TemporaryDirectory(dir=output_dir, prefix=".components-") as scratch:
        builder = tfds.dataset_builders.store_as_tfds_dataset(
            name=NAME,
            version=VERSION,
            features=view_features(sorted({row.class_name for row in rows}), len(pictures[0]), image_size),
            split_datasets={split: _examples(rows, pictures, split) for split in SPLITS},
            data_dir=scratch,
            description=_DESCRIPTION,
            homepage=_HOMEPAGE,
            disable_shuffling=True,
            download_config=tfds.download.DownloadConfig(
                try_download_gcs=False, num_shards=math.ceil(largest / _SHARD_BYTES)
            ),
        )
        for shard in sorted(Path(builder.data_dir).glob("*.tfrecord*")):
            _put_in_canonical_form(shard)
        Path(builder.data_dir).replace(target)
    _LOGGER.info("wrote %s", target)
    return target


def _put_in_canonical_form(shard: Path) -> None:
    """Rewrites a shard so that the same examples always give the same bytes: protobuf's maps have no fixed order."""
    import tensorflow as tf

    scratch = shard.with_suffix(".rewritten")
    with tf.io.TFRecordWriter(str(scratch)) as writer:
        for record in tf.data.TFRecordDataset(str(shard)).as_numpy_iterator():
            writer.write(tf.train.Example.FromString(record).SerializeToString(deterministic=True))
    scratch.replace(shard)


def _examples(
    rows: Sequence[ManifestRow], pictures: Sequence[Sequence[bytes]], split: Split
) -> Iterator[tuple[int, dict[str, Any]]]:
    family_ids = {family: number for number, family in enumerate(sorted({row.full_family for row in rows}))}
    for number, (row, views) in enumerate(zip(rows, pictures, strict=True)):
        if row.split == split:
            yield (
                number,
                {
                    "views": list(views),
                    "label": row.class_name,
                    "object": row.object,
                    "object_id": number,
                    "family": row.full_family,
                    "family_id": family_ids[row.full_family],
                },
            )
