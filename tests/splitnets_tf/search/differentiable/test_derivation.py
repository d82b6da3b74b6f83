"""The derived network against the best of all networks."""

import numpy as np
import pytest
from differentiable_cases import CHAIN, MESH, all_choices, random_latency, random_scores

from splitnets_tf.errors import UserError
from splitnets_tf.search.differentiable import derive


def score_of(scores, choices):
    return sum(row[index] for row, index in zip(scores, choices, strict=True))


@pytest.mark.parametrize(("topology", "layers", "candidates"), [(CHAIN, 2, 4), (MESH, 1, 5)])
@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_best_of_all_networks(topology, layers, candidates, seed):
    latency = random_latency(topology, layers, candidates, seed)
    scores = random_scores(latency, seed)
    choices = all_choices(latency)
    times = latency.network_ms(choices)
    totals = score_of(scores, choices)
    for limit in np.quantile(times, [0.01, 0.2, 0.5, 1.0]):
        found = derive(latency, scores, limit)
        assert found.latency_ms <= limit
        assert found.latency_ms == latency.network_ms(found.choices)
        assert found.log_probability == pytest.approx(totals[times <= limit].max(), rel=1e-12)
        assert score_of(scores, found.choices) == pytest.approx(found.log_probability, rel=1e-12)


def test_a_tighter_limit_never_gives_a_slower_network(topology):
    latency = random_latency(topology, 3, 13, 11)
    scores = random_scores(latency, 11)
    fastest = float(latency.network_ms([int(np.argmin(times)) for times in latency.operation_ms]))
    times = [derive(latency, scores, fastest * factor).latency_ms for factor in np.linspace(1.0, 4.0, 25)]
    assert times == sorted(times)
    assert len(set(times)) > 5


def test_of_equally_probable_networks_the_fastest(topology):
    latency = random_latency(topology, 2, 5, 2)
    scores = [np.full(5, np.log(0.2)) for _ in latency.operation_ms]
    fastest = tuple(int(np.argmin(times)) for times in latency.operation_ms)
    found = derive(latency, scores, 1e9)
    assert found.latency_ms == pytest.approx(float(latency.network_ms(fastest)))


def test_an_impossible_limit_names_the_fastest_network(topology):
    latency = random_latency(topology, 2, 3, 4)
    fastest = float(latency.network_ms([int(np.argmin(times)) for times in latency.operation_ms]))
    with pytest.raises(UserError, match=f"{fastest:.4g} ms"):
        derive(latency, random_scores(latency, 4), 0.9 * fastest)


def test_a_limit_that_a_network_just_meets_is_met():
    latency = random_latency(CHAIN, 2, 3, 6)
    fastest = float(latency.network_ms([int(np.argmin(times)) for times in latency.operation_ms]))
    assert derive(latency, random_scores(latency, 6), fastest).latency_ms == fastest
