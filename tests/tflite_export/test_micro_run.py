"""TensorFlow Lite Micro against LiteRT's reference kernels."""

import numpy as np
from tiny_job import images_and_labels

from tflite_export import MicroAgreement, micro_agreement, resize_bytes
from tflite_export import micro_run as module

ARENAS = [500_000, 500_000]


def _images(count):
    return resize_bytes(images_and_labels(count, seed=4)[0], 24)


def test_both_halves_give_the_reference_kernels_bits(split_export):
    agreement = micro_agreement(split_export.paths, _images(12), ARENAS)
    assert isinstance(agreement, MicroAgreement), agreement
    assert (agreement.images, agreement.identical) == (12, 12)
    assert agreement.to_dict()["measured_by"].startswith("TensorFlow Lite Micro ")


def test_one_different_bit_of_either_half_is_counted(split_export, monkeypatch):
    run = module._run_micro
    for broken, row in ((0, 2), (1, 5)):

        def flipped(path, values, places, arena, broken=broken, row=row):
            outputs = np.array(run(path, values, places, arena))
            if path == split_export.paths[broken]:
                outputs.reshape(len(outputs), -1)[row, 0] ^= 1
            return outputs

        monkeypatch.setattr(module, "_run_micro", flipped)
        assert micro_agreement(split_export.paths, _images(6), ARENAS).identical == 5


def test_what_cannot_be_measured_is_said(split_export, monkeypatch):
    assert "cannot run sensor.tflite" in micro_agreement(split_export.paths, _images(2), [100, 100])
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "[deploy]" in micro_agreement(split_export.paths, _images(2), ARENAS)
