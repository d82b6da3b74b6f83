"""E[T] against sampled networks and its gradient against finite differences."""

import numpy as np
import pytest
from differentiable_cases import CHAIN, MESH, all_choices, random_latency, random_scores

SAMPLES = 20_000


def sampled_mean_ms(latency, probabilities, seed):
    return latency.sampled_mean_ms(probabilities, SAMPLES, np.random.default_rng(seed))


def probabilities_of(latency, seed):
    return [np.exp(scores) for scores in random_scores(latency, seed, spread=1.0)]


@pytest.mark.parametrize("seed", range(3))
def test_chain_expectation_is_the_mean_of_sampled_networks(seed):
    latency = random_latency(CHAIN, 4, 13, seed)
    probabilities = probabilities_of(latency, seed)
    mean = sampled_mean_ms(latency, probabilities, seed)
    assert mean == pytest.approx(latency.expected_ms(probabilities), rel=0.01)


@pytest.mark.parametrize("seed", range(3))
def test_mesh_expectation_is_a_lower_bound(seed):
    latency = random_latency(MESH, 3, 13, seed)
    probabilities = probabilities_of(latency, seed)
    mean = sampled_mean_ms(latency, probabilities, seed)
    assert mean >= latency.expected_ms(probabilities)
    assert mean <= 1.3 * latency.expected_ms(probabilities)


def test_expectation_of_all_networks_is_exact_on_a_chain():
    latency = random_latency(CHAIN, 2, 3, 5)
    probabilities = probabilities_of(latency, 5)
    choices = all_choices(latency)
    weights = np.prod([p[row] for p, row in zip(probabilities, choices, strict=True)], axis=0)
    assert weights @ latency.network_ms(choices) == pytest.approx(latency.expected_ms(probabilities), rel=1e-12)


def test_certain_choices_give_the_networks_own_latency(topology):
    latency = random_latency(topology, 2, 4, 3)
    choices = [index % 4 for index in range(len(latency.operation_ms))]
    certain = [np.eye(4)[choice] for choice in choices]
    assert latency.expected_ms(certain) == pytest.approx(latency.network_ms(choices), rel=1e-12)


def test_gradient_is_that_of_finite_differences(topology):
    latency = random_latency(topology, 2, 4, 7)
    alphas = [np.log(p) for p in probabilities_of(latency, 7)]
    step = 1e-6

    def expected(moved):
        return latency.expected_ms([np.exp(a) / np.exp(a).sum() for a in moved])

    gradient = latency.expected_gradient([np.exp(a) / np.exp(a).sum() for a in alphas])
    for layer, row in enumerate(gradient):
        for index, value in enumerate(row):
            up, down = ([a.copy() for a in alphas] for _ in range(2))
            up[layer][index] += step
            down[layer][index] -= step
            assert value == pytest.approx((expected(up) - expected(down)) / (2 * step), abs=1e-8)
