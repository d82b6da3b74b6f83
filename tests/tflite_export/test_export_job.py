"""Jobs as data: round trip, checks, fingerprint."""

import argparse
import dataclasses
import json

import numpy as np
import pytest
from tiny_job import CLASSES, SPACE, SPLIT, images_and_labels

from splitnets_tf.errors import UserError
from tflite_export import ExportJob, QuantizationSettings
from tflite_export.command_line import parse_bytes
from tflite_export.job import read_job
from tflite_export.network_file import read_network_file


@pytest.fixture
def job(tmp_path):
    network = {"schema_version": 1, "space": SPACE, "architecture": SPLIT.to_dict(), "num_classes": CLASSES}
    (tmp_path / "architecture.json").write_text(json.dumps(network), "utf-8")
    np.savez(tmp_path / "weights.npz", value=np.zeros(3))
    images, labels = images_and_labels(4, seed=0)
    np.save(tmp_path / "images.npy", images)
    np.save(tmp_path / "labels.npy", labels)
    return ExportJob(
        architecture=tmp_path / "architecture.json",
        weights=tmp_path / "weights.npz",
        train_images=tmp_path / "images.npy",
        train_labels=tmp_path / "labels.npy",
        check_images=tmp_path / "images.npy",
        output_dir=tmp_path,
        work_dir=tmp_path / "work",
        settings=QuantizationSettings(epochs=3, augment_shift_pixels=2),
    )


def test_a_job_survives_json(job, tmp_path):
    path = tmp_path / "job.json"
    path.write_text(json.dumps(job.to_dict()), "utf-8")

    assert read_job(path) == job


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data.pop("weights"), "'weights' is missing"),
        (lambda data: data.update(colour=1), "unknown key 'colour'"),
        (lambda data: data["settings"].update(colour=1), "settings: unknown key 'colour'"),
        (lambda data: data["settings"].update(method="guess"), "method must be one of"),
    ],
)
def test_a_wrong_job_file_is_explained(job, change, message):
    data = job.to_dict()
    change(data)

    with pytest.raises(UserError, match=message):
        ExportJob.from_dict(data)


@pytest.mark.parametrize(
    "values",
    [
        {"epochs": -1},
        {"batch_size": 0},
        {"learning_rate": 0.0},
        {"label_smoothing": 1.0},
        {"calibration_images": 0},
        {"augment_shift_pixels": -1},
        {"seed": True},
    ],
)
def test_settings_out_of_range_are_refused(values):
    with pytest.raises(UserError, match=next(iter(values))):
        QuantizationSettings(**values)


def test_the_fingerprint_follows_everything_that_matters_and_nothing_else(job, tmp_path):
    original = job.fingerprint()
    same = dataclasses.replace(job, output_dir=tmp_path / "elsewhere", work_dir=tmp_path / "there")
    others = [
        dataclasses.replace(job, settings=dataclasses.replace(job.settings, seed=1)),
        dataclasses.replace(job, bit_exact_inputs=3),
        dataclasses.replace(job, data_fingerprint="other data"),
    ]
    assert same.fingerprint() == original
    assert len({original, *(other.fingerprint() for other in others)}) == 4

    np.savez(job.weights, value=np.ones(3))
    assert job.fingerprint() != original


def test_a_data_fingerprint_stands_for_the_images(job):
    named = dataclasses.replace(job, data_fingerprint="components 1")
    before, unnamed = named.fingerprint(), job.fingerprint()
    np.save(job.train_images, np.zeros((4, 8, 8, 3), np.uint8))

    assert named.fingerprint() == before
    assert job.fingerprint() != unnamed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data.pop("space"), "'space' is missing"),
        (lambda data: data.update(schema_version=2), "schema_version should be 1"),
        (lambda data: data.update(num_classes=0), "num_classes should be a positive integer"),
        (lambda data: data["architecture"].update(resolution=17), "resolution must be one of"),
        (lambda data: data["architecture"].update(splits=2 * [data["architecture"]["splits"][0]]), "split"),
    ],
)
def test_a_wrong_architecture_file_is_explained(job, change, message):
    data = json.loads(job.architecture.read_text("utf-8"))
    change(data)
    job.architecture.write_text(json.dumps(data), "utf-8")

    with pytest.raises(UserError, match=message):
        read_network_file(job.architecture)


@pytest.mark.parametrize(
    ("text", "size"), [("79319", 79319), ("2MB", 2_000_000), ("2MiB", 2_097_152), ("1.5 kb", 1500), ("512kB", 512_000)]
)
def test_sizes_are_read_with_their_units(text, size):
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-2MB", "2 miles", "0", "0.3"])
def test_a_wrong_size_is_explained(text):
    with pytest.raises(argparse.ArgumentTypeError, match="expected"):
        parse_bytes(text)
