"""A tiny supernet and blobs that it can learn."""

import keras
import numpy as np
import pytest

CLASSES = 3


@pytest.fixture
def make_supernet(tiny_space):
    from splitnets_tf.supernet import Supernet

    def make(seed=1, **arguments):
        keras.utils.set_random_seed(seed)
        supernet = Supernet(tiny_space, CLASSES, **arguments)
        supernet.build()
        return supernet

    return make


@pytest.fixture(scope="session")
def blobs():
    """uint8 images [96, 24, 24, 3] whose brightness tells the class, and labels [96]."""
    rng = np.random.default_rng(0)
    labels = np.arange(96) % CLASSES
    images = rng.integers(0, 60, (96, 24, 24, 3)) + 80 * labels[:, None, None, None]
    return images.astype(np.uint8), labels
