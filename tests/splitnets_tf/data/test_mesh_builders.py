"""The builders of TensorFlow Datasets, on a small ModelNet40 and a folder of meshes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from synthetic_modelnet import write_synthetic_modelnet

from splitnets_tf.data import SPLITS, open_source
from splitnets_tf.data.component_source import open_components


def test_builders_write_what_the_sources_give(tmp_path: Path) -> None:
    import tensorflow_datasets as tfds

    from splitnets_tf.data.mesh_builders import MeshConfig, MeshFolder

    root = write_synthetic_modelnet(tmp_path / "ModelNet40", classes=3)
    config = MeshConfig(name="16px", image_size=16)
    builder = tfds.builder("modelnet40", config=config, data_dir=tmp_path / "out")
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=tmp_path, try_download_gcs=False)
    )
    assert builder.info.features["label"].num_classes == 40
    folder = MeshFolder(directory=root, config=config, data_dir=tmp_path / "out")
    folder.download_and_prepare()
    for name, written in (("modelnet40", builder), ("mesh-folder", folder)):
        source = open_source(dataset=name, data_dir=root, image_size=16)
        # The embedded data set has the same features, so its reader reads these records, too.
        read = open_components(Path(written.data_dir))
        for split in SPLITS:
            expected, found = source.view_arrays(split), read.view_arrays(split)
            for field in ("images", "labels", "objects", "families"):
                np.testing.assert_array_equal(getattr(found, field), getattr(expected, field))
            assert read.object_names(split) == source.object_names(split)
