"""Files of several devices: one for each, boundaries that agree, bits that equal the whole network's."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from tiny_mixed import CHAIN, CLASSES, MESH, tiny_space

from splitnets_tf.errors import UserError
from splitnets_tf.files import write_json
from splitnets_tf.space import layered_space_to_dict
from splitnets_tf.supernet import get_network_weights, save_network_weights
from splitnets_tf.supernet.placed_models import build_placed
from tflite_export import ExportJob, Int8Model, QuantizationSettings, run_models
from tflite_export.boundary import BoundaryError
from tflite_export.placed_file import read_placed_file
from tflite_export.placed_files import check_placed, read_placed_result


def architecture(folder, topology, choices):
    path = [list(step) if isinstance(step, tuple) else step for step in topology.path]
    description = {
        "kind": "placed",
        "space": layered_space_to_dict(tiny_space(topology)),
        "topology": {"kind": topology.kind, "path": path, "broadcast": True},
        "num_classes": CLASSES,
        "choices": choices,
    }
    write_json(folder / "architecture.json", description)
    return folder / "architecture.json"


def export(folder, topology, choices):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (24, 16, 16, 3), dtype=np.uint8)
    path = architecture(folder, topology, choices)
    keras.utils.set_random_seed(5)
    models = build_placed(keras, read_placed_file(path)[0])
    for name, values in (("train_images", images), ("train_labels", np.arange(24) % CLASSES), ("check", images)):
        np.save(folder / f"{name}.npy", values)
    save_network_weights(folder / "weights.npz", get_network_weights(models))
    job = ExportJob(
        architecture=path,
        weights=folder / "weights.npz",
        train_images=folder / "train_images.npy",
        train_labels=folder / "train_labels.npy",
        check_images=folder / "check.npy",
        output_dir=folder,
        work_dir=folder / "work",
        settings=QuantizationSettings(epochs=1, batch_size=12, calibration_images=12, augment_shift_pixels=1),
        bit_exact_inputs=24,
    )
    write_json(folder / "job.json", job.to_dict())
    command = [sys.executable, "-m", "tflite_export.placed_worker", "--job", str(folder / "job.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    files, record = read_placed_result(folder / "work" / "placed.json")
    return files, record, images


@pytest.fixture(scope="module")
def mesh_export(tmp_path_factory):
    """Two parallel devices; the device before them has no layer of its own left."""
    return export(tmp_path_factory.mktemp("mesh"), MESH, [0, 2, 8, 1, 3, 5])


def test_mesh_has_one_file_for_each_device_that_computes(mesh_export):
    files, record, images = mesh_export
    assert files.devices == ("ue", "a", "b", "cloud")
    assert files.sources == ((), (0,), (0,), (1, 2))
    assert record["boundary"]["bit_exact_inputs"] == len(images)
    whole = run_models((record["whole"],), images, reference=True)
    np.testing.assert_array_equal(files.run(images, reference=True), whole)
    assert len(np.unique(whole, axis=0)) > 1, "the network tells its inputs apart"


def test_what_is_sent_means_the_same_on_both_sides(mesh_export):
    files, record, _ = mesh_export
    models = [Int8Model(path) for path in files.paths]
    assert models[1].output_quantization == models[2].output_quantization == models[3].input_quantization
    assert models[0].output_quantization == models[1].input_quantization
    assert models[3].input_shape[-1] == sum(model.output_shape[-1] for model in models[1:3])
    assert [tensor["from"] for tensor in record["boundary"]["tensors"]] == ["ue", "a", "b"]


def test_swapped_devices_are_found(mesh_export):
    files, record, images = mesh_export
    first, left, right, last = files.paths
    swapped = dataclasses.replace(files, paths=(first, right, left, last))
    with pytest.raises(BoundaryError, match="differ"):
        check_placed(swapped, Path(record["whole"]), images)


@pytest.mark.slow
def test_chain_is_exact_too(tmp_path):
    files, record, images = export(tmp_path, CHAIN, [1, 8, 4, 3])
    assert files.devices == ("ue", "sbs", "cloud")
    assert record["boundary"]["bit_exact_inputs"] == len(images)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "split"}, "kind should be 'placed'"),
        ({"choices": [0, 2]}, "choices should name a candidate for each of 4 layers"),
        ({"choices": [0, 2, 99, 0]}, "choices should name a candidate"),
        ({"topology": {"kind": "chain"}}, "topology should have"),
    ],
)
def test_wrong_architecture_files_are_refused(tmp_path, change, message):
    path = architecture(tmp_path, CHAIN, [0, 2, 1, 0])
    assert read_placed_file(path)[1] == CLASSES
    write_json(path, json.loads(path.read_text()) | change)
    with pytest.raises(UserError, match=message):
        read_placed_file(path)
