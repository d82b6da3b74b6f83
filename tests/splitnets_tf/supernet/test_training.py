"""Training, resuming, calibration."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from splitnets_tf.errors import UserError
from splitnets_tf.space import blueprint
from splitnets_tf.supernet import (
    Position,
    SandwichSettings,
    SubnetworkEvaluator,
    TrainingSettings,
    build_network,
    get_network_weights,
    load_network_weights,
    restore_latest,
    sandwich_vectors,
    save_network_weights,
    set_network_weights,
    train_network,
    train_supernet,
    training_batches,
)
from splitnets_tf.supernet.gradient_ratio import GRADIENT_RATIOS


def train(supernet, blobs, settings, callbacks):
    sandwich = SandwichSettings(random=1, multi_split=1)
    train_supernet(supernet, *blobs, settings=settings, sandwich=sandwich, callbacks=callbacks)


def test_foreign_checkpoint_is_named_and_passed_over(make_supernet, tmp_path, caplog):
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    other.compile("sgd")
    other.save_weights(tmp_path / "epoch-00004.weights.h5")
    supernet = make_supernet()
    supernet.compile("sgd")
    before = [variable.numpy() for variable in supernet.variables]
    assert restore_latest(supernet, tmp_path) == Position()
    assert "epoch-00004.weights.h5" in caplog.text
    for old, variable in zip(before, supernet.variables, strict=True):
        np.testing.assert_array_equal(variable.numpy(), old)


def test_half_read_checkpoint_leaves_no_trace(make_supernet, tmp_path, monkeypatch):
    supernet = make_supernet()
    supernet.compile("sgd")
    before = [variable.numpy() for variable in supernet.variables]
    (tmp_path / "epoch-00001.weights.h5").write_bytes(b"")

    def half_read(path):
        supernet.variables[0].assign(supernet.variables[0] + 1)
        raise ValueError("truncated")

    monkeypatch.setattr(supernet, "load_weights", half_read)
    assert restore_latest(supernet, tmp_path) == Position()
    np.testing.assert_array_equal(supernet.variables[0].numpy(), before[0])


def test_supernet_learns_the_blobs_and_reports_each_kind_of_network(make_supernet, tiny_space, blobs):
    supernet, seen = make_supernet(), []

    class Collect(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(dict(logs))

    settings = TrainingSettings(epochs=12, batch_size=32, max_shift=0, learning_rate=0.2)
    train(supernet, blobs, settings, [Collect()])
    evaluator = SubnetworkEvaluator(supernet, blobs[0], *blobs, batch_size=32)
    assert evaluator.evaluate(tiny_space.largest()) > 0.9
    assert evaluator.evaluate(tiny_space.smallest()) > 0.6
    kinds = {f"{value}_{kind}" for value in ("loss", "accuracy") for kind in ("smallest", "random")}
    assert set(seen[0]) == kinds | {"loss", "accuracy_largest", *GRADIENT_RATIOS, "learning_rate"}
    assert seen[0]["loss"] > 0.1
    # What was evaluated before leaves no trace: calibration starts afresh.
    first = evaluator.logits(tiny_space.largest())
    evaluator.logits(tiny_space.smallest())
    np.testing.assert_array_equal(evaluator.logits(tiny_space.largest()), first)


def test_plain_network_trains_and_round_trips(tiny_space, blobs, tmp_path):
    models = build_network(keras, blueprint(tiny_space, tiny_space.largest(), 3))
    settings = TrainingSettings(epochs=1, batch_size=32, learning_rate=0.1, max_shift=0)
    train_network(models.whole, *blobs, settings=settings, directory=tmp_path / "run")
    weights = get_network_weights(models)
    save_network_weights(tmp_path / "weights.npz", weights)
    loaded = load_network_weights(tmp_path / "weights.npz")
    assert list(loaded) == list(weights)
    fresh = build_network(keras, blueprint(tiny_space, tiny_space.largest(), 3))
    set_network_weights(fresh, loaded)
    x = blobs[0][:8] / np.float32(255)
    np.testing.assert_array_equal(fresh.whole(x), models.whole(x))
    del loaded["classifier"]
    with pytest.raises(ValueError, match="classifier"):
        set_network_weights(fresh, loaded)


def test_batches_are_a_function_of_seed_and_step(blobs):
    images, labels = blobs

    def batches(start, seed=1):
        dataset = training_batches(
            images, labels, batch_size=40, epochs=3, start_step=start, seed=seed, max_shift=3, image_size=24
        )
        return [(x.numpy(), y.numpy()) for x, y in dataset]

    whole = batches(0)
    assert len(whole) == 6  # 96 images give two batches of 40 per epoch
    for (x, y), (again_x, again_y) in zip(whole[3:], batches(3), strict=True):
        np.testing.assert_array_equal(x, again_x)
        np.testing.assert_array_equal(y, again_y)
    assert not np.array_equal(whole[0][1], batches(0, seed=2)[0][1])
    assert not np.array_equal(whole[0][1], whole[2][1])


def test_augmentation_moves_and_mirrors_but_keeps_bytes():
    from splitnets_tf.supernet import augment_batch

    image = np.zeros((1, 9, 9, 3), np.uint8)
    image[0, 4, 3] = 200
    places = set()
    for seed in range(60):
        (rows, columns, _) = np.nonzero(augment_batch(tf.constant(image), tf.constant([seed, 0]), 2).numpy()[0])
        assert len(rows) == 3
        places.add((int(rows[0]), int(columns[0])))
    assert {row for row, _ in places} == {2, 3, 4, 5, 6}
    assert {column for _, column in places} == {1, 2, 3, 4, 5, 6, 7}


def test_sandwich_order_and_settings(tiny_space):
    vectors = sandwich_vectors(tiny_space, SandwichSettings(random=2, multi_split=1), seed=1, step=7)
    assert len(vectors) == 5
    assert tiny_space.decode(vectors[0]) == tiny_space.largest()
    smallest = tiny_space.decode(vectors[-1])
    assert smallest.is_split
    assert smallest.without_split() == tiny_space.smallest()
    assert len(tiny_space.decode(vectors[3]).splits) == 2
    np.testing.assert_array_equal(
        vectors, sandwich_vectors(tiny_space, SandwichSettings(random=2, multi_split=1), seed=1, step=7)
    )
    kinds = {
        len(tiny_space.decode(sandwich_vectors(tiny_space, SandwichSettings(), seed=1, step=step)[1]).splits)
        for step in range(20)
    }
    assert kinds == {0, 1}
    with pytest.raises(UserError, match="random"):
        SandwichSettings(random=0, multi_split=0)
    with pytest.raises(UserError, match="epochs"):
        TrainingSettings(epochs=0)
