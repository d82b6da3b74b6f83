"""Selection by Vela: the choice follows its latencies, and only networks that fit the NPUs are chosen."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from pipelines.imagenet.config import SelectionSettings
from pipelines.imagenet.rerank import check_rerank, compare_choices, select_in_record
from splitnets_tf.errors import UserError
from splitnets_tf.hardware import load_system
from splitnets_tf.search import AnalyticCost, Candidate, write_pareto_csv
from splitnets_tf.space import sample
from tflite_export import VelaCost


@pytest.fixture
def candidates(tiny_space):
    """Three candidates that are the faster for the cost model the less accurate they are."""
    rng = np.random.default_rng(0)
    backend = AnalyticCost(tiny_space, load_system("hmd-demo"), 3)
    found = []
    for latency, accuracy in ((1.0, 0.5), (2.0, 0.6), (3.0, 0.7)):
        architecture = sample(tiny_space, rng)
        cost = dataclasses.replace(backend.cost(architecture), latency_ms=latency)
        found.append(Candidate(architecture=architecture, accuracy=accuracy, cost=cost))
    return found


def _row(latency_ms, *, fits=True, cpu_operations=0):
    cost = VelaCost(
        sensor_ms=latency_ms - 0.2,
        link_ms=0.1,
        aggregator_ms=0.1,
        sensor_bytes=1,
        aggregator_bytes=1,
        cpu_operations=cpu_operations,
    )
    return dataclasses.asdict(cost) | {"fits": fits}


@pytest.fixture
def context(candidates, tmp_path):
    (tmp_path / "search").mkdir()
    write_pareto_csv(tmp_path / "search" / "evaluated.csv", candidates)
    write_pareto_csv(tmp_path / "search" / "pareto.csv", candidates)
    return SimpleNamespace(
        path=lambda *parts: tmp_path.joinpath(*parts),
        config=SimpleNamespace(selection=SelectionSettings(rerank="vela")),
        best_baseline=SimpleNamespace(cost=SimpleNamespace(latency_ms=4.5)),
    )


def _record(candidates, rows, baselines):
    names = ("all-on-sensor", "all-on-aggregator")
    return {
        "candidates": {each.id: row for each, row in zip(candidates, rows, strict=True)},
        "baselines": [{"method": name} | row for name, row in zip(names, baselines, strict=True)],
    }


def test_the_choice_follows_velas_order(context, candidates):
    # Half of the fastest baseline that fits, 20, allows 10: by Vela only the most accurate network keeps that.
    record = _record(candidates, [_row(30), _row(20), _row(8)], [_row(5, fits=False), _row(20)])
    chosen, rule = select_in_record(context, record)
    assert chosen == candidates[2]
    assert "10 of 20 ms" in rule
    assert "Vela" in rule

    comparison = compare_choices(context, record, chosen)
    assert comparison["differs"]
    assert comparison["by_cost_model"]["id"] == candidates[1].id
    assert comparison["by_cost_model"]["latency_ms"] == pytest.approx(20)
    assert comparison["chosen"]["latency_ms"] == pytest.approx(8)
    assert comparison["chosen"]["cost_model_latency_ms"] == 3.0


def test_the_users_limit_is_one_of_velas_milliseconds(context, candidates):
    context.config.selection = SelectionSettings(rerank="vela", max_latency_ms=25.0)
    record = _record(candidates, [_row(12), _row(24), _row(26)], [_row(5), _row(5)])
    assert select_in_record(context, record)[0] == candidates[1]


def test_networks_that_do_not_fit_or_need_a_cpu_are_passed_over(context, candidates):
    rows = [_row(3), _row(4, fits=False), _row(5, cpu_operations=1)]
    assert select_in_record(context, _record(candidates, rows, [_row(20), _row(20)]))[0] == candidates[0]
    with pytest.raises(UserError, match="no candidate fits"):
        select_in_record(context, _record(candidates, [_row(3, fits=False)] * 3, [_row(20), _row(20)]))


def test_a_missing_vela_is_said_before_the_search(monkeypatch):
    check_rerank(None)
    monkeypatch.setattr("pipelines.imagenet.rerank.vela_installed", lambda: False)
    check_rerank(None)
    with pytest.raises(UserError, match=r"pip install 'splitnets_tf\[deploy\]'"):
        check_rerank("vela")
