"""A configuration of the claims that trains in a second, and images for it."""

import dataclasses

import numpy as np
import pytest

from splitnets_tf.data import ImageArrays

TINY_SPACE = {
    "name": "two-blocks",
    "resolutions": [16],
    "stem_widths": [6, 8],
    "stages": [
        {"name": "a", "widths": [8, 12], "depths": [1], "kernels": [3], "expansions": [2], "stride": 1},
        {"name": "b", "widths": [12, 16], "depths": [1], "kernels": [3], "expansions": [2], "stride": 2},
    ],
    "head_widths": [16],
    "split_widths": [2, 4],
    "split_last_phase": True,
}


class BlobSource:
    """Images whose brightness tells the class; two images of one family follow each other."""

    fingerprint = "blobs"
    class_names = ("dark", "grey", "bright")

    def count(self, split):
        return 48

    def arrays(self, split, rows=None):
        rng = np.random.default_rng(len(split))
        labels = (np.arange(48) // 2 % 3).astype(np.int32)
        images = rng.integers(0, 60, (48, 24, 24, 3)) + 80 * labels[:, None, None, None]
        numbers = np.arange(48, dtype=np.int32)
        arrays = ImageArrays(images=images.astype(np.uint8), labels=labels, objects=numbers, families=numbers // 2)
        return arrays if rows is None else arrays.take(rows)


@pytest.fixture(scope="session")
def tiny_settings():
    from pipelines.reproduction.claims import ClaimsSettings
    from splitnets_tf.supernet import TrainingSettings

    return ClaimsSettings(
        name="tiny",
        space=TINY_SPACE,
        train=TrainingSettings(epochs=2, batch_size=16, learning_rate=0.01, warmup_epochs=0.5, max_shift=1),
        seeds=(0,),
        image_size=16,
        train_images=32,
        validation_images=24,
        calibration_images=32,
        split_networks=2,
        start_steps=1,
    )


@pytest.fixture
def tiny_claims(monkeypatch, tiny_settings):
    """Puts the tiny configuration and images in place of the real ones; returns a function that changes them."""
    from pipelines.reproduction.claims import command

    def use(*, fingerprint="blobs", **changes):
        source = BlobSource()
        source.fingerprint = fingerprint
        monkeypatch.setitem(command.CONFIGURATIONS, "tiny", dataclasses.replace(tiny_settings, **changes))
        monkeypatch.setattr(command, "open_source", lambda dataset: source)

    use()
    return use
