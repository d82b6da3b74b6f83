"""What a multi-view run is made of, before anything is trained: objects, space, baselines."""

import dataclasses

import numpy as np
import pytest

from pipelines.imagenet.config import with_overrides
from pipelines.modelnet.config import DEMO, SMOKE
from pipelines.modelnet.context import open_view_context
from pipelines.modelnet.mvcnn import mvcnn_graph
from splitnets_tf.errors import UserError
from splitnets_tf.hardware import total_macs


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    config = dataclasses.replace(DEMO, backbones=("MobileNet-v3", "MNASNet-0.5"))
    return open_view_context(config, tmp_path_factory.mktemp("views") / "run")


def test_objects_are_counted_and_read_in_all_their_views(context):
    assert [context.count(split) for split in ("train", "validation", "test")] == [1424, 370, 670]
    small = dataclasses.replace(context, config=SMOKE)
    arrays = small.arrays("validation")
    assert arrays.images.shape == (64, 12, 64, 64, 3)
    assert len(np.unique(arrays.objects)) == 64
    assert small.sample("validation", 8).images.shape[:2] == (8, 12)


def test_baselines_are_those_of_table_6(context):
    """The whole images on the bus and all work on the aggregator, or the backbone on each sensor."""
    rows = {(placed.method, placed.graph.name): placed for placed in context.baselines}
    for backbone in ("MobileNet-v3", "MNASNet-0.5"):
        graph = mvcnn_graph(backbone, context.space, context.num_classes)
        there, split = rows["all-on-aggregator", backbone], rows["split-at-fusion", backbone]
        assert there.link.bytes == 48 * 48 * 3
        assert there.aggregator.macs == total_macs(graph, 12)
        assert split.sensor.macs * 12 + split.aggregator.macs == there.aggregator.macs
        assert not split.feasible  # 0.9 M weights on a sensor of 84 kB, as EfficientNet-B0 on the paper's of 2 MB
        assert "sensor needs" in split.reason
    late = rows["split-at-fusion", "network"]
    assert late.latency_ms == pytest.approx(3.08, rel=0.1)
    assert context.best_baseline is rows["all-on-aggregator", "MobileNet-v3"]


def test_the_mark_is_an_mvcnn_even_where_late_fusion_fits(tmp_path):
    """On the paper's own system everything fits a sensor, and each is fastest split where it fuses."""
    context = open_view_context(with_overrides(DEMO, {"system": "hmd-12"}), tmp_path / "run")
    assert all(placed.feasible for placed in context.baselines)
    assert (context.best_baseline.method, context.best_baseline.graph.name) == ("split-at-fusion", "MobileNet-v3")
    assert min(context.late_fusion, key=lambda placed: placed.latency_ms).latency_ms < context.best_baseline.latency_ms


def test_the_space_takes_views_from_the_data_and_fusion_from_the_user(tmp_path):
    config = with_overrides(DEMO, {"space": "demo", "view_fusion": "mean"})
    space = open_view_context(config, tmp_path / "run").space
    assert (space.name, space.views, space.view_fusion) == ("demo", 12, "mean")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"view_fusion": "lstm"}, "lstm"),
        ({"backbones": ["VGG-11"]}, "VGG-11"),
        ({"backbones": ["MobileNet-v3", "MobileNet-v3"]}, "different"),
        ({"system": "jmsnas-chain"}, "two"),
        ({"selection.rerank": "vela"}, "leave it out for several views"),
        ({"train.rand_augment": 0.5}, "tear an object's views apart"),
        ({"constraints": ["latency_ms <= 0.001"]}, "smallest reachable latency_ms"),
    ],
)
def test_wrong_settings_are_named(tmp_path, changes, named):
    with pytest.raises(UserError, match=named):
        open_view_context(with_overrides(DEMO, changes), tmp_path / "run")


def test_a_space_of_views_is_refused_for_single_images(tmp_path):
    from pipelines.imagenet.config import DEMO as SINGLE
    from pipelines.imagenet.context import open_context

    with pytest.raises(UserError, match=r"demo_views fuses 12 views.*pipelines\.modelnet"):
        open_context(dataclasses.replace(SINGLE, space="demo_views"), tmp_path / "run")


def test_views_of_meshes_are_kept_where_the_user_says(tmp_path):
    from synthetic_modelnet import write_synthetic_modelnet

    data = write_synthetic_modelnet(tmp_path / "ModelNet40", classes=2, train=3, test=1, seed=0)
    views = tmp_path / "views"
    changes = {"data.dataset": "modelnet40", "data.data_dir": str(data), "data.image_size": 48}
    changes |= {"train.batch_size": 2, "fine_tune.batch_size": 2}
    before = {path for path in data.rglob("*") if path.is_file()}
    config = with_overrides(SMOKE, {**changes, "data.cache_dir": str(views)})
    open_view_context(config, tmp_path / "run")
    assert any(views.iterdir())
    assert {path for path in data.rglob("*") if path.is_file()} == before
