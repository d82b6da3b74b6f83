"""What the cost model prices is what is trained: a graph as a Keras model has the same operations and sizes."""

import numpy as np
import pytest

from splitnets_tf.errors import UserError
from splitnets_tf.graph import build_backbone, build_keras_model, read_keras_model
from splitnets_tf.hardware import GraphBuilder, total_macs, total_params


@pytest.mark.parametrize("backbone", ["MobileNet-v3", "MNASNet-0.5", "VGG-11"])
def test_the_model_read_back_is_the_graph(backbone):
    graph = build_backbone(backbone, resolution=32, classes=5)
    again = read_keras_model(build_keras_model(graph))
    assert total_macs(again) == total_macs(graph)
    assert total_params(again) == total_params(graph)
    assert [op.kind for op in again.operations if op.macs] == [op.kind for op in graph.operations if op.macs]


def test_views_are_pooled_where_the_graph_fuses_them():
    single = build_keras_model(build_backbone("MobileNet-v3", resolution=32, classes=5))
    several = build_keras_model(build_backbone("MobileNet-v3", resolution=32, classes=5, views=3))
    assert several.input_shape == (None, 3, 32, 32, 3)
    several.set_weights(single.get_weights())
    image = np.random.default_rng(0).random((2, 32, 32, 3)).astype(np.float32)
    alike = np.repeat(image[:, None], 3, axis=1)
    # The batch's own statistics keep the size of what an untrained network computes.
    expected = single(image, training=True)
    np.testing.assert_allclose(several(alike, training=True), expected, atol=0.01 * np.max(np.abs(expected)))
    other = np.concatenate([alike[:, :2], 1 - alike[:, 2:]], axis=1)
    fused = several(other, training=True)
    assert np.max(np.abs(fused - expected)) > 0.1 * np.max(np.abs(expected))
    np.testing.assert_allclose(several(other[:, ::-1], training=True), fused, atol=0.01 * np.max(np.abs(fused)))


def test_an_operation_without_a_layer_is_named():
    builder = GraphBuilder("odd")
    x = builder.operation("twist", "twist", (builder.input("image", (4, 4, 3)),), (4, 4, 3))
    with pytest.raises(UserError, match=r"'twist' is of the kind 'twist'"):
        build_keras_model(builder.build((x,)))
