"""The front on the terminal, its hypervolume, and the front against every baseline."""

import dataclasses
import types

import numpy as np
import pytest

from benchmarks.synthetic_problem import SPACE, synthetic_cost
from pipelines.front_table import front_hypervolume, front_table
from pipelines.imagenet.front_comparison import Built, Placed, front_rows
from pipelines.imagenet.summary_rows import Predictions
from pipelines.report.pick_table import exceptions_text, picks_section
from pipelines.report.records import FrontComparison, Interval
from splitnets_tf.search import Candidate
from splitnets_tf.space import sample

IMAGES = 400


def candidate(accuracy, latency_ms, seed=0):
    architecture = sample(SPACE, np.random.default_rng(seed))
    cost = dataclasses.replace(synthetic_cost(architecture), latency_ms=latency_ms)
    return Candidate(architecture=architecture, accuracy=accuracy, cost=cost)


def test_hypervolume_by_hand():
    front = [candidate(0.5, 1.0), candidate(0.7, 2.0), candidate(0.9, 5.0)]
    # Guessing one of ten at 4 ms: 0.4 over 3 ms and 0.2 more over 2 ms, of 0.9 over 4 ms; the slowest adds nothing.
    assert front_hypervolume(front, 0.1, 4.0) == pytest.approx((0.4 * 3 + 0.2 * 2) / (0.9 * 4))
    assert front_hypervolume([], 0.1, 4.0) == 0
    assert front_hypervolume([candidate(1.0, 1.0)], 1.0, 4.0) == 0, "where all fronts are perfect, nothing is dominated"


def test_the_table_has_a_line_a_network():
    front = [candidate(0.5, 1.0), candidate(0.7, 2.0, seed=1)]
    table = front_table(front, SPACE)
    cells = [list(column.cells) for column in table.columns]
    assert cells[0] == ["1", "2"] and cells[1] == ["1.000", "2.000"] and cells[2] == ["50.0", "70.0"]
    split = front[1].architecture.split
    assert [column[1] for column in cells[4:]] == [
        str(SPACE.phases[split.phase].stride),
        str(split.position),
        str(split.width),
    ]


@pytest.fixture
def tested(tmp_path):
    """Predictions of networks that classify a given number of 400 images correctly, the same ones first."""
    labels = np.zeros(IMAGES, int)

    def predictions(**right):
        folder = tmp_path / "-".join(f"{name}{count}" for name, count in right.items())
        folder.mkdir()
        for name, count in right.items():
            np.save(folder / f"{name}.npy", np.where(np.arange(IMAGES) < count, 0, 1))
        numbers = np.arange(IMAGES)
        return Predictions(labels=labels, families=numbers, objects=numbers, seed=0, directory=folder)

    return predictions


def placed(latency_ms, network, *, feasible=True):
    placement = types.SimpleNamespace(method="all-on-aggregator", latency_ms=latency_ms, feasible=feasible)
    return Placed(backbone="net", placement=placement, network=network)


def test_the_fastest_that_is_as_accurate_stands_against_each_baseline(tested):
    built = [
        Built(number=3, candidate=candidate(0.9, 3.0), test=tested(chosen=360)),
        Built(number=1, candidate=candidate(0.7, 1.0), test=tested(chosen=280)),
        Built(number=2, candidate=candidate(0.8, 2.0), test=tested(chosen=320)),
    ]
    baselines = [
        placed(4.0, "modest"),
        placed(2.5, "good"),
        placed(9.0, "best"),
        placed(1.0, "modest", feasible=False),
        placed(1.0, "untrained"),
    ]
    rows = front_rows(built, baselines, tested(modest=282, good=340, best=390))
    assert [row["number"] for row in rows] == [1, 3, 3]
    assert rows[0]["holds"] and rows[0]["latency_ratio"] == 0.25  # half a point behind is as accurate
    assert rows[0]["difference"]["value"] == pytest.approx(-2 / IMAGES)
    assert not rows[1]["holds"] and rows[1]["latency_ratio"] == 1.2  # as accurate, but slower
    assert not rows[2]["holds"] and rows[2]["difference"]["high"] < 0  # nothing is as accurate: the most accurate


def test_exceptions_are_listed():
    row = FrontComparison(
        against="neurosurgeon, net",
        latency_ms=4.0,
        number=None,
        front_latency_ms=1.0,
        difference=Interval(value=0.01, low=-0.01, high=0.03),
        latency_ratio=0.25,
        holds=True,
    )
    other = dataclasses.replace(row, against="head-distillation, net", number=3, holds=False)
    assert exceptions_text([row]).startswith("For every feasible baseline")
    assert exceptions_text([row, other]).endswith("in less time: head-distillation, net.")
    table = picks_section([], [row, other]).blocks[1]
    assert [line.cells[-1].text for line in table.rows] == ["yes", "no"]
