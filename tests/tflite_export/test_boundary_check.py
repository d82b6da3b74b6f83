"""The checks at the boundary refuse what does not belong together."""

import numpy as np
import pytest
from flatbuffer_surgery import input_tensor, largest_buffer, rewrite
from tiny_job import images_and_labels

from tflite_export import BoundaryError, check_boundary, check_input, check_whole, resize_bytes


@pytest.fixture
def images():
    return resize_bytes(images_and_labels(16, seed=4)[0], 24)


def test_equal_halves_pass_and_every_image_counts(split_export, images):
    calls = []
    boundary = check_whole(
        *split_export.paths, split_export.whole.path, images, lambda done, total: calls.append((done, total))
    )

    assert boundary.bit_exact_inputs == 16
    assert calls[-1] == (32, 32)


@pytest.mark.parametrize(("factor", "shift"), [(1.001, 0), (1.0, 1)])
def test_another_scale_or_zero_point_is_refused(split_export, tmp_path, factor, shift):
    sensor, aggregator = split_export.paths

    def change(model):
        quantization = input_tensor(model).quantization
        quantization.scale = [quantization.scale[0] * factor]
        quantization.zeroPoint = [int(quantization.zeroPoint[0]) + shift]

    altered = rewrite(aggregator, tmp_path / "altered.tflite", change)

    with pytest.raises(BoundaryError, match="bytes would change their meaning"):
        check_boundary(sensor, altered)


def test_halves_of_different_shapes_are_refused(split_export):
    sensor, aggregator = split_export.paths

    with pytest.raises(BoundaryError, match="not halves of one network"):
        check_boundary(aggregator, sensor)


def test_one_changed_weight_is_noticed(split_export, tmp_path, images):
    sensor, aggregator = split_export.paths

    def change(model):
        data = np.array(largest_buffer(model).data, np.uint8)
        data[::3] ^= 0x55
        largest_buffer(model).data = data

    altered = rewrite(aggregator, tmp_path / "altered.tflite", change)

    with pytest.raises(BoundaryError, match=r"differ from whole\.tflite on"):
        check_whole(sensor, altered, split_export.whole.path, images)


def test_a_file_rewritten_unchanged_still_passes(split_export, tmp_path, images):
    sensor, aggregator = split_export.paths
    copy = rewrite(aggregator, tmp_path / "copy.tflite", lambda model: None)

    assert check_whole(sensor, copy, split_export.whole.path, images).bit_exact_inputs == 16


def test_an_input_that_is_no_camera_byte_is_refused(split_export):
    sensor, aggregator = split_export.paths
    check_input(sensor)

    with pytest.raises(BoundaryError, match="1/255"):
        check_input(aggregator)
