"""Tables 4 and 6: every figure in order, the list of discrepancies neither longer nor shorter than it must be."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.cli import run_command
from pipelines.reproduce import main
from pipelines.reproduction import DISCREPANCIES, Discrepancy, compare_table, read_table, tolerance
from pipelines.reproduction.tables_command import comparisons_to_dict
from splitnets_tf.hardware import System

ASSETS = Path(__file__).parents[1] / "assets"
TABLES = ("table4", "table6")


@pytest.fixture(scope="module")
def comparisons():
    return {table: compare_table(table) for table in TABLES}


@pytest.mark.parametrize("table", TABLES)
def test_every_figure_is_in_order(comparisons, table):
    assert [c for c in comparisons[table] if not c.passes] == []
    assert len(comparisons[table]) == {"table4": 24, "table6": 13}[table] * 10


@pytest.mark.parametrize("table", TABLES)
def test_figures_equal_the_recorded_ones(comparisons, table):
    recorded = json.loads((ASSETS / f"reproduce_{table}.json").read_text())
    current = comparisons_to_dict(table, comparisons[table])
    assert current["top1_quoted"] == recorded["top1_quoted"]
    assert len(current["figures"]) == len(recorded["figures"])
    for now, then in zip(current["figures"], recorded["figures"], strict=True):
        assert now["predicted"] == (None if then["predicted"] is None else pytest.approx(then["predicted"], rel=1e-12))
        assert {key: now[key] for key in ("method", "backbone", "column", "paper", "verdict")} == {
            key: then[key] for key in ("method", "backbone", "column", "paper", "verdict")
        }


def test_published_networks_are_predicted_in_every_column(comparisons):
    for c in (*comparisons["table4"], *comparisons["table6"]):
        if c.method not in ("splitnets", "head-distill") or c.column.endswith("_ms"):
            assert c.predicted is not None


def test_without_the_list_exactly_its_figures_outside_the_tolerance_fail():
    listed = {(d.table, d.method, d.backbone, d.column) for d in DISCREPANCIES}
    for table in TABLES:
        for c in compare_table(table, ()):
            key = (table, c.method, c.backbone, c.column)
            if not c.passes:
                assert key in listed
            elif key in listed:
                assert abs(c.predicted - c.paper) <= tolerance(c.column, c.paper)


def test_a_longer_list_is_noticed():
    sound = Discrepancy(
        table="table4",
        method="all-on-sensor",
        backbone="EfficientNet-B0",
        column="sensor_ms",
        formula=3.09,
        reason="there is nothing wrong with it",
    )
    stale = [c for c in compare_table("table4", (*DISCREPANCIES, sound)) if not c.passes]
    assert [(c.backbone, c.verdict) for c in stale] == [("EfficientNet-B0", "STALE ENTRY")]
    unknown = replace(sound, backbone="LeNet")
    assert [c.backbone for c in compare_table("table4", (*DISCREPANCIES, unknown)) if not c.passes] == ["LeNet"]


def test_an_entry_whose_formula_the_model_misses_is_wrong():
    entries = [
        replace(d, formula=0.5) if (d.method, d.column) == ("neurosurgeon", "comm_ms") else d for d in DISCREPANCIES
    ]
    assert [c.column for c in compare_table("table4", entries) if c.verdict == "WRONG"] == ["comm_ms"]


def test_a_model_that_is_off_does_not_pass(monkeypatch):
    honest = System.sensor_to_aggregator_ms
    monkeypatch.setattr(System, "sensor_to_aggregator_ms", lambda self, size: honest(self, size) * 1.1)
    wrong = {c.column for c in compare_table("table4") if c.verdict == "WRONG"}
    assert "comm_ms" in wrong


def test_rows_are_read_with_the_precision_they_are_printed_in():
    row = read_table("table4")[0]
    assert (row.figures["sensor_ms"].value, row.figures["sensor_ms"].last_digit) == (2.46, pytest.approx(0.01))
    assert (row.figures["sensor_macs"].value, row.figures["sensor_macs"].last_digit) == (301e6, pytest.approx(1e6))
    assert row.top1 == 71.88


@pytest.mark.parametrize("table", TABLES)
def test_the_command_prints_and_writes(table, tmp_path, capsys):
    target = tmp_path / "new" / "out.json"
    assert run_command(main, [table, "--json", str(target)]) == 0
    written = json.loads(target.read_text())
    assert written["passes"] is True
    assert [path.name for path in target.parent.iterdir()] == ["out.json"]
    printed = capsys.readouterr().out
    assert "known discrepancy" in printed
    assert "0 not in order" in printed


def test_the_command_fails_when_a_figure_is_off(monkeypatch, capsys):
    monkeypatch.setattr("pipelines.reproduction.compare.DISCREPANCIES", ())
    monkeypatch.setattr("pipelines.reproduction.tables_command.compare_table", lambda table: compare_table(table, ()))
    assert run_command(main, ["table6"]) == 1
    assert "WRONG" in capsys.readouterr().out


def test_a_file_that_cannot_be_written_ends_in_one_line(tmp_path, capsys):
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert run_command(main, ["table4", "--json", str(blocked / "x.json")]) == 2
    error = capsys.readouterr().err
    assert "cannot be written" in error
    assert error.count("\n") == 1
