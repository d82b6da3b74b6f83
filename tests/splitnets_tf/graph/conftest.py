"""The small networks and their .tflite files, converted once."""

import pytest

from tests.splitnets_tf.graph.small_networks import NETWORKS, images


@pytest.fixture(scope="session")
def small_models():
    """Keras models by name."""
    return {name: build() for name, build in NETWORKS.items()}


@pytest.fixture(scope="session")
def small_files(small_models, tmp_path_factory):
    """Paths of the .tflite files by (name, "int8" or "float")."""
    from pipelines.partitioning.tflite_model import convert

    folder = tmp_path_factory.mktemp("small")
    files = {}
    for name, model in small_models.items():
        for kind, calibration in (("float", None), ("int8", [[x[None]] for x in images(4)])):
            path = folder / f"{model.name}_{kind}.tflite"
            path.write_bytes(convert(model, calibration=calibration))
            files[name, kind] = path
    return files
