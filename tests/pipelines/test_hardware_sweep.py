"""The sweep over systems: one property at a time, every accuracy once, resumable."""

import dataclasses
import subprocess
import sys

import pytest
import yaml

from pipelines.imagenet.config import DEMO, with_overrides
from pipelines.report.figures import figure_svg
from pipelines.reproduction.hardware_sweep import ACCURACY_SHARE, AXES, Sweep, sweep_rows, varied
from pipelines.reproduction.sweep_view import sweep_figure, sweep_table
from pipelines.reproduction.trained_run import Effort, open_trained_run
from splitnets_tf.errors import UserError
from splitnets_tf.hardware import load_system
from splitnets_tf.search import AnalyticCost, SearchSettings, check_feasible, memory_constraints, total_violation
from splitnets_tf.space import load_space

SPACE, SYSTEM = load_space("demo"), load_system("hmd-demo")


class SizeDecides:
    """Accuracy grows with the network's size, as in a table."""

    def __init__(self):
        self.asked = []
        self._cost = AnalyticCost(SPACE, SYSTEM, 34)

    def evaluate(self, architecture):
        self.asked.append(architecture)
        return min(1.0, self._cost.cost(architecture).macs / 1e7)


def sweep(directory, evaluator, **changes):
    fields = {
        "space": SPACE,
        "system": SYSTEM,
        "num_classes": 34,
        "constraints": (),
        "settings": SearchSettings(population=6, generations=2),
        "evaluator": evaluator,
        "min_accuracy": 0.2,
        "directory": directory,
        "identity": "one",
    }
    return Sweep(**fields | changes)


def test_one_property_changes_at_a_time():
    assert varied(SYSTEM, "bandwidth", 2).hops[0].share_bytes_per_s == 2 * SYSTEM.hops[0].share_bytes_per_s
    assert varied(SYSTEM, "sensor speed", 0.5).sensor.macs_per_s == SYSTEM.sensor.macs_per_s / 2
    assert varied(SYSTEM, "sensor memory", 4).sensor.memory_bytes == 4 * SYSTEM.sensor.memory_bytes
    many = varied(SYSTEM, "sensors", 12)
    assert many.hops[0].share_bytes_per_s == SYSTEM.hops[0].bandwidth_bytes_per_s / 12
    assert many.sensor.count == 12 and many.aggregator == SYSTEM.aggregator
    for axis in ("bandwidth", "sensor speed", "sensor memory"):
        assert varied(SYSTEM, axis, 1.0) == SYSTEM
    with pytest.raises(ValueError, match="axis should be one of"):
        varied(SYSTEM, "colour", 1.0)


def assert_fastest_of_all(row, floor, evaluator):
    """What one system's search found serves all: nothing that was evaluated, fits and is accurate enough is faster."""
    system = varied(SYSTEM, row["axis"], row["value"])
    cost, limits = AnalyticCost(SPACE, system, 34), memory_constraints(system)
    fitting = [each for each in evaluator.asked if total_violation(limits, cost.cost(each).as_dict()) == 0]
    accuracies = {each: SizeDecides().evaluate(each) for each in fitting}
    enough = [each for each in fitting if accuracies[each] >= floor]
    assert row["accurate_enough"] is bool(enough)
    if enough:
        assert row["latency_ms"] == min(cost.cost(each).latency_ms for each in enough)
    else:
        assert row["accuracy"] == max(accuracies.values())
    if row["value"] == 1:
        assert floor == pytest.approx(ACCURACY_SHARE * max(accuracies.values()))


def test_the_sweep_searches_each_system_and_evaluates_nothing_twice(tmp_path):
    evaluator, told = SizeDecides(), []
    axes = ("bandwidth", "sensor memory")
    asked = sweep(tmp_path, evaluator, min_accuracy=None)
    floor, rows = sweep_rows(asked, axes, lambda done, total: told.append((done, total)))
    assert [(row["axis"], row["value"]) for row in rows] == [(axis, value) for axis in axes for value in AXES[axis]]
    assert told == [(done, 10) for done in range(11)]
    assert len(set(evaluator.asked)) == len(evaluator.asked)
    for row in rows:
        if row["infeasible_because"] is None:
            assert_fastest_of_all(row, floor, evaluator)
    same = [row for row in rows if row["value"] == 1.0]
    assert same[0] | {"axis": ""} == same[1] | {"axis": ""}
    again = SizeDecides()
    assert sweep_rows(sweep(tmp_path, again, min_accuracy=None), axes, lambda *_: None) == (floor, rows)
    assert sweep_rows(sweep(tmp_path, again, min_accuracy=0.2), axes[:1], lambda *_: None)[0] == 0.2
    assert again.asked == []
    with pytest.raises(UserError, match="another supernet"):
        sweep_rows(sweep(tmp_path, again, identity="two"), axes, lambda *_: None)


def test_a_system_that_nothing_fits_is_a_row_of_its_own(tmp_path):
    tiny = varied(SYSTEM, "sensor memory", 1e-4)
    _, rows = sweep_rows(sweep(tmp_path, SizeDecides(), system=tiny), ("sensors",), lambda *_: None)
    assert len(rows) == 5 and all("no architecture" in row["infeasible_because"] for row in rows)
    assert not (tmp_path / "searches").exists()


def test_what_other_searches_found_stands_for_a_system_whose_own_finds_nothing(tmp_path, monkeypatch):
    checked = []

    def overlook(problem, rng):
        checked.append(problem)
        if len(checked) == 1:
            raise UserError("no architecture was found")
        return check_feasible(problem, rng)

    monkeypatch.setattr("pipelines.reproduction.hardware_sweep.check_feasible", overlook)
    evaluator = SizeDecides()
    floor, rows = sweep_rows(sweep(tmp_path, evaluator), ("bandwidth",), lambda *_: None)
    assert len(checked) == 5 and rows[0]["infeasible_because"] is None
    assert_fastest_of_all(rows[0], floor, evaluator)


ROW = {
    "axis": "sensors",
    "value": 4,
    "infeasible_because": None,
    "accurate_enough": True,
    "accuracy": 0.71,
    "split_stride": 8,
    "split_channels": 12,
    "latency_ms": 0.6,
    "sensor_latency_ms": 0.1,
    "link_latency_ms": 0.2,
    "aggregator_latency_ms": 0.3,
}


def test_table_and_figure_show_each_system():
    rows = [
        ROW,
        ROW | {"value": 8, "accurate_enough": False},
        {"axis": "bandwidth", "value": 2, "infeasible_because": "no"},
    ]
    table = sweep_table(rows, 0.7)
    assert table.row_count == 3
    cells = [list(column.cells) for column in table.columns]
    assert cells[2] == ["8", "8", "-"] and cells[1] == ["4", "8", "x 2"]
    assert cells[8] == ["71.0", "71.0*", "nothing"]
    svg = figure_svg(lambda: sweep_figure(rows, "Title"))
    for text in ("nothing", "stride 8*", "12 ch", "sensors", "bandwidth", "aggregator"):
        assert text in svg


def test_a_run_that_counted_in_parts_is_searched_on_all_images(tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.reproduction.trained_run.open_context", lambda config, directory: config)
    stored = with_overrides(DEMO, {"search.validation_parts": [0.25], "search.generations": 9, "train.epochs": 7})
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(stored.to_dict()))
    whole = open_trained_run(tmp_path, tmp_path / "series", Effort())
    assert whole.train.epochs == 7 and whole.supernet_run == str(tmp_path)
    assert whole.search == dataclasses.replace(stored.search, validation_parts=())
    shortened = open_trained_run(tmp_path, tmp_path / "series", Effort(evaluations=40)).search
    assert (shortened.population, shortened.generations, shortened.validation_parts) == (20, 2, ())


def test_a_run_that_is_none_is_one_line(tmp_path):
    command = [sys.executable, "-m", "pipelines.reproduce", "hardware-sweep", "--run", str(tmp_path / "none")]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert result.returncode == 2 and len(result.stderr.strip().splitlines()) == 1
    assert "--run" in result.stderr and "no run is there" in result.stderr and list(tmp_path.iterdir()) == []
