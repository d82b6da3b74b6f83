"""One file for every sensor and one for the aggregator with an input for each view, equal to the whole bit for bit."""

import dataclasses

import numpy as np
import pytest
from tiny_job import CLASSES, SPACE, SPLIT, images_and_labels, write_job

from splitnets_tf.errors import UserError
from splitnets_tf.graph import read_tflite
from splitnets_tf.hardware import load_system, plan_arena, split_cost
from splitnets_tf.space import architecture_graph, space_from_dict
from tflite_export import (
    Aggregator,
    Int8Model,
    bytes_to_int8,
    count_equal,
    micro_agreement,
    resize_bytes,
    run_export,
    run_models,
)

VIEWS = 12


def objects(count, seed):
    """Views of one object show the same class at other places."""
    views = [images_and_labels(count, seed=[seed, view])[0] for view in range(VIEWS)]
    labels = np.random.default_rng([seed, 0]).integers(0, CLASSES, count)
    for view in range(1, VIEWS):
        views[view] = np.roll(views[0], 2 * view, axis=1)
    return np.stack(views, axis=1), labels.astype(np.int32)


def write_views_job(folder, fusion="concat", train=32, **settings):
    space = SPACE | {"name": "tiny-views", "views": VIEWS, "view_fusion": fusion}
    job = write_job(folder, SPLIT, space, **settings)
    for name, count, seed in (("train", train, 2), ("check", 8, 3)):
        images, labels = objects(count, seed)
        np.save(folder / f"{name}_images.npy", images)
        np.save(folder / f"{name}_labels.npy", labels)
    return dataclasses.replace(job, bit_exact_inputs=8)


@pytest.fixture(scope="module")
def views_export(tmp_path_factory):
    return run_export(write_views_job(tmp_path_factory.mktemp("views"), method="ptq"))


@pytest.fixture(scope="module")
def images():
    return resize_bytes(objects(24, 9)[0], 24)


def test_the_halves_equal_the_whole_bit_for_bit(views_export, images):
    assert views_export.boundary.bit_exact_inputs == 8
    assert count_equal(views_export.paths, views_export.whole.path, images) == len(images)
    assert len(np.unique(run_models(views_export.paths, images), axis=0)) > 12


def test_every_input_of_the_aggregator_means_what_the_sensor_says(views_export):
    sensor, aggregator = Int8Model(views_export.paths[0]), Aggregator(views_export.paths[1])
    assert [path.name for path in views_export.paths] == ["sensor.tflite", "aggregator.tflite"]
    assert aggregator.views == VIEWS
    assert sensor.output_quantization == aggregator.quantization
    assert sensor.input_shape == (24, 24, 3)
    assert sensor.output_shape == aggregator.feature_shape == (12, 12, 4)


def test_views_enter_in_their_order(views_export, images):
    sensor, aggregator = (Int8Model(path, reference=True) for path in views_export.paths)
    features = [sensor(view[None]) for view in bytes_to_int8(images[0])]
    straight, turned = (run_models(views_export.paths, x, reference=True) for x in (images[:1], images[:1, ::-1]))
    np.testing.assert_array_equal(aggregator(*features), straight)
    np.testing.assert_array_equal(aggregator(*features[::-1]), turned)
    assert any(np.any(a != b) for a, b in zip(features, features[::-1], strict=True))


def test_predicted_bytes_and_arenas_are_those_of_the_files(views_export):
    space = space_from_dict(SPACE | {"views": VIEWS})
    built = architecture_graph(space, SPLIT, CLASSES)
    cost = split_cost(built.graph, built.sensor_operations, load_system("hmd-12"), views=VIEWS)
    assert cost.link.bytes == Aggregator(views_export.paths[1]).feature_bytes
    for path, device in zip(views_export.paths, (cost.sensor, cost.aggregator), strict=True):
        assert plan_arena(read_tflite(path)).arena_bytes == device.arena_bytes
    names = {name.partition(";")[0] for name in read_tflite(views_export.paths[1]).inputs}
    assert names == {f"view_{view}" for view in range(VIEWS)}


def test_more_views_than_a_micro_concatenation_takes_run_there_too(views_export, images):
    """Twelve inputs in one concatenation are refused; they are joined in two steps, and the bits are the same."""
    joins = [operation for operation in read_tflite(views_export.paths[1]).operations if operation.kind == "concat"]
    assert [len(join.inputs) for join in joins] == [6, 6, 2]
    agreement = micro_agreement(views_export.paths, images[:6], [1_000_000] * 2)
    assert not isinstance(agreement, str), agreement
    assert (agreement.images, agreement.identical) == (6, 6)


def test_tflite_micro_gets_every_view_at_its_place(views_export, images, monkeypatch):
    model = Int8Model(views_export.paths[1])
    # The converter's order of the file's inputs is not that of the views, or this test would tell nothing.
    assert sorted(model.places) == list(range(VIEWS)) != list(model.places)
    monkeypatch.setattr(Int8Model, "places", property(lambda self: tuple(range(self.views))))
    assert micro_agreement(views_export.paths, images[:6], [1_000_000] * 2).identical < 6


@pytest.mark.slow
def test_so_they_do_after_fine_tuning(tmp_path, images):
    result = run_export(write_views_job(tmp_path, train=96, epochs=2))
    assert count_equal(result.paths, result.whole.path, images) == len(images)
    assert result.history[1]["loss"] < result.history[0]["loss"]


@pytest.mark.slow
@pytest.mark.parametrize("fusion", ["mean", "max", "sum"])
def test_other_fusions_equal_the_whole_too(tmp_path, images, fusion):
    result = run_export(write_views_job(tmp_path, fusion, method="ptq"))
    assert count_equal(result.paths, result.whole.path, images) == len(images)
    assert Aggregator(result.paths[1]).views == VIEWS
    assert micro_agreement(result.paths, images[:6], [1_000_000] * 2).identical == 6


def test_single_images_are_refused_for_a_network_of_several_views(tmp_path):
    job = write_views_job(tmp_path, method="ptq")
    np.save(job.train_images, objects(8, 1)[0][:, 0])
    np.save(job.train_labels, objects(8, 1)[1])
    with pytest.raises(
        UserError, match=r"expected uint8 images of shape \[n, 12, s, s, 3\], received .*\[8, 32, 32, 3\]"
    ):
        run_export(job)
