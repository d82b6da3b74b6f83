"""The mixed network: paths through devices, gates' gradient, and the networks that are cut out of it."""

import numpy as np
import pytest
import tensorflow as tf
from tiny_mixed import CHAIN, CLASSES, MESH, new_network

from splitnets_tf.space import placed_network
from splitnets_tf.supernet import SubnetworkEvaluator, set_network_weights
from splitnets_tf.supernet.placed_models import build_placed, placed_weights

IMAGES = np.random.default_rng(0).integers(0, 256, (24, 16, 16, 3), dtype=np.uint8)
LABELS = np.arange(24) % CLASSES


@pytest.fixture(scope="module", params=["chain", "mesh"])
def network(request):
    return new_network(CHAIN if request.param == "chain" else MESH)


def last_choices(network):
    """Identity where it is legal, else the largest candidate."""
    return tuple(len(row.candidates) - 1 for row in network.layer_rows)


@pytest.mark.parametrize("which", ["smallest", "last", "mixed"])
def test_network_on_its_devices_equals_the_path_through_the_mixed_network(network, which):
    import keras

    count = len(network.layer_rows)
    choices = {"smallest": (0,) * count, "last": last_choices(network), "mixed": tuple(range(count))}[which]
    choices = tuple(min(c, len(row.candidates) - 1) for c, row in zip(choices, network.layer_rows, strict=True))
    evaluator = SubnetworkEvaluator(network, IMAGES, IMAGES, LABELS, batch_size=24)
    expected = evaluator.logits(choices)
    operations = [row.candidates[c] for row, c in zip(network.layer_rows, choices, strict=True)]
    plan = placed_network(network.layered_space, network.topology, operations, CLASSES)
    models = build_placed(keras, plan)
    set_network_weights(models, placed_weights(network, choices))
    inputs = IMAGES.astype(np.float32) / 255.0
    np.testing.assert_allclose(models.whole(inputs, training=False), expected, rtol=1e-4, atol=1e-5)
    outputs = models.forward(inputs, concat=lambda parts: tf.concat(parts, axis=-1))
    np.testing.assert_allclose(outputs[-1], expected, rtol=1e-4, atol=1e-5)
    assert models.devices == tuple(part.device for part in plan.parts)
