"""Two paths that stand for all: drawing, Lemma 1 on the pair, and the mean against equation (5)."""

import itertools

import numpy as np
import pytest

from splitnets_tf.search.differentiable.gates import (
    PathPair,
    choice_entropy,
    gate_to_alpha_gradient,
    pair_probability,
    pair_to_alpha_gradient,
    sample_pair,
    softmax,
    with_joint_mass,
)

ALPHAS = np.array([0.3, -1.2, 0.8, 0.0, 1.5])
GATE_GRADIENT = np.array([0.7, -0.4, 1.3, 0.2, -0.9])


def mean_over_pairs(probabilities, unbiased):
    """Exact: every unordered pair with its probability; the active one does not matter for a given dL/dg."""
    total = np.zeros_like(probabilities)
    for a, b in itertools.combinations(range(len(probabilities)), 2):
        gates = (GATE_GRADIENT[a], GATE_GRADIENT[b])
        gradient = pair_to_alpha_gradient(gates, PathPair(active=a, idle=b), probabilities, unbiased=unbiased)
        total += pair_probability(probabilities, a, b) * gradient
    return total


def test_weighted_estimate_has_the_mean_of_equation_5():
    p = softmax(ALPHAS)
    np.testing.assert_allclose(mean_over_pairs(p, unbiased=True), gate_to_alpha_gradient(GATE_GRADIENT, p), atol=1e-12)


@pytest.mark.parametrize("paths", [2, 5])
def test_plain_estimate_is_a_known_multiple_where_all_are_equally_probable(paths):
    p = np.full(paths, 1.0 / paths)
    gradient = GATE_GRADIENT[:paths]
    total = np.zeros(paths)
    for a, b in itertools.combinations(range(paths), 2):
        pair = PathPair(active=b, idle=a)
        total += pair_probability(p, a, b) * pair_to_alpha_gradient((gradient[b], gradient[a]), pair, p)
    np.testing.assert_allclose(total, paths / (2 * (paths - 1)) * gate_to_alpha_gradient(gradient, p), atol=1e-12)


def test_sampled_mean_approaches_equation_5():
    p = softmax(ALPHAS)
    rng = np.random.default_rng(0)
    samples = []
    for _ in range(20_000):
        pair = sample_pair(p, rng)
        gates = (GATE_GRADIENT[pair.active], GATE_GRADIENT[pair.idle])
        samples.append(pair_to_alpha_gradient(gates, pair, p, unbiased=True))
    error = np.std(samples, axis=0) / np.sqrt(len(samples))
    np.testing.assert_array_less(np.abs(np.mean(samples, axis=0) - gate_to_alpha_gradient(GATE_GRADIENT, p)), 4 * error)


def test_pairs_are_drawn_as_often_as_their_probability_says():
    p = softmax(ALPHAS)
    rng = np.random.default_rng(1)
    pairs = [sample_pair(p, rng) for _ in range(20_000)]
    assert all(pair.active != pair.idle for pair in pairs)
    chosen = [pair for pair in pairs if {pair.active, pair.idle} == {2, 4}]
    assert len(chosen) / len(pairs) == pytest.approx(pair_probability(p, 2, 4), abs=0.012)
    active = np.mean([pair.active == 4 for pair in chosen])
    assert active == pytest.approx(p[4] / (p[2] + p[4]), abs=0.02)


def test_joint_mass_stays_and_the_ratio_moves():
    pair = PathPair(active=1, idle=3)
    moved = ALPHAS.copy()
    moved[[1, 3]] += [0.5, -0.2]
    shifted = with_joint_mass(ALPHAS, moved, pair)
    before, after = softmax(ALPHAS), softmax(shifted)
    assert after[1] + after[3] == pytest.approx(before[1] + before[3], rel=1e-12)
    np.testing.assert_allclose(after[[0, 2, 4]], before[[0, 2, 4]], rtol=1e-12)
    assert after[1] / after[3] == pytest.approx(before[1] / before[3] * np.exp(0.7), rel=1e-12)


def test_entropy_falls_from_log_r_to_0():
    assert choice_entropy(np.zeros(13)) == pytest.approx(np.log(13))
    assert choice_entropy(np.array([50.0, 0.0, 0.0])) == pytest.approx(0.0, abs=1e-12)


def test_pair_can_be_drawn_from_a_decided_layer():
    pair = sample_pair(np.array([1.0, 0.0, 0.0]), np.random.default_rng(0))
    assert pair.active == 0
