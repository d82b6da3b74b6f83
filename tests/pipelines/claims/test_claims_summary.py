"""From single runs to differences and verdicts, on made-up runs whose figures are known."""

import dataclasses
import json

import numpy as np
import pytest

from pipelines.report.figures import figure_png
from pipelines.reproduction.claims import STUDIES
from pipelines.reproduction.claims.summary import KINDS, RATIOS, study_record, verdict
from pipelines.reproduction.claims.view import accuracy_table, ratio_table, study_figure

IMAGES = 40
FAMILIES = np.arange(IMAGES) // 2


def made_up_run(right, ratio=1.0):
    """A run whose networks get the first `right` images right, and all of whose ratios are `ratio` but the first."""
    correct = np.arange(IMAGES) < right
    names = ["largest", "smallest", "split_0", "split_1"]
    networks = {name: {"correct": correct.copy()} for name in names}
    networks["split_1"]["correct"][:] = False
    history = {name: [12.0, *[ratio] * 29] for name in (*RATIOS, "loss", "loss_random", "loss_smallest")}
    return {"networks": networks, "history": history}


@pytest.fixture
def settings(tiny_settings):
    return dataclasses.replace(tiny_settings, seeds=(0, 1))


def made_up_record(settings, **rights):
    study = dataclasses.replace(STUDIES["initialization"], variants=tuple(rights))
    results = {(name, seed): made_up_run(right[seed]) for name, right in rights.items() for seed in settings.seeds}
    return study_record(study, settings, results, FAMILIES)


def test_differences_are_taken_seed_by_seed(settings):
    record = made_up_record(settings, base=[20, 24], fan_in=[10, 12], fan_out=[30, 20], xavier=[20, 26])
    base, fan_in, fan_out, xavier = record["variants"].values()
    assert base["difference"] is None
    assert base["accuracy"]["largest"]["seeds"]["1"]["value"] == pytest.approx(24 / 40)
    assert base["accuracy"]["largest"]["mean"]["value"] == pytest.approx(22 / 40)
    assert base["accuracy"]["split"]["mean"]["value"] == pytest.approx(11 / 40)  # one of two is never right
    difference = fan_in["difference"]["largest"]
    assert [each["value"] for each in difference["seeds"].values()] == pytest.approx([-10 / 40, -12 / 40])
    assert difference["mean"]["low"] < -11 / 40 < difference["mean"]["high"] < 0
    assert difference["verdict"] == "worse"
    assert fan_out["difference"]["largest"]["verdict"] == "signs differ between seeds"
    assert xavier["difference"]["largest"]["verdict"] == "signs differ between seeds"  # one seed shows none


@pytest.mark.parametrize(
    ("values", "interval", "expected"),
    [
        ((0.02, 0.01), (0.005, 0.03), "better"),
        ((-0.02, -0.01), (-0.03, -0.005), "worse"),
        ((0.02, 0.01), (-0.001, 0.03), "interval contains zero"),
        ((0.05, -0.01), (0.001, 0.03), "signs differ between seeds"),
        ((0.05, 0.0), (0.001, 0.03), "signs differ between seeds"),
    ],
)
def test_a_winner_needs_every_seed_and_the_interval(values, interval, expected):
    seeds = {str(seed): {"value": value} for seed, value in enumerate(values)}
    mean = {"value": float(np.mean(values)), "low": interval[0], "high": interval[1]}
    assert verdict(seeds, mean) == expected


def test_ratios_at_the_start_and_later(settings):
    record = made_up_record(settings, base=[20, 24])
    ratio = record["variants"]["base"]["gradient_ratios"]["gradient_ratio_reduce"]
    assert ratio["seeds"]["0"] == {"first_step": 12.0, "start": 12.0, "training": 1.0, "highest": pytest.approx(2.1)}
    assert ratio["curve"] == pytest.approx([2.1, 1.0, 1.0])


def test_steps_that_were_not_finite_are_counted_and_left_out(settings):
    study = dataclasses.replace(STUDIES["initialization"], variants=("base",))
    results = {("base", seed): made_up_run(20) for seed in settings.seeds}
    history = results["base", 1]["history"]
    history["gradient_ratio"][5], history["loss"][5], history["loss"][7] = None, None, None
    history["loss_random"] = [None] * 30
    record = study_record(study, settings, results, FAMILIES)
    assert record["variants"]["base"]["training"]["0"]["steps_not_finite"] == 0
    training = record["variants"]["base"]["training"]["1"]
    assert training["steps_not_finite"] == 30
    assert training["loss_random"] is None
    assert record["variants"]["base"]["gradient_ratios"]["gradient_ratio"]["seeds"]["1"]["training"] == 1.0
    assert "NaN" not in json.dumps(record)


def test_tables_print_every_seed_and_the_figure_is_drawn(settings):
    record = made_up_record(settings, base=[20, 24], fan_in=[10, 12])
    table = accuracy_table(record)
    assert table.row_count == len(KINDS) * 3
    assert list(table.columns[3].cells)[2] == "-12.5  -15.0"  # the mean of both split networks
    assert list(table.columns[5].cells)[2] == "worse"
    assert ratio_table(record).row_count == len(RATIOS) * 3
    assert len(study_figure(record, ratios=False).axes) == 2
    assert len(study_figure(record, ratios=True).axes) == 5
    assert figure_png(lambda: study_figure(record, ratios=True)).startswith(b"\x89PNG")
