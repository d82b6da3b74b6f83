"""Builders of TensorFlow Datasets for folders of meshes: `modelnet40` and `mesh_folder`.

    import tensorflow_datasets as tfds
    import splitnets_tf.data.mesh_builders

    builder = tfds.builder("modelnet40/64px", data_dir=OUT)
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir=DIR))

Objects are rendered, divided and kept in the cache as `open_source` does it. Nothing is downloaded. Importing this file
imports TensorFlow; nothing else in the package needs it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from splitnets_tf.data.folder_layout import read_mesh_layout
from splitnets_tf.data.mesh_folder import MODELNET40_CLASSES, open_mesh_folder, open_modelnet40
from splitnets_tf.data.mesh_source import MeshSource
from splitnets_tf.data.png import encode_png
from splitnets_tf.data.renderer import RenderSettings
from splitnets_tf.data.source import SPLITS, Split
from splitnets_tf.data.view_features import view_features

__all__ = ["MeshConfig", "MeshFolder", "Modelnet40"]


@dataclasses.dataclass(kw_only=True, eq=False)
class MeshConfig(tfds.core.BuilderConfig):
    """How meshes are rendered and divided."""

    image_size: int = 64
    """Height and width of the views in pixels."""
    seed: int = 0
    """Seed of what the folder doesn't divide itself."""


_CONFIGS = [
    MeshConfig(name=f"{size}px", image_size=size, description=f"12 views of {size}x{size} pixels") for size in (64, 224)
]


class _MeshBuilder(tfds.core.GeneratorBasedBuilder):
    """What both builders do alike."""

    VERSION = tfds.core.Version("1.0.0")
    SKIP_REGISTERING = True

    def _mesh_info(self, description: str, class_names: tuple[str, ...]) -> tfds.core.DatasetInfo:
        features = view_features(class_names, RenderSettings().views, self.builder_config.image_size)
        return self.dataset_info_from_configs(description=description, features=features, disable_shuffling=True)

    def _mesh_splits(self, source: MeshSource) -> dict[str, Any]:
        return {split: self._generate_examples(source, split) for split in SPLITS}

    def _generate_examples(self, source: MeshSource, split: Split) -> Iterator[tuple[int, dict[str, Any]]]:
        for row, member in enumerate(source.members[split]):
            arrays = source.view_rows(split, np.array([row]))
            yield (
                int(arrays.objects[0]),
                {
                    "views": [encode_png(view) for view in arrays.images[0]],
                    "label": source.class_names[member.label],
                    "object": member.name,
                    "object_id": int(arrays.objects[0]),
                    "family": f"{source.class_names[member.label]}{member.family}",
                    "family_id": int(arrays.families[0]),
                },
            )


class Modelnet40(_MeshBuilder):
    """ModelNet40 in 12 views, from the folder tree that its authors give out."""

    SKIP_REGISTERING = False
    BUILDER_CONFIGS = _CONFIGS
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "Put the folder ModelNet40 with <class>/{train,test}/<class>_0001.off into the manual directory; "
        "modelnet.cs.princeton.edu gives it out."
    )

    def _info(self) -> tfds.core.DatasetInfo:
        return self._mesh_info("ModelNet40's meshes from 12 sides.", MODELNET40_CLASSES)

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        config = self.builder_config
        return self._mesh_splits(
            open_modelnet40(Path(dl_manager.manual_dir), image_size=config.image_size, seed=config.seed)
        )


class MeshFolder(_MeshBuilder):
    """Any folder of class folders of meshes in 12 views."""

    BUILDER_CONFIGS = _CONFIGS

    def __init__(self, *, directory: Path, **options: Any) -> None:
        """Names the folder.

        Args:
            directory: The folder of class folders.
            **options: Those of `tfds.core.GeneratorBasedBuilder`: `config`, `data_dir`.
        """
        self._directory = Path(directory)
        super().__init__(**options)

    def _info(self) -> tfds.core.DatasetInfo:
        return self._mesh_info("Meshes of a folder from 12 sides.", read_mesh_layout(self._directory).class_names)

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        del dl_manager  # Nothing is downloaded.
        config = self.builder_config
        return self._mesh_splits(open_mesh_folder(self._directory, image_size=config.image_size, seed=config.seed))
