"""Cutting Keras models: halves in sequence give what the whole gives, weights are shared."""

import keras
import numpy as np
import pytest

from splitnets_tf.errors import UserError
from splitnets_tf.graph import read_keras_model
from splitnets_tf.hardware import reorder
from splitnets_tf.partition import keras_halves, legal_cuts
from tests.splitnets_tf.graph.small_networks import NETWORKS, SIZE

L = keras.layers


def _as_list(outputs):
    return [np.asarray(o) for o in (outputs if isinstance(outputs, list | tuple) else [outputs])]


def assert_equal_at(model, graph, n, x):
    halves = keras_halves(model, graph, n)
    sent = _as_list(halves.sensor(x, training=False))
    crossing = sent[: len(halves.crossing)]
    made = iter(_as_list(halves.aggregator(crossing if len(crossing) > 1 else crossing[0], training=False)))
    front = iter(sent[len(crossing) :])
    whole = _as_list(model(x, training=False))
    results = [next(front if i in halves.results_on_sensor else made) for i in range(len(whole))]
    for a, b in zip(whole, results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    tapped = _as_list(halves.tapped(x, training=False))
    for a, b in zip(whole, tapped[-len(whole) :], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    return halves


@pytest.mark.parametrize("name", NETWORKS)
def test_halves_equal_the_whole_at_every_legal_cut(small_models, name):
    model = small_models[name]
    graph = read_keras_model(model)
    x = np.random.default_rng(0).random((2, SIZE, SIZE, 3), dtype=np.float32)
    cuts = legal_cuts(graph)[1:-1]
    for n in cuts[::5]:
        halves = assert_equal_at(model, graph, n, x)
        assert halves.sensor.count_params() + halves.aggregator.count_params() == model.count_params()


def test_nested_and_shared_layers_and_a_dropout_at_the_end():
    shared = L.Conv2D(4, 3, padding="same", name="shared")
    inner = keras.Sequential([shared, L.ReLU()], name="inner")
    x = inputs = keras.Input((8, 8, 4), name="image")
    x = L.Add()([inner(x), x])
    x = shared(x)
    model = keras.Model(inputs, L.Dropout(0.5)(L.GlobalAveragePooling2D()(x)))
    graph = read_keras_model(model)
    data = np.random.default_rng(0).random((2, 8, 8, 4), dtype=np.float32)
    for n in legal_cuts(graph)[1:-1]:
        assert_equal_at(model, graph, n, data)


def test_a_result_of_the_front_half_and_a_skip_from_the_image():
    inputs = keras.Input((8, 8, 4), name="image")
    x = L.Conv2D(4, 3, padding="same", name="first")(inputs)
    early = L.GlobalAveragePooling2D(name="early")(x)
    late = L.Add(name="late")([L.Conv2D(4, 3, padding="same", name="second")(x), inputs])
    model = keras.Model(inputs, [late, early])
    graph = reorder(read_keras_model(model), {"first", "early"})
    data = np.random.default_rng(0).random((2, 8, 8, 4), dtype=np.float32)
    halves = assert_equal_at(model, graph, 2, data)
    assert halves.crossing == ("image", "first")
    assert halves.results_on_sensor == (1,)


def test_halves_share_the_weights_of_the_model():
    x = inputs = keras.Input((4, 4, 2), name="image")
    x = L.Conv2D(2, 1, name="first")(x)
    model = keras.Model(inputs, L.Conv2D(2, 1, name="second")(x))
    halves = keras_halves(model, read_keras_model(model), 1)
    halves.sensor.layers[-1].kernel.assign(np.ones((1, 1, 2, 2)))
    assert np.all(np.asarray(model.get_layer("first").kernel) == 1.0)


@pytest.mark.parametrize(("n", "message"), [(0, "no two halves"), (3, "no two halves"), (1, "inside layer 'first'")])
def test_cuts_that_give_no_halves_are_refused(n, message):
    x = inputs = keras.Input((4, 4, 2), name="image")
    x = L.Conv2D(2, 1, activation="relu", name="first")(x)
    model = keras.Model(inputs, L.Conv2D(2, 1, name="second")(x))
    with pytest.raises(UserError, match=message):
        keras_halves(model, read_keras_model(model), n)
