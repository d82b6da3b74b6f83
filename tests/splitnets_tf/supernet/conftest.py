"""A tiny supernet and blobs that it can learn."""

import pytest
from reduced_spaces import minimal_space
from tiny_training import blob_images, new_supernet


@pytest.fixture(scope="session")
def training_space():
    """Traced three times as fast as `tiny_space`."""
    return minimal_space()


@pytest.fixture
def make_supernet(tiny_space):
    def make(seed=1, **arguments):
        return new_supernet(tiny_space, seed, **arguments)

    return make


@pytest.fixture(scope="session")
def blobs():
    """uint8 images [96, 24, 24, 3] whose brightness tells the class, and labels [96]."""
    return blob_images()
