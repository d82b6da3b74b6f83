"""Images on their way to the sensor's network."""

import numpy as np
import pytest
import tensorflow as tf
from tiny_job import images_and_labels

from splitnets_tf.errors import UserError
from splitnets_tf.supernet.images import resize_batch
from tflite_export import bytes_to_int8, resize_bytes
from tflite_export.images import open_images, open_labels, to_bytes


def test_every_byte_becomes_itself_minus_128():
    grey = np.arange(256, dtype=np.uint8)

    np.testing.assert_array_equal(bytes_to_int8(grey), np.arange(256) - 128)
    assert bytes_to_int8(grey).dtype == np.int8


def test_resizing_is_that_of_training_rounded_to_bytes():
    images, _ = images_and_labels(5, seed=0)
    expected = np.round(resize_batch(tf.constant(images), 20).numpy() * 255)

    received = resize_bytes(images, 20)

    assert received.dtype == np.uint8
    np.testing.assert_array_equal(received, expected)
    assert len(np.unique(received)) > 50


def test_an_image_of_the_right_size_is_left_alone():
    images, _ = images_and_labels(3, seed=0)

    assert resize_bytes(images, 32) is images
    np.testing.assert_array_equal(to_bytes(tf.constant(images), 32).numpy(), images)


@pytest.mark.parametrize("array", [np.zeros((2, 8, 8, 3), np.float32), np.zeros((2, 8, 9, 3), np.uint8), np.zeros(4)])
def test_other_arrays_are_no_images(tmp_path, array):
    np.save(tmp_path / "images.npy", array)

    with pytest.raises(UserError, match=r"expected uint8 images of shape \[n, s, s, 3\]"):
        open_images(tmp_path / "images.npy")


@pytest.mark.parametrize("content", [b"", b"nothing", b"PK\3\4 damaged", b"\x93NUMPY\1\0\x0a\0{'descr': "])
def test_a_file_that_is_no_array_is_named(tmp_path, content):
    (tmp_path / "images.npy").write_bytes(content)

    with pytest.raises(UserError, match=r"images\.npy: not a readable \.npy file"):
        open_images(tmp_path / "images.npy")


def test_an_archive_of_arrays_is_named(tmp_path):
    np.savez(tmp_path / "images.npz", images=np.zeros((2, 8, 8, 3), np.uint8))

    with pytest.raises(UserError, match=r"images\.npz: an archive of several arrays"):
        open_images(tmp_path / "images.npz")


@pytest.mark.parametrize("labels", [np.zeros(3), np.zeros(2, int), np.array([0, 1, 5])])
def test_labels_that_do_not_fit_are_refused(tmp_path, labels):
    np.save(tmp_path / "labels.npy", labels)

    with pytest.raises(UserError, match="labels"):
        open_labels(tmp_path / "labels.npy", count=3, num_classes=5)
