"""The small networks that the readers are tested with."""

import pytest

from tests.splitnets_tf.graph.small_networks import NETWORKS


@pytest.fixture(scope="session")
def small_models():
    """Keras models by name."""
    return {name: build() for name, build in NETWORKS.items()}
