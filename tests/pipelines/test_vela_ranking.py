"""The study of the cost model's order against Vela's."""

import json

import numpy as np
import pytest

from pipelines.reproduce import main
from pipelines.reproduction.vela_ranking import kendall_tau, study_architectures
from splitnets_tf.space import load_space


def test_tau_of_equal_opposite_and_unrelated_orders():
    values = np.arange(30.0)
    assert kendall_tau(values, 2 * values, 0)["value"] == 1.0
    assert kendall_tau(values, -values, 0)["value"] == -1.0
    unrelated = kendall_tau(values, np.random.default_rng(0).permutation(values), 0)
    assert unrelated["low"] < unrelated["value"] < unrelated["high"]
    assert unrelated["low"] < 0 < unrelated["high"]


def test_architectures_are_different_split_and_repeatable():
    space = load_space("demo")
    found = study_architectures(space, 20, 3)
    assert len(set(found)) == 20
    assert all(each.split is not None for each in found)
    assert found == study_architectures(space, 20, 3)
    assert found != study_architectures(space, 20, 4)


def test_the_command_prices_networks_both_ways(tmp_path, capsys):
    path = tmp_path / "ranking.json"
    assert main(["vela-ranking", "--count", "3", "--json", str(path)]) == 0
    assert "3 random networks of demo" in capsys.readouterr().out
    record = json.loads(path.read_text("utf-8"))
    assert len(record["rows"]) == 3
    for row in record["rows"]:
        assert row["cpu_operations"] == 0
        for part in ("sensor_ms", "aggregator_ms"):
            # No array computes more than its peak.
            assert row["vela"][part] > row["cost_model"][part] > 0
        assert row["vela"]["latency_ms"] == pytest.approx(
            row["vela"]["sensor_ms"] + row["link_ms"] + row["vela"]["aggregator_ms"]
        )
    with pytest.raises(SystemExit):
        main(["vela-ranking", "--count", "1"])
