"""The search itself, on a data set of blobs: it learns, it keeps to its schedule, and it resumes."""

import h5py
import numpy as np
import pytest
from tiny_mixed import CHAIN, CLASSES, new_network, tiny_latency

from splitnets_tf.search.differentiable import DifferentiableSettings, derive
from splitnets_tf.search.differentiable.loop import SearchData, read_state, search_network

SETTINGS = DifferentiableSettings(
    warmup_epochs=1, epochs=3, batch_size=16, learning_rate=0.01, alpha_learning_rate=0.1, max_shift=1, seed=4
)
LIMIT_MS = 2.0


def blobs(count, seed):
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % CLASSES
    images = rng.integers(0, 60, (count, 16, 16, 3)) + 80 * labels[:, None, None, None]
    return SearchData(images=images.astype(np.uint8), labels=labels)


def search(directory=None, callbacks=(), interval_s=600.0, warm_weights=None, limit_ms=LIMIT_MS):
    network = new_network(CHAIN)
    search_network(
        network,
        tiny_latency(CHAIN),
        limit_ms,
        weight_data=blobs(48, 0),
        alpha_data=blobs(33, 1),
        settings=SETTINGS,
        directory=directory,
        warm_weights=warm_weights,
        callbacks=callbacks,
        checkpoint_interval_s=interval_s,
    )
    return network


def recorder(rows, stop_after=None):
    import keras

    class Recorder(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            rows.append(dict(logs))
            if len(rows) == stop_after:
                raise KeyboardInterrupt

    return Recorder()


def stop_behind_warm_up():
    import keras

    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == SETTINGS.warmup_epochs:
                raise KeyboardInterrupt

    return Stop()


@pytest.fixture(scope="module")
def warm_weights(tmp_path_factory):
    return tmp_path_factory.mktemp("search") / "warm.weights.h5"


@pytest.fixture(scope="module")
def searched(warm_weights):
    rows = []
    return search(callbacks=[recorder(rows)], warm_weights=warm_weights), rows


def test_schedule_warms_up_then_takes_turns(searched):
    network, rows = searched
    assert len(rows) == 4 * 3
    assert ["alpha_loss" in row for row in rows] == [False] * 3 + [True] * 9
    entropies = [row["entropy"] for row in rows]
    assert entropies[:4] == [entropies[0]] * 4, "warm-up leaves all candidates equally probable"
    assert entropies[-1] < entropies[0]
    assert read_state(network).updates == 9


def test_expected_latency_moves_to_the_constraint_and_a_network_within_it_is_derived(searched):
    network, rows = searched
    assert rows[0]["expected_ms"] > LIMIT_MS
    assert rows[-1]["expected_ms"] < rows[0]["expected_ms"]
    assert rows[-1]["loss"] < rows[0]["loss"]
    found = derive(tiny_latency(CHAIN), read_state(network).log_probabilities, LIMIT_MS)
    assert found.latency_ms <= LIMIT_MS


def test_interrupted_search_ends_like_an_uninterrupted_one(searched, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path, callbacks=[recorder([], stop_after=8)], interval_s=0.0)
    rows = []
    resumed = search(tmp_path, callbacks=[recorder(rows)], interval_s=0.0)
    assert 0 < len(rows) < 12
    for variable, expected in zip(resumed.variables, searched[0].variables, strict=True):
        np.testing.assert_allclose(variable, expected, rtol=1e-5, atol=1e-6)
    assert search(tmp_path) is not None, "a finished search is not repeated"


def test_searches_of_other_constraints_share_a_warm_up_and_nothing_changes(searched, warm_weights, tmp_path):
    """The state behind the warm-up is the same, bit by bit, whatever T_const; one that starts from it ends alike."""
    other = tmp_path / "other.weights.h5"
    with pytest.raises(KeyboardInterrupt):
        search(warm_weights=other, limit_ms=1.5 * LIMIT_MS, callbacks=[stop_behind_warm_up()])
    first, second = state_of(warm_weights), state_of(other)
    assert first.keys() == second.keys()
    assert any("optimizer" in name for name in first), "momenta and the count of steps go along"
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name], err_msg=name)

    rows = []
    shared = search(warm_weights=other, callbacks=[recorder(rows)])
    assert len(rows) == 9 and "alpha_loss" in rows[0], "the warm-up is not repeated"
    for variable, expected in zip(shared.variables, searched[0].variables, strict=True):
        np.testing.assert_allclose(variable, expected, rtol=1e-5, atol=1e-6)


def state_of(path):
    values = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: values.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return values
