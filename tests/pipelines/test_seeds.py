"""Runs that differ in their seed alone, beside each other."""

import json
import shutil

import numpy as np
import pytest
import yaml

from pipelines.imagenet.summary_rows import Predictions
from pipelines.reproduce import main
from pipelines.reproduction.seeds import read_finished_runs, seeds_record
from splitnets_tf.errors import UserError
from splitnets_tf.hardware import load_system
from splitnets_tf.search import AnalyticCost, Candidate, write_pareto_csv
from splitnets_tf.space import load_space

SPACE = load_space("demo")
FAMILIES = np.repeat(np.arange(10), 4)
LABELS = np.arange(40) % 7
IMAGES = np.zeros((2, 4, 4, 3), np.uint8)
COST = AnalyticCost(SPACE, load_system("hmd-demo"), 34)


def save_test_set(path, labels=LABELS, images=IMAGES):
    test = Predictions(labels=labels, families=FAMILIES, objects=np.arange(40), seed=0, directory=path / "predictions")
    test.save_test_set(images)


def new_run(path, seed, *, wrong, latency_ratio=0.2, accuracy=0.5):
    """A finished run whose chosen network is wrong in the given images, and whose baseline in the first ten."""
    (path / "predictions").mkdir(parents=True)
    (path / ".splitnets-run").touch()
    chosen, largest = LABELS.copy(), LABELS.copy()
    chosen[list(wrong)] += 1
    largest[:10] += 1
    np.save(path / "predictions" / "chosen.npy", chosen)
    np.save(path / "predictions" / "largest.npy", largest)
    save_test_set(path)
    config = {"seed": seed, "space": "demo", "full": bool(seed), "train": {"seed": seed, "epochs": 3}}
    (path / "config.yaml").write_text(yaml.safe_dump(config))
    smallest = SPACE.smallest()
    write_pareto_csv(
        path / "search" / "pareto.csv",
        [Candidate(architecture=smallest, accuracy=accuracy, cost=COST.cost(smallest))],
    )
    comparison = {"against": "all-on-aggregator", "network": "largest", "latency_ratio": latency_ratio}
    summary = {
        "seed": seed,
        "split": None,
        "latency_ms": 1.0,
        "accuracy": {"fine_tuned": {"value": 0.5}, "int8": None},
        "baselines": [{"feasible": True, "latency_ms": 4.0}, {"feasible": False, "latency_ms": 1.0}],
        "comparisons": [comparison],
    }
    (path / "summary.json").write_text(json.dumps(summary))
    return path


@pytest.fixture
def runs(tmp_path):
    return [
        new_run(tmp_path / "a", 0, wrong=range(4), accuracy=0.5),
        new_run(tmp_path / "b", 1, wrong=range(12), latency_ratio=0.3, accuracy=0.75),
    ]


def test_differences_and_hypervolumes_by_seed_and_pooled(runs, capsys, tmp_path):
    record = seeds_record(read_finished_runs(runs))
    (pooled,) = record["pooled"]
    assert pooled["by_seed"] == pytest.approx([6 / 40, -2 / 40])
    assert pooled["difference"]["value"] == pytest.approx(2 / 40)
    assert pooled["difference"]["low"] < -2 / 40
    assert pooled["difference"]["high"] > 4 / 40
    assert not pooled["as_accurate"]
    assert pooled["largest_latency_ratio"] == 0.3
    assert record["reference"] == {"accuracy": 0.5, "latency_ms": 4.0}
    latency_ms = COST.cost(SPACE.smallest()).latency_ms
    worst, better = (row["hypervolume"] for row in record["runs"])
    assert worst == pytest.approx(0)
    assert better == pytest.approx(0.25 * (4 - latency_ms) / (0.5 * 4))
    assert main(["seeds", *map(str, runs), "--json", str(tmp_path / "seeds.json")]) == 0
    assert "+15.0 -5.0" in capsys.readouterr().out
    assert json.loads((tmp_path / "seeds.json").read_text())["pooled"] == record["pooled"]


def test_a_baseline_that_one_run_lacks_is_left_out(runs):
    summary = json.loads((runs[1] / "summary.json").read_text())
    (runs[1] / "summary.json").write_text(json.dumps(summary | {"comparisons": []}))
    assert seeds_record(read_finished_runs(runs))["pooled"] == []


def test_what_a_finished_run_may_take_up_may_differ(runs):
    config = yaml.safe_load((runs[1] / "config.yaml").read_text())
    config |= {"selection": {"picks": [2]}, "data": {"cache_dir": "elsewhere"}}
    (runs[1] / "config.yaml").write_text(yaml.safe_dump(config))
    assert len(read_finished_runs(runs)) == 2


def test_runs_of_different_experiments_are_refused(runs, tmp_path):
    with pytest.raises(UserError, match="name at least two"):
        read_finished_runs(runs[:1])
    with pytest.raises(UserError, match="same seed"):
        read_finished_runs([runs[0], runs[0]])
    with pytest.raises(UserError, match="no finished run"):
        read_finished_runs([runs[0], tmp_path])
    other = shutil.copytree(runs[1], tmp_path / "c")
    config = yaml.safe_load((other / "config.yaml").read_text())
    (other / "config.yaml").write_text(yaml.safe_dump(config | {"train": {"seed": 1, "epochs": 9}}))
    with pytest.raises(UserError, match=r"differ in train\.epochs"):
        read_finished_runs([runs[0], other])
    # Another division of the same folder: as many images of each class, but others.
    for test_set in ({"labels": LABELS + 1}, {"images": IMAGES + 1}):
        save_test_set(runs[1], **test_set)
        with pytest.raises(UserError, match="different test sets"):
            read_finished_runs(runs)
    (runs[1] / "predictions" / "test_set.npz").write_bytes(b"PK\x03\x04 damaged")
    with pytest.raises(UserError, match=r"test_set\.npz: cannot be read"):
        read_finished_runs(runs)
