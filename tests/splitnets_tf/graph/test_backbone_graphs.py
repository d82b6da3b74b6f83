"""The backbones of the paper's tables: published figures, and agreement with keras.applications."""

import pytest

from splitnets_tf.errors import UserError
from splitnets_tf.graph import BACKBONES, build_backbone, read_keras_model
from splitnets_tf.hardware import fuse_int8, peak_bytes, plan_arena, total_macs, total_params

# Parameters as the reference implementations count them; MACs and peak memory as SplitNets prints them (1 %).
PUBLISHED = {
    "MobileNet-v2": (3_504_872, 301e6, 5.90e6),
    "MNASNet-1.0": (4_383_312, 314e6, 5.59e6),
    "EfficientNet-B0": (5_288_548, 386e6, 7.70e6),
    "ResNet-152": (60_192_808, 11.5e9, None),
    "RegNetX-3.2GF": (15_296_552, 3.18e9, None),
    "VGG-11": (132_863_336, 7.61e9, None),
    "ResNet-18": (11_689_512, 1.814e9, None),
    "MobileNet-v3": (2_542_856, 56.5e6, None),
    "MNASNet-0.5": (2_218_512, 104e6, None),
}


def test_every_backbone_has_a_published_figure():
    assert set(PUBLISHED) == set(BACKBONES)


@pytest.mark.parametrize("name", BACKBONES)
def test_published_figures(name):
    params, macs, peak = PUBLISHED[name]
    graph = build_backbone(name)
    assert total_params(graph) == params
    assert total_macs(graph) == pytest.approx(macs, rel=0.01)
    if peak is not None:
        assert peak_bytes(graph) == pytest.approx(peak, rel=0.01)


@pytest.mark.parametrize(
    ("name", "application"),
    [("MobileNet-v2", "MobileNetV2"), ("EfficientNet-B0", "EfficientNetB0"), ("MobileNet-v3", "MobileNetV3Small")],
)
def test_agreement_with_keras_applications(name, application):
    import keras

    model = getattr(keras.applications, application)(
        weights=None, input_shape=(64, 64, 3), classes=10, classifier_activation=None
    )
    read, built = read_keras_model(model), build_backbone(name, resolution=64, classes=10)
    assert total_params(read) == total_params(built)
    assert total_macs(read) == total_macs(built)
    assert plan_arena(fuse_int8(read)).arena_bytes == plan_arena(fuse_int8(built)).arena_bytes
    # MobileNetV3 of Keras has convolutions in place of its dense layers, with the same work.
    assert [op.macs for op in read.operations if op.macs] == [op.macs for op in built.operations if op.macs]


def test_views_are_fused_behind_the_last_feature_map():
    graph = build_backbone("EfficientNet-B0", views=12)
    fuse = next(op for op in graph.operations if op.kind == "view_fuse")
    assert graph.tensor(fuse.inputs[0]).shape == (7, 7, 1280)
    assert total_macs(graph, 12) == pytest.approx(4.62e9, rel=0.01)
    assert total_params(graph) == total_params(build_backbone("EfficientNet-B0"))


def test_an_unknown_backbone_is_named():
    with pytest.raises(UserError, match="unknown backbone 'VGG-12'"):
        build_backbone("VGG-12")
