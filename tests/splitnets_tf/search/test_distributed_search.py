"""A chief and two workers: the same search as alone, whoever is killed."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from distributed_searches import CONSTRAINTS, QUESTION, SETTINGS, SPARING, PartwiseTable
from keras_tuner.engine.trial import TrialStatus

from benchmarks.synthetic_problem import SPACE, TINY_SPACE, RuggedTable, SyntheticCost
from splitnets_tf.errors import UserError
from splitnets_tf.search import (
    FeasibilityProblem,
    SearchSettings,
    read_pareto_csv,
    read_role,
    run_search,
    run_worker,
)
from splitnets_tf.search.oracle import EvolutionOracle
from splitnets_tf.search.worker import refuse_other_search

SCRIPT = Path(__file__).with_name("distributed_searches.py")
ROOT = Path(__file__).parents[3]
ENVIRONMENT = ("KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT")


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    directory = tmp_path_factory.mktemp("alone") / "search"
    return run_search(**QUESTION, cost=SyntheticCost(), evaluator=RuggedTable(SPACE), directory=directory)


@pytest.mark.parametrize("scenario", [pytest.param("plain", marks=pytest.mark.slow), "killed worker", "killed chief"])
def test_chief_and_workers_find_what_one_process_finds(tmp_path, alone, scenario):
    begun = found_together(tmp_path / "run", scenario, alone)
    assert begun["one"] >= 1
    assert begun["two"] >= (1 if scenario == "plain" else 3)
    # Only the killed worker's evaluation is done twice; a restarted chief may hand out again what two workers hold.
    again = {"plain": (0,), "killed worker": (1,), "killed chief": (0, 1, 2)}[scenario]
    assert sum(begun.values()) - SETTINGS.max_candidates in again


@pytest.mark.slow
def test_with_halving_and_predictor_they_find_the_same(tmp_path):
    directory = tmp_path / "alone" / "search"
    alone = run_search(**SPARING, cost=SyntheticCost(), evaluator=PartwiseTable(SPACE), directory=directory)
    assert any(check.used for check in alone.predictor_checks)
    assert any(candidate.given_up for candidate in alone.evaluated)
    begun = found_together(tmp_path / "run", "sparing", alone)
    assert sum(begun.values()) - SPARING["settings"].max_candidates == 1


def found_together(folder, scenario, alone):
    """Run a scenario, compare its result with that of one process, return the evaluations that each worker began."""
    run = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder), scenario],
        env=os.environ | {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    told = json.loads(run.stdout.splitlines()[-1])
    killed = {"two": int(signal.SIGKILL)} if scenario in ("killed worker", "sparing") else {}
    assert told["ended"] == {"chief": 0, "one": 0, "two": 0} | killed, run.stderr[-3000:]
    assert read_pareto_csv(folder / "evaluated.csv") == alone.evaluated
    return told["begun"]


class Clock:
    """Seconds that the test decides."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def new_oracle(directory, clock, space=SPACE, constraints=CONSTRAINTS, **settings):
    settings = {"population": 2, "generations": 1} | settings
    problem = FeasibilityProblem(space=space, cost=SyntheticCost(), constraints=constraints)
    oracle = EvolutionOracle(problem=problem, settings=SearchSettings(**settings), lease_seconds=10, clock=clock)
    oracle._set_project_dir(str(directory), "search")
    return oracle


def answer(oracle, trial, accuracy=0.5):
    trial = type(trial).from_state(trial.get_state())  # A worker holds a copy.
    oracle.update_trial(trial.trial_id, {"accuracy": accuracy})
    trial.status = TrialStatus.COMPLETED
    oracle.end_trial(trial)


def test_a_silent_workers_trial_is_handed_out_again_but_not_before_its_lease_ends(tmp_path, clock):
    oracle = new_oracle(tmp_path, clock)
    lost = oracle.create_trial("silent")
    answer(oracle, oracle.create_trial("other"))
    clock.now = 9.0
    assert oracle.create_trial("other").status == TrialStatus.IDLE
    clock.now = 10.5
    again = oracle.create_trial("other")
    assert (again.trial_id, again.status) == (lost.trial_id, TrialStatus.RUNNING)
    assert again.hyperparameters.values == lost.hyperparameters.values
    answer(oracle, again)
    assert not oracle.may_close()  # `other` does not know yet.
    assert oracle.create_trial("other").status == TrialStatus.STOPPED
    assert oracle.may_close() and len(oracle.evaluated) == 2


def test_signs_of_life_keep_a_long_evaluation(tmp_path, clock):
    oracle = new_oracle(tmp_path, clock)
    trial = oracle.create_trial("slow")
    for clock.now in range(0, 100, 8):
        oracle.get_trial(trial.trial_id)
        other = oracle.create_trial("other")
        assert other.trial_id != trial.trial_id


def test_of_two_results_for_one_trial_the_first_counts(tmp_path, clock):
    oracle = new_oracle(tmp_path, clock)
    slow = oracle.create_trial("slow")
    clock.now = 11.0
    again = oracle.create_trial("other")
    assert again.trial_id == slow.trial_id
    answer(oracle, slow, accuracy=0.7)
    answer(oracle, again, accuracy=0.2)
    assert [each.accuracy for each in oracle.evaluated] == [0.7]
    assert oracle.end_order == [slow.trial_id] and not oracle.ongoing_trials


def test_a_late_result_of_a_trial_that_waits_to_be_handed_out_is_taken(tmp_path, clock):
    oracle = new_oracle(tmp_path, clock)
    late = oracle.create_trial("late")
    clock.now = 11.0
    assert not oracle.may_close()  # Takes the trial back.
    answer(oracle, late)
    assert oracle.create_trial("other").trial_id != late.trial_id


def test_a_trial_ended_without_a_result_is_handed_out_again(tmp_path, clock):
    """Its result reached a chief that was killed before the end of the trial was told."""
    oracle = new_oracle(tmp_path, clock)
    trial = oracle.create_trial("one")
    ended = type(trial).from_state(trial.get_state())
    ended.status = TrialStatus.COMPLETED
    oracle.end_trial(ended)
    assert oracle.evaluated == () and not oracle.ongoing_trials
    assert oracle.create_trial("two").trial_id == trial.trial_id


def test_the_chief_does_not_wait_for_idle_workers_that_are_gone(tmp_path, clock):
    oracle = new_oracle(tmp_path, clock)
    trials = [oracle.create_trial(name) for name in ("one", "two")]
    assert oracle.create_trial("gone").status == TrialStatus.IDLE
    for name, trial in zip(("one", "two"), trials, strict=True):
        answer(oracle, trial)
        assert oracle.create_trial(name).status in (TrialStatus.IDLE, TrialStatus.STOPPED)
    oracle.create_trial("one")
    assert not oracle.may_close()
    clock.now = 10.5
    assert oracle.may_close()


def test_a_space_that_runs_out_stops_no_worker_while_another_evaluates(tmp_path, clock):
    oracle = new_oracle(tmp_path, clock, space=TINY_SPACE, constraints=(), population=8)
    trials = [oracle.create_trial(str(index)) for index in range(4)]
    assert oracle.create_trial("five").status == TrialStatus.STOPPED
    for _ in range(2):
        assert oracle.create_trial("six").status == TrialStatus.IDLE
    for trial in trials:
        answer(oracle, trial)
    assert oracle.create_trial("six").status == TrialStatus.STOPPED


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (("", "", ""), "alone"),
        (("tuner7", "", ""), "alone"),
        (("chief", "::1", "80"), "chief"),
        (("w", "h", "80"), "worker"),
    ],
)
def test_the_environment_decides_the_role(values, expected):
    assert read_role(dict(zip(ENVIRONMENT, values, strict=True))).kind == expected


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (("", "h", "80"), "KERASTUNER_TUNER_ID is not set"),
        (("w", "h", ""), "KERASTUNER_ORACLE_PORT is not set"),
        (("w", "", "80"), "KERASTUNER_ORACLE_IP is not set"),
        (("w", "h", "0"), "port from 1 to 65535"),
        (("w", "h", "http"), "port from 1 to 65535"),
    ],
)
def test_half_an_environment_is_refused(values, message):
    with pytest.raises(UserError, match=message):
        read_role(dict(zip(ENVIRONMENT, values, strict=True)))


def test_roles_are_not_mixed_up(tmp_path, monkeypatch):
    ask = QUESTION | {"cost": SyntheticCost(), "evaluator": RuggedTable(SPACE)}
    with pytest.raises(UserError, match="no worker of a search"):
        run_worker(**ask)
    for key, value in zip(ENVIRONMENT, ("worker", "127.0.0.1", "9"), strict=True):
        monkeypatch.setenv(key, value)
    with pytest.raises(UserError, match="only the chief has its result"):
        run_search(**ask, directory=tmp_path / "search")
    with pytest.raises(UserError, match=r"no chief of a search answers at 127\.0\.0\.1:9 for 0\.2 s"):
        run_worker(**ask, patience_seconds=0.2)


def test_a_worker_of_another_search_is_refused(tmp_path, clock):
    chief, same = new_oracle(tmp_path, clock), new_oracle(tmp_path, clock)
    other = new_oracle(tmp_path, clock, seed=1)
    theirs = chief.get_space().values["search"]
    refuse_other_search("h:1", theirs, same.fingerprint)
    with pytest.raises(UserError, match="searches something else"):
        refuse_other_search("h:1", theirs, other.fingerprint)
