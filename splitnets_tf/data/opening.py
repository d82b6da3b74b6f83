"""Opens a source of images by name: the one place that knows which sources there are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from splitnets_tf.data.component_source import open_components
from splitnets_tf.data.folder_source import open_folder
from splitnets_tf.data.imagenet_source import open_imagenet
from splitnets_tf.data.source import DataSource, check_image_size
from splitnets_tf.errors import UserError

__all__ = ["DATASETS", "open_source"]


def _components(data_dir: Path | None, image_size: int, seed: int) -> DataSource:
    del seed  # The embedded data set's division is frozen.
    if data_dir is not None:
        raise UserError(
            f"'components' is embedded and takes no data directory, got {data_dir}; "
            "for a folder of images leave the data set's name out"
        )
    source = open_components()
    if image_size != source.image_size:
        raise UserError(f"'components' has images of {source.image_size} pixels, got a request for {image_size}")
    return source


def _image_folder(data_dir: Path | None, image_size: int, seed: int) -> DataSource:
    if data_dir is None:
        raise UserError("'image-folder' needs a data directory with a folder of images for each class; none was given")
    return open_folder(data_dir, image_size=image_size, seed=seed)


def _imagenet(data_dir: Path | None, image_size: int, seed: int) -> DataSource:
    if data_dir is None:
        raise UserError(
            "'imagenet2012' needs a folder with ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar; name it by "
            "--data-dir, nothing is downloaded"
        )
    return open_imagenet(data_dir, image_size=image_size, seed=seed)


_OPENERS: dict[str, Callable[[Path | None, int, int], DataSource]] = {
    "components": _components,
    "image-folder": _image_folder,
    "imagenet2012": _imagenet,
}

DATASETS: tuple[str, ...] = tuple(_OPENERS)
"""Names that `open_source` knows."""


def open_source(
    *, dataset: str | None = None, data_dir: str | Path | None = None, image_size: int = 64, seed: int = 0
) -> DataSource:
    """Opens a data set. Never downloads anything; errors are raised before TensorFlow is imported.

    Args:
        dataset: One of `DATASETS`; None means "image-folder" if a directory is given, else "components".
        data_dir: Directory of a data set that isn't embedded.
        image_size: Height and width of the delivered images in pixels; `components` has 64 only.
        seed: Seed of the division, where the data isn't divided already.

    Returns:
        The source.

    Raises:
        UserError: An unknown name, or the data can't be used.
    """
    name = dataset if dataset is not None else "components" if data_dir is None else "image-folder"
    if name not in _OPENERS:
        raise UserError(f"unknown data set {name!r}; known are: {', '.join(DATASETS)}")
    check_image_size(image_size)
    return _OPENERS[name](None if data_dir is None else Path(data_dir), image_size, seed)
