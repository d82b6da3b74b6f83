"""The accuracy predictor: ranks, chooses among children, says how good it is, and is off where it is poor."""

import dataclasses

import numpy as np
import pytest

from benchmarks.search_success import evolve, supernet_table
from benchmarks.synthetic_problem import SPACE, RuggedTable, SyntheticCost, synthetic_cost
from splitnets_tf.errors import UserError
from splitnets_tf.search import Candidate, FeasibilityProblem, SearchSettings, run_search
from splitnets_tf.search.generation import begin_generation, propose_next
from splitnets_tf.search.predictor import AccuracyPredictor, rank_correlation
from splitnets_tf.space import sample

SETTINGS = SearchSettings(population=16, generations=4, predictor=True)
PROBLEM = FeasibilityProblem(space=SPACE, cost=SyntheticCost(), constraints=())


class Killed(BaseException):
    """Stands for a kill: nothing may catch it."""


def candidates(accuracy, count, seed=0):
    rng = np.random.default_rng(seed)
    drawn = [sample(SPACE, rng) for _ in range(count)]
    return [Candidate(architecture=each, accuracy=accuracy(each), cost=synthetic_cost(each)) for each in drawn]


def noise(architecture):
    return int(architecture.short_id, 16) % 1000 / 1000


def search(directory, evaluator, settings=SETTINGS):
    return run_search(
        space=SPACE, cost=SyntheticCost(), evaluator=evaluator, constraints=(), settings=settings, directory=directory
    )


def test_it_ranks_what_it_has_not_seen():
    table = RuggedTable(SPACE)
    seen, unseen = candidates(table.accuracy, 60), candidates(table.accuracy, 200, seed=1)
    predicted = AccuracyPredictor(SPACE, seen).predict([(each.architecture, each.cost) for each in unseen])
    measured = [each.accuracy for each in unseen]
    assert rank_correlation(predicted, measured) > 0.8
    assert np.abs(predicted - measured).mean() < 0.05


def test_equal_candidates_make_equal_predictors():
    table = RuggedTable(SPACE)
    seen, unseen = candidates(table.accuracy, 60), candidates(table.accuracy, 20, seed=1)
    priced = [(each.architecture, each.cost) for each in unseen]
    one, other = (AccuracyPredictor(SPACE, seen).predict(priced) for _ in range(2))
    assert (one == other).all()


@pytest.mark.parametrize(
    ("predicted", "measured", "expected"),
    [([1, 2, 3], [10, 20, 40], 1.0), ([1, 2, 3], [3, 2, 1], -1.0), ([1, 1, 1], [1, 2, 3], 0.0), ([1, 2], [5, 5], 0.0)],
)
def test_rank_correlation_by_hand(predicted, measured, expected):
    assert rank_correlation(predicted, measured) == pytest.approx(expected)


def test_it_is_judged_on_the_generation_that_it_has_not_seen():
    table = RuggedTable(SPACE)
    earlier = [candidates(table.accuracy, 30), candidates(table.accuracy, 20, seed=1)]
    begun = begin_generation(PROBLEM, SETTINGS, earlier)
    blind = AccuracyPredictor(SPACE, earlier[0]).predict([(each.architecture, each.cost) for each in earlier[1]])
    assert begun.check.rank_correlation == rank_correlation(blind, [each.accuracy for each in earlier[1]])
    assert begun.check.used and begun.predictor is not None and begun.check.generation == 3
    assert begin_generation(PROBLEM, SETTINGS, earlier[:1]).predictor is None
    halves = [earlier[0], earlier[1][:10], earlier[1][10:]]  # ten candidates are too few to judge by
    assert begin_generation(PROBLEM, SETTINGS, halves).check.rank_correlation == begun.check.rank_correlation
    assert begin_generation(PROBLEM, dataclasses.replace(SETTINGS, predictor=False), earlier).check is None


def test_where_accuracy_is_noise_it_is_off_and_says_so():
    begun = begin_generation(PROBLEM, SETTINGS, [candidates(noise, 40), candidates(noise, 40, seed=1)])
    assert begun.predictor is None
    assert not begun.check.used and begun.check.rank_correlation < SETTINGS.least_rank_correlation


def test_of_several_children_the_most_promising_is_taken():
    table = RuggedTable(SPACE)
    earlier = [candidates(table.accuracy, 40), candidates(table.accuracy, 20, seed=1)]
    begun = begin_generation(PROBLEM, SETTINGS, earlier)
    known = {each.architecture for generation in earlier for each in generation}

    def mean_gain(children):
        settings = dataclasses.replace(SETTINGS, children=children)
        rng = np.random.default_rng(0)
        proposed = [propose_next(PROBLEM, settings, begun, known, rng) for _ in range(60)]
        assert known.isdisjoint(proposed)
        gains = [table.accuracy(each) - begun.front_accuracy(synthetic_cost(each), settings) for each in proposed]
        return np.mean(gains)

    assert mean_gain(8) > mean_gain(1) + 0.03


def test_killed_again_and_again_a_search_with_predictor_ends_alike(tmp_path):
    class Dying(RuggedTable):
        def evaluate(self, architecture):
            if len(self.asked) == 17:
                raise Killed
            return super().evaluate(architecture)

    expected = search(tmp_path / "whole", RuggedTable(SPACE))
    assert any(check.used for check in expected.predictor_checks)
    for _ in range(3):
        with pytest.raises(Killed):
            search(tmp_path / "killed", Dying(SPACE))
    assert search(tmp_path / "killed", RuggedTable(SPACE)) == expected


def test_noise_switches_it_off_in_a_whole_search(tmp_path):
    class Noise(RuggedTable):
        def accuracy(self, architecture):
            return noise(architecture)

    result = search(tmp_path / "search", Noise(SPACE), dataclasses.replace(SETTINGS, population=24, generations=4))
    assert [check.generation for check in result.predictor_checks] == [3, 4]
    assert not any(check.used for check in result.predictor_checks)


def test_on_real_evaluations_its_ranks_agree():
    table = supernet_table()
    settings = dataclasses.replace(table.settings, generations=4)
    found = list(evolve(table, table.problems[0], settings))
    seen, unseen = found[:54], found[54:]
    predicted = AccuracyPredictor(table.space, seen).predict([(each.architecture, each.cost) for each in unseen])
    assert rank_correlation(predicted, [each.accuracy for each in unseen]) > 0.5


@pytest.mark.parametrize(("field", "value"), [("children", 0), ("least_rank_correlation", 1.5)])
def test_wrong_settings_are_refused(field, value):
    with pytest.raises(UserError, match=field):
        SearchSettings(**{field: value})
