"""One update of the architecture parameters, and what many of them lead to."""

import dataclasses

import numpy as np
import pytest
from differentiable_cases import CHAIN, random_latency

from splitnets_tf.errors import UserError
from splitnets_tf.search.differentiable import (
    AlphaState,
    DifferentiableSettings,
    latency_penalty,
    sample_network,
    sample_pairs,
    updated,
)
from splitnets_tf.search.differentiable.gates import softmax

SETTINGS = DifferentiableSettings(alpha_learning_rate=0.05, latency_weight=1.0)
LATENCY = random_latency(CHAIN, 2, 4, 1)


def fresh():
    layers = len(LATENCY.operation_ms)
    return AlphaState(alphas=(np.zeros(4),) * layers, squares=(np.zeros(4),) * layers)


def moved_by(settings, gate_gradient, limit_ms, updates=1, seed=0):
    rng = np.random.default_rng(seed)
    state = fresh()
    for _ in range(updates):
        pairs = sample_pairs(state, rng)
        state = updated(state, pairs, gate_gradient(pairs), LATENCY, limit_ms, settings)
    return state


def nothing(pairs):
    return np.zeros((len(pairs), 2))


def test_penalty_and_its_slope():
    value, slope = latency_penalty(6.0, 4.0, 3.0)
    assert value == pytest.approx(3.0 * 0.25)
    assert slope == pytest.approx((latency_penalty(6.0 + 1e-6, 4.0, 3.0)[0] - value) / 1e-6, rel=1e-4)
    assert latency_penalty(3.0, 4.0, 3.0)[1] < 0, "as printed, a network that is too fast is penalised too"
    assert latency_penalty(3.0, 4.0, 3.0, one_sided=True) == (0.0, 0.0)


@pytest.mark.parametrize("factor", [0.7, 1.3])
def test_penalty_alone_draws_expected_latency_to_the_constraint(factor):
    start_ms = LATENCY.expected_ms(fresh().probabilities)
    state = moved_by(SETTINGS, nothing, factor * start_ms, updates=400)
    assert LATENCY.expected_ms(state.probabilities) == pytest.approx(factor * start_ms, rel=0.03)


def test_one_sided_penalty_leaves_fast_networks_alone():
    settings = dataclasses.replace(SETTINGS, one_sided=True)
    start_ms = LATENCY.expected_ms(fresh().probabilities)
    state = moved_by(settings, nothing, 2 * start_ms, updates=5)
    assert all(np.all(alphas == 0) for alphas in state.alphas)


def test_paths_that_lower_the_loss_become_probable():
    settings = dataclasses.replace(SETTINGS, latency_weight=0.0)
    best = [index % 4 for index in range(len(LATENCY.operation_ms))]

    def gradient(pairs):
        return np.array(
            [[-1.0 if path == good else 0.0 for path in p.paths] for p, good in zip(pairs, best, strict=True)]
        )

    state = moved_by(settings, gradient, 1.0, updates=300)
    assert [int(np.argmax(p)) for p in state.probabilities] == best
    assert state.mean_entropy < 0.5 * fresh().mean_entropy


def test_cross_entropy_keeps_the_joint_probability_of_the_pair():
    settings = dataclasses.replace(SETTINGS, latency_weight=0.0)
    state = dataclasses.replace(fresh(), alphas=tuple(np.array([0.1, 0.9, -0.3, 0.4]) for _ in LATENCY.operation_ms))
    pairs = sample_pairs(state, np.random.default_rng(0))
    after = updated(state, pairs, np.tile([0.8, -0.5], (len(pairs), 1)), LATENCY, 1.0, settings)
    for pair, old, new in zip(pairs, state.alphas, after.alphas, strict=True):
        rows = list(pair.paths)
        assert softmax(new)[rows].sum() == pytest.approx(softmax(old)[rows].sum(), rel=1e-9)
        assert new[pair.active] < old[pair.active], "the active path raises the loss"


def test_pair_expectation_moves_the_kept_paths_alone():
    settings = dataclasses.replace(SETTINGS, expectation="pair")
    pairs = sample_pairs(fresh(), np.random.default_rng(3))
    after = updated(fresh(), pairs, nothing(pairs), LATENCY, 1.0, settings)
    for pair, alphas in zip(pairs, after.alphas, strict=True):
        others = [index for index in range(4) if index not in pair.paths]
        assert np.all(alphas[others] == 0)
    full = updated(fresh(), pairs, nothing(pairs), LATENCY, 1.0, SETTINGS)
    assert all(np.all(alphas != 0) for alphas in full.alphas)


def test_networks_are_drawn_by_their_probabilities():
    state = dataclasses.replace(fresh(), alphas=tuple(np.array([0.0, 2.0, 1.0, -1.0]) for _ in LATENCY.operation_ms))
    rng = np.random.default_rng(0)
    drawn = np.array([sample_network(state, rng) for _ in range(3000)])
    shares = np.bincount(drawn[:, 0], minlength=4) / len(drawn)
    np.testing.assert_allclose(shares, state.probabilities[0], atol=0.03)


@pytest.mark.parametrize(
    ("field", "value"),
    [("epochs", 0), ("batch_size", 0), ("latency_weight", -1.0), ("expectation", "mean"), ("alpha_data", "test")],
)
def test_wrong_settings_are_refused(field, value):
    with pytest.raises(UserError, match=field):
        DifferentiableSettings(**{field: value})
