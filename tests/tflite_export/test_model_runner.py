"""Running int8 files in sequence and counting."""

import numpy as np
import pytest
from tiny_job import images_and_labels

from splitnets_tf.errors import UserError
from tflite_export import Int8Model, count_correct, count_equal, resize_bytes, run_models, run_split


@pytest.fixture(scope="module")
def images():
    return resize_bytes(images_and_labels(150, seed=6)[0], 24)


def test_several_threads_give_the_same_logits_in_the_same_order(split_export, images):
    one = run_split(*split_export.paths, images)
    two = run_split(*split_export.paths, images, threads=2)

    assert one.shape == (150, 3)
    assert one.dtype == np.int8
    np.testing.assert_array_equal(one, two)


def test_the_sequence_hands_bytes_on_as_they_are(split_export, images):
    sensor, aggregator = (Int8Model(path, reference=True) for path in split_export.paths)
    by_hand = [aggregator(sensor((image.astype(np.int16) - 128).astype(np.int8)[None]))[0] for image in images[:10]]

    np.testing.assert_array_equal(run_split(*split_export.paths, images[:10], reference=True), by_hand)


def test_fast_kernels_stay_near_the_reference(split_export, images):
    fast = run_split(*split_export.paths, images).astype(int)
    exact = run_split(*split_export.paths, images, reference=True).astype(int)

    assert np.mean(np.argmax(fast, -1) == np.argmax(exact, -1)) > 0.95


def test_correct_images_are_counted(split_export, images):
    answers = np.argmax(run_models(split_export.paths, images), axis=-1)

    assert count_correct(split_export.paths, images, answers) == 150
    assert count_correct(split_export.paths, images, (answers + (np.arange(150) < 40)) % 3) == 110


def test_equal_images_are_counted(split_export, images):
    assert count_equal(split_export.paths, split_export.whole.path, images[:20]) == 20
    assert count_equal(split_export.paths, split_export.whole.path, images[:20], lambda done, total: None) == 20


def test_progress_counts_images_up_to_the_last(split_export, images):
    calls = []
    run_models(split_export.paths, images, on_progress=lambda done, total: calls.append((done, total)))

    assert calls == [(64, 150), (128, 150), (150, 150)]


def test_images_of_another_resolution_are_refused(split_export):
    with pytest.raises(UserError, match=r"expected uint8 images of shape \['n', 24, 24, 3\].*resize_bytes"):
        run_models(split_export.paths, np.zeros((2, 32, 32, 3), np.uint8))


def test_float_images_are_refused(split_export):
    with pytest.raises(UserError, match="float32"):
        run_models(split_export.paths, np.zeros((2, 24, 24, 3), np.float32))


@pytest.mark.parametrize("content", [None, b"", b"no model at all"])
def test_a_file_that_is_no_model_is_named(tmp_path, content):
    path = tmp_path / "broken.tflite"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(UserError, match=r"broken\.tflite"):
        Int8Model(path)
