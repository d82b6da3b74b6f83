"""The oracle and the tuner on Keras Tuner: same seed same search, whatever happens between two writes."""

import json
import logging
from pathlib import Path

import pytest
from keras_tuner.engine.trial import TrialStatus

from benchmarks.synthetic_problem import SPACE, TINY_SPACE, RuggedTable, SyntheticCost
from splitnets_tf.errors import UserError
from splitnets_tf.search import FeasibilityProblem, SearchSettings, parse_constraints, run_search
from splitnets_tf.search.oracle import EvolutionOracle
from splitnets_tf.search.tuner import EvolutionTuner

CONSTRAINTS = parse_constraints(["latency_ms <= 0.2", "peak_bytes <= 20000"])
SETTINGS = SearchSettings(population=4, generations=3, seed=0)


class Killed(BaseException):
    """Stands for a kill: nothing may catch it."""


def search(directory, *, evaluator=None, settings=SETTINGS, constraints=CONSTRAINTS, space=SPACE, **more):
    return run_search(
        space=space,
        cost=SyntheticCost(),
        evaluator=evaluator or RuggedTable(space),
        constraints=constraints,
        settings=settings,
        directory=directory,
        **more,
    )


def new_oracle(directory, settings=SETTINGS):
    problem = FeasibilityProblem(space=SPACE, cost=SyntheticCost(), constraints=CONSTRAINTS)
    oracle = EvolutionOracle(problem=problem, settings=settings)
    oracle._set_project_dir(str(directory), "search")
    return oracle


def answer(oracle, trial, table):
    architecture = oracle.architecture(trial.hyperparameters.values)
    oracle.update_trial(trial.trial_id, {"accuracy": table.accuracy(architecture)})
    trial.status = TrialStatus.COMPLETED
    oracle.end_trial(trial)


def test_a_search_evaluates_each_candidate_once_and_returns_its_front(tmp_path):
    table = RuggedTable(SPACE)
    result = search(tmp_path / "search", evaluator=table)
    assert [each.architecture for each in result.evaluated] == table.asked
    assert len(set(table.asked)) == len(table.asked) == SETTINGS.max_candidates
    assert result.generations == 3
    for each in result.evaluated:
        assert each.accuracy == table.accuracy(each.architecture)
        assert each.architecture.is_split and each.cost.latency_ms <= 0.2 and each.cost.peak_bytes <= 20000
        beaten = [
            other
            for other in result.evaluated
            if other.accuracy >= each.accuracy and other.cost.latency_ms <= each.cost.latency_ms and other != each
        ]
        assert (each in result.front) is not bool(beaten)
    latencies = [each.cost.latency_ms for each in result.front]
    assert latencies == sorted(latencies)


def test_a_seed_decides_the_search_and_seed_zero_is_one(tmp_path):
    zero, again, one = (
        search(tmp_path / name, settings=SearchSettings(population=4, generations=2, seed=seed)).evaluated
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert zero == again != one
    assert new_oracle(tmp_path / "d").get_state() == new_oracle(tmp_path / "e").get_state()


def test_a_finished_search_is_read_back_without_evaluating(tmp_path):
    first = search(tmp_path / "search")
    table = RuggedTable(SPACE)
    assert search(tmp_path / "search", evaluator=table) == first
    assert table.asked == []


def test_progress_is_told_before_the_first_and_after_each_evaluation(tmp_path):
    told = []
    result = search(tmp_path / "search", on_progress=told.append)
    assert [each.done for each in told] == list(range(13))
    assert {(each.total, each.generations) for each in told} == {(12, 3)}
    assert [each.generation for each in told] == [1] * 4 + [2] * 4 + [3] * 5
    assert told[0].best_accuracy == 0
    assert told[-1].best_accuracy == max(each.accuracy for each in result.evaluated)


@pytest.mark.parametrize("before_rename", [True, False])
def test_killed_at_any_write_the_repeated_search_ends_alike(tmp_path, monkeypatch, before_rename):
    """Every write of the search is one moment of death: just before the file appears, and just after."""
    settings = SearchSettings(population=3, generations=2)
    writes = 4 * settings.max_candidates
    expected = search(tmp_path / "whole", settings=settings)
    whole_write = Path.replace
    count = 0

    def dying_replace(path, target):
        nonlocal count
        count -= 1
        if count == 0 and before_rename:
            raise Killed
        replaced = whole_write(path, target)
        if count == 0:
            raise Killed
        return replaced

    monkeypatch.setattr("pathlib.Path.replace", dying_replace)
    for moment in range(1, writes + 1):
        count, table = moment, RuggedTable(SPACE)
        directory = tmp_path / f"killed_{moment}"
        with pytest.raises(Killed):
            search(directory, evaluator=table, settings=settings)
        assert search(directory, evaluator=table, settings=settings) == expected
        # At most the interrupted evaluation is repeated.
        assert settings.max_candidates <= len(table.asked) <= settings.max_candidates + 1
    count = writes + 1
    assert search(tmp_path / "never_killed", settings=settings) == expected


def test_a_search_killed_again_and_again_ends_alike(tmp_path):
    expected = search(tmp_path / "whole")

    class Dying(RuggedTable):
        def evaluate(self, architecture):
            if len(self.asked) == 3:
                raise Killed
            return super().evaluate(architecture)

    for _ in range(3):
        with pytest.raises(Killed):
            search(tmp_path / "killed", evaluator=Dying(SPACE))
    table = RuggedTable(SPACE)
    assert search(tmp_path / "killed", evaluator=table) == expected
    assert len(table.asked) == 3


def test_the_state_survives_json_and_continues_like_the_original(tmp_path):
    table = RuggedTable(SPACE)
    original = new_oracle(tmp_path / "one")
    for _ in range(6):
        answer(original, original.create_trial("worker"), table)
    state = json.loads(json.dumps(original.get_state()))
    copy = new_oracle(tmp_path / "two")
    for _ in range(5):  # Whatever it did before is forgotten.
        answer(copy, copy.create_trial("worker"), RuggedTable(SPACE, seed=9))
    copy.trials = dict(original.trials)
    copy.set_state(state)
    assert json.loads(json.dumps(copy.get_state())) == state
    for _ in range(6):
        one, other = original.create_trial("worker"), copy.create_trial("worker")
        assert one.hyperparameters.values == other.hyperparameters.values
        answer(original, one, table)
        answer(copy, other, table)
    assert copy.evaluated == original.evaluated
    assert copy.create_trial("worker").status == TrialStatus.STOPPED


def test_two_workers_wait_for_each_other_at_the_end_of_a_generation(tmp_path):
    table = RuggedTable(SPACE)
    oracle = new_oracle(tmp_path)
    first = [oracle.create_trial(f"worker{index}") for index in range(4)]
    assert [trial.status for trial in first] == [TrialStatus.RUNNING] * 4
    assert oracle.create_trial("worker4").status == TrialStatus.IDLE
    for trial in reversed(first):
        answer(oracle, trial, table)
    second = oracle.create_trial("worker4")
    assert second.status == TrialStatus.RUNNING
    assert len(oracle.evaluated) == 4
    # Whoever finishes first, the parents are those of the whole generation before.
    alone = new_oracle(tmp_path / "alone")
    for _ in range(4):
        answer(alone, alone.create_trial("worker"), table)
    assert alone.create_trial("worker").hyperparameters.values == second.hyperparameters.values


def test_an_idle_worker_pauses_before_it_asks_again(tmp_path, monkeypatch):
    pauses = []
    monkeypatch.setattr("splitnets_tf.search.tuner.time.sleep", pauses.append)
    oracle = new_oracle(tmp_path)
    tuner = EvolutionTuner(oracle=oracle, evaluator=RuggedTable(SPACE), directory=tmp_path / "search")
    idle = iter([True, True])
    propose = oracle.populate_space
    monkeypatch.setattr(
        oracle,
        "populate_space",
        lambda trial_id: {"status": TrialStatus.IDLE} if next(idle, False) else propose(trial_id),
    )
    tuner.search()
    assert len(pauses) == 2 and min(pauses) > 0.01
    assert len(oracle.evaluated) == SETTINGS.max_candidates


def test_a_space_that_runs_out_ends_the_search_early(tmp_path, caplog):
    with caplog.at_level(logging.WARNING, logger="splitnets_tf.search.oracle"):
        result = search(tmp_path / "search", space=TINY_SPACE, constraints=())
    assert len(result.evaluated) == TINY_SPACE.count(with_none=False) == 4
    assert "ends after 4 of 12 candidates" in caplog.text
    assert search(tmp_path / "search", space=TINY_SPACE, constraints=()) == result


def test_a_failing_evaluation_is_not_swallowed(tmp_path):
    class Failing(RuggedTable):
        def evaluate(self, architecture):
            raise MemoryError("no room")

    with pytest.raises(MemoryError, match="no room"):
        search(tmp_path / "search", evaluator=Failing(SPACE))
    assert len(search(tmp_path / "search").evaluated) == SETTINGS.max_candidates


@pytest.mark.parametrize("accuracy", [float("nan"), -0.1, 71.5])
def test_an_answer_that_is_no_accuracy_is_refused(tmp_path, accuracy):
    class Odd(RuggedTable):
        def evaluate(self, architecture):
            return accuracy

    with pytest.raises(ValueError, match="between 0 and 1"):
        search(tmp_path / "search", evaluator=Odd(SPACE))


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"settings": SearchSettings(population=4, generations=3, seed=1)}, "seed"),
        ({"settings": SearchSettings(population=6, generations=3)}, "population"),
        ({"constraints": CONSTRAINTS[:1]}, "constraints"),
    ],
)
def test_another_search_in_the_same_folder_is_refused_by_what_differs(tmp_path, change, name):
    search(tmp_path / "search")
    with pytest.raises(UserError, match=rf"other settings \({name}\)"):
        search(tmp_path / "search", **change)


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", '{"asked": 3}'])
def test_a_spoilt_state_is_refused(tmp_path, text):
    search(tmp_path / "search")
    (tmp_path / "search" / "oracle.json").write_text(text)
    with pytest.raises(UserError, match=r"oracle\.json"):
        search(tmp_path / "search")


def test_impossible_constraints_are_refused_before_anything_is_evaluated_or_written(tmp_path):
    table = RuggedTable(SPACE)
    with pytest.raises(UserError, match="smallest reachable latency_ms"):
        search(tmp_path / "search", evaluator=table, constraints=parse_constraints(["latency_ms <= 0.001"]))
    assert table.asked == [] and not (tmp_path / "search").exists()
