"""ImageNet from tiny archives of the true layout, which the test writes itself."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from imagenet_archives import EACH, OFFICIAL, SYNSETS, write_archives

from splitnets_tf.data import SPLITS, open_source
from splitnets_tf.errors import UserError
from splitnets_tf.supernet import training_batches

SIZE = 32


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return write_archives(tmp_path_factory.mktemp("imagenet"))


@pytest.fixture(scope="module")
def source(directory):
    return open_source(dataset="imagenet2012", data_dir=directory, image_size=SIZE)


def colours(images):
    return images[:, SIZE // 2, SIZE // 2].astype(int)


def test_validation_is_held_out_of_train(source):
    assert {split: source.count(split) for split in SPLITS} == {"train": 54, "validation": 6, "test": OFFICIAL}
    assert len(source.class_names) == 1000
    seen = np.concatenate([colours(source.arrays(split).images)[:, :2] for split in ("train", "validation")])
    seen = {(round((red - 40) / 80), round(green / 10)) for red, green in seen.tolist()}
    assert seen == {(label, number) for label in range(3) for number in range(EACH)}  # each once, in one of the two
    objects = np.concatenate([source.arrays(split).objects for split in SPLITS])
    assert sorted(objects.tolist()) == list(range(60 + OFFICIAL))


def test_labels_belong_to_their_images(source):
    arrays = source.arrays("train")
    named = np.asarray([source.class_names[label] for label in arrays.labels])
    expected = np.asarray(SYNSETS)[np.round((colours(arrays.images)[:, 0] - 40) / 80).astype(int)]
    np.testing.assert_array_equal(named, expected)
    np.testing.assert_array_equal(source.split_labels("train"), arrays.labels)
    test = source.arrays("test")
    numbers = np.round(colours(test.images)[:, 1] / 30).tolist()
    official = {number: source.class_names[label] for number, label in zip(numbers, test.labels, strict=True)}
    assert sorted(official) == list(range(1, OFFICIAL + 1))
    # The labels of ILSVRC2012_val_00000001.JPEG and the next two: a sea snake, a cliff, a sheepdog.
    assert [official[number] for number in (1, 2, 3)] == ["n01751748", "n09193705", "n02105855"]


def test_stored_images_equal_arrays_and_stream(source):
    arrays, stored = source.arrays("train"), source.stored("train")
    assert stored.shape == (54, SIZE, SIZE, 3)
    rows = np.asarray([50, 3, 3, 0], np.int32)
    np.testing.assert_array_equal(stored.load(tf.constant(rows)), arrays.images[rows])
    np.testing.assert_array_equal(source.arrays("train", rows).images, arrays.images[rows])
    np.testing.assert_array_equal(source.arrays("train", rows).labels, arrays.labels[rows])
    first = next(iter(source.dataset("validation")))
    np.testing.assert_array_equal(first["image"], source.arrays("validation").images[0])


def test_training_batches_are_those_of_images_in_memory(source):
    arrays = source.arrays("train")
    options = {"batch_size": 16, "epochs": 2, "start_step": 2, "seed": 1, "max_shift": 2, "image_size": 24}
    streamed = training_batches(source.stored("train"), arrays.labels, **options)
    expected = training_batches(arrays.images, arrays.labels, **options)
    for (x, y), (other_x, other_y) in zip(streamed, expected, strict=True):
        np.testing.assert_array_equal(x, other_x)
        np.testing.assert_array_equal(y, other_y)


def test_archives_may_be_removed_once_they_are_converted(directory, source, tmp_path):
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    (moved / "imagenet2012").symlink_to(directory / "imagenet2012")
    again = open_source(dataset="imagenet2012", data_dir=moved, image_size=SIZE)
    assert again.fingerprint == source.fingerprint
    np.testing.assert_array_equal(again.arrays("test").images, source.arrays("test").images)
    assert open_source(dataset="imagenet2012", data_dir=moved, image_size=24).fingerprint != source.fingerprint
    assert (
        open_source(dataset="imagenet2012", data_dir=moved, image_size=SIZE, seed=1).fingerprint != source.fingerprint
    )


def test_missing_archive_is_one_line_before_tensorflow_is_loaded(tmp_path):
    (tmp_path / "ILSVRC2012_img_val.tar").touch()
    code = (
        "import sys\nfrom splitnets_tf.data import open_source\nfrom splitnets_tf.errors import UserError\n"
        f"try:\n    open_source(dataset='imagenet2012', data_dir={str(tmp_path)!r})\n"
        "except UserError as error:\n    print(error)\n"
        "assert 'tensorflow' not in sys.modules and 'tensorflow_datasets' not in sys.modules\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    (line,) = result.stdout.splitlines()
    assert line.startswith(f"{tmp_path} lacks ILSVRC2012_img_train.tar: put ")
    assert not list(tmp_path.glob("imagenet2012*"))


def test_no_directory_is_refused():
    with pytest.raises(UserError, match="--data-dir"):
        open_source(dataset="imagenet2012")


def test_truncated_archive_is_one_line(directory, tmp_path):
    content = (directory / "ILSVRC2012_img_train.tar").read_bytes()
    (tmp_path / "ILSVRC2012_img_train.tar").write_bytes(content[: len(content) // 2])
    (tmp_path / "ILSVRC2012_img_val.tar").write_bytes((directory / "ILSVRC2012_img_val.tar").read_bytes())
    with pytest.raises(UserError, match="checksums"):
        open_source(dataset="imagenet2012", data_dir=tmp_path, image_size=SIZE)


def test_whole_splits_beyond_memory_are_refused(source, monkeypatch):
    monkeypatch.setattr("splitnets_tf.data.imagenet_source._MAX_ARRAY_BYTES", 10 * SIZE**2 * 3)
    assert len(source.arrays("train", np.arange(10)).labels) == 10
    with pytest.raises(UserError, match="--max-images"):
        source.arrays("train")
