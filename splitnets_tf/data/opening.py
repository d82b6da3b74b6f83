"""Opens a source of images by name: the one place that knows which sources there are."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from splitnets_tf.data.component_source import open_components
from splitnets_tf.data.folder_source import open_folder
from splitnets_tf.data.imagenet_source import open_imagenet
from splitnets_tf.data.mesh_folder import open_mesh_folder, open_modelnet40
from splitnets_tf.data.source import DataSource, check_image_size
from splitnets_tf.errors import UserError

__all__ = ["DATASETS", "open_source"]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Request:
    """What the caller asked for."""

    data_dir: Path | None
    image_size: int
    seed: int
    cache_dir: Path | None

    def directory(self, needs: str) -> Path:
        """The data directory; `needs` says which data set needs what in it."""
        if self.data_dir is None:
            raise UserError(f"{needs}; name it by --data-dir, nothing is downloaded")
        return self.data_dir


def _components(request: _Request) -> DataSource:
    if request.data_dir is not None:
        raise UserError(
            f"'components' is embedded and takes no data directory, got {request.data_dir}; "
            "for a folder of images leave the data set's name out"
        )
    source = open_components()
    if request.image_size != source.image_size:
        raise UserError(
            f"'components' has images of {source.image_size} pixels, got a request for {request.image_size}"
        )
    return source


def _image_folder(request: _Request) -> DataSource:
    directory = request.directory("'image-folder' needs a data directory with a folder of images for each class")
    return open_folder(directory, image_size=request.image_size, seed=request.seed)


def _imagenet(request: _Request) -> DataSource:
    directory = request.directory(
        "'imagenet2012' needs a folder with ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar"
    )
    return open_imagenet(directory, image_size=request.image_size, seed=request.seed)


def _mesh_folder(request: _Request) -> DataSource:
    directory = request.directory("'mesh-folder' needs a data directory with a folder of meshes for each class")
    return open_mesh_folder(directory, image_size=request.image_size, seed=request.seed, cache_dir=request.cache_dir)


def _modelnet40(request: _Request) -> DataSource:
    directory = request.directory("'modelnet40' needs the folder ModelNet40 with <class>/{train,test}/<name>.off")
    return open_modelnet40(directory, image_size=request.image_size, seed=request.seed, cache_dir=request.cache_dir)


_OPENERS: dict[str, Callable[[_Request], DataSource]] = {
    "components": _components,
    "image-folder": _image_folder,
    "imagenet2012": _imagenet,
    "mesh-folder": _mesh_folder,
    "modelnet40": _modelnet40,
}

DATASETS: tuple[str, ...] = tuple(_OPENERS)
"""Names that `open_source` knows."""


def open_source(
    *,
    dataset: str | None = None,
    data_dir: str | Path | None = None,
    image_size: int = 64,
    seed: int = 0,
    cache_dir: str | Path | None = None,
) -> DataSource:
    """Opens a data set. Never downloads anything; errors are raised before TensorFlow is imported.

    Args:
        dataset: One of `DATASETS`; None means "image-folder" if a directory is given, else "components".
        data_dir: Directory of a data set that isn't embedded.
        image_size: Height and width of the delivered images in pixels; `components` has 64 only.
        seed: Seed of the division, where the data isn't divided already.
        cache_dir: Where the views of meshes are kept; None for a hidden folder in the data directory.

    Returns:
        The source.

    Raises:
        UserError: An unknown name, or the data can't be used.
    """
    name = dataset if dataset is not None else "components" if data_dir is None else "image-folder"
    if name not in _OPENERS:
        raise UserError(f"unknown data set {name!r}; known are: {', '.join(DATASETS)}")
    check_image_size(image_size)
    request = _Request(
        data_dir=None if data_dir is None else Path(data_dir),
        image_size=image_size,
        seed=seed,
        cache_dir=None if cache_dir is None else Path(cache_dir),
    )
    return _OPENERS[name](request)
