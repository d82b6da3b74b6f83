"""The accuracy predictor: ranks, chooses among children, says how good it is, and is off where it is poor."""

import dataclasses

import numpy as np
import pytest

from benchmarks.search_success import evolve, supernet_table
from benchmarks.synthetic_problem import SPACE, RuggedTable, SyntheticCost, synthetic_cost
from splitnets_tf.errors import UserError
from splitnets_tf.search import (
    COST_FIGURES,
    Candidate,
    FeasibilityProblem,
    SearchSettings,
    parse_constraints,
    run_search,
)
from splitnets_tf.search.generation import MOST_ALONE, begin_generation, propose_next
from splitnets_tf.search.predictor import LOGARITHMS, AccuracyPredictor, rank_correlation
from splitnets_tf.space import sample

SETTINGS = SearchSettings(population=16, generations=4, predictor=True)
PROBLEM = FeasibilityProblem(space=SPACE, cost=SyntheticCost(), constraints=())


class Killed(BaseException):
    """Stands for a kill: nothing may catch it."""


def candidates(accuracy, count, seed=0):
    rng = np.random.default_rng(seed)
    drawn = [sample(SPACE, rng) for _ in range(count)]
    return [Candidate(architecture=each, accuracy=accuracy(each), cost=synthetic_cost(each)) for each in drawn]


def asked(found):
    """What a predictor is told of candidates: their vectors and figures."""
    figures = {name: np.array([each.figure(name) for each in found]) for name in LOGARITHMS}
    return np.stack([SPACE.encode(each.architecture) for each in found]), figures


def noise(architecture):
    return int(architecture.short_id, 16) % 1000 / 1000


def search(directory, evaluator, settings=SETTINGS):
    return run_search(
        space=SPACE, cost=SyntheticCost(), evaluator=evaluator, constraints=(), settings=settings, directory=directory
    )


def test_it_ranks_what_it_has_not_seen():
    table = RuggedTable(SPACE)
    seen, unseen = candidates(table.accuracy, 60), candidates(table.accuracy, 200, seed=1)
    predicted = AccuracyPredictor(SPACE, seen).predict(*asked(unseen))
    measured = [each.accuracy for each in unseen]
    assert rank_correlation(predicted, measured) > 0.8
    assert np.abs(predicted - measured).mean() < 0.05


def test_equal_candidates_make_equal_predictors():
    table = RuggedTable(SPACE)
    seen, unseen = candidates(table.accuracy, 60), candidates(table.accuracy, 20, seed=1)
    one, other = (AccuracyPredictor(SPACE, seen) for _ in range(2))
    assert (one.predict(*asked(unseen)) == other.predict(*asked(unseen))).all()
    draws = [each.draw(*asked(unseen), np.random.default_rng(3)) for each in (one, other)]
    assert (draws[0] == draws[1]).all()


def test_draws_scatter_about_the_prediction_most_where_little_is_known():
    table = RuggedTable(SPACE)
    seen, unseen = candidates(table.accuracy, 60), candidates(table.accuracy, 60, seed=1)
    predictor = AccuracyPredictor(SPACE, seen)
    rng = np.random.default_rng(0)
    both = asked([*seen, *unseen])
    draws = np.stack([predictor.draw(*both, rng) for _ in range(200)])
    spread = draws.std(axis=0)
    assert (np.abs(draws.mean(axis=0) - predictor.predict(*both)) < 5 * spread / np.sqrt(200)).all()
    assert spread[60:].mean() > 1.5 * spread[:60].mean()


def test_many_candidates_cost_no_more_than_the_latest(monkeypatch):
    table = RuggedTable(SPACE)
    found, unseen = candidates(table.accuracy, 60), candidates(table.accuracy, 5, seed=1)
    latest = AccuracyPredictor(SPACE, found[-40:]).predict(*asked(unseen))
    monkeypatch.setattr("splitnets_tf.search.predictor.MOST_FITTED", 40)
    assert (AccuracyPredictor(SPACE, found).predict(*asked(unseen)) == latest).all()


def test_equal_accuracies_are_predicted_as_such():
    seen = candidates(lambda architecture: 0.5, 20)
    assert AccuracyPredictor(SPACE, seen).predict(*asked(seen)) == pytest.approx(0.5)


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
    blind = AccuracyPredictor(SPACE, earlier[0]).predict(*asked(earlier[1]))
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


class Together(SyntheticCost):
    """Prices a population at once."""

    population_figures = frozenset(COST_FIGURES)

    def figures(self, vectors):
        costs = [synthetic_cost(SPACE.decode(vector)) for vector in vectors]
        return {name: np.array([getattr(cost, name) for cost in costs]) for name in COST_FIGURES}


@pytest.mark.parametrize("cost", [SyntheticCost(), Together()])
def test_of_many_children_a_promising_one_is_taken(cost):
    table = RuggedTable(SPACE)
    problem = FeasibilityProblem(space=SPACE, cost=cost, constraints=parse_constraints(["latency_ms <= 0.3"]))
    earlier = [candidates(table.accuracy, 40), candidates(table.accuracy, 20, seed=1)]
    begun = begin_generation(problem, SETTINGS, earlier)
    known = {each.architecture for generation in earlier for each in generation}

    def proposed(generation, count=20):
        rng = np.random.default_rng(0)
        found = [propose_next(problem, SETTINGS, generation, known, rng) for _ in range(count)]
        assert known.isdisjoint(found)
        assert all(synthetic_cost(each).latency_ms <= 0.3 for each in found)
        return found

    def mean_accuracy(generation):
        return np.mean([table.accuracy(each) for each in proposed(generation)])

    assert mean_accuracy(begun) > mean_accuracy(dataclasses.replace(begun, predictor=None)) + 0.01
    assert len(set(proposed(begun))) > 10  # each proposal has a draw of its own


def test_children_are_priced_at_once_where_that_can_be():
    begun = begin_generation(PROBLEM, SETTINGS, [candidates(RuggedTable(SPACE).accuracy, 40)] * 2)
    asked_for = {}
    for cost in (SyntheticCost(), Together()):
        problem = dataclasses.replace(PROBLEM, cost=cost, constraints=parse_constraints(["latency_ms <= 0.3"]))
        propose_next(problem, SETTINGS, begun, set(), np.random.default_rng(0))
        asked_for[type(cost)] = cost.asked
    assert asked_for[Together] <= 5 and asked_for[SyntheticCost] <= MOST_ALONE + 5


def test_where_no_child_keeps_the_constraints_another_is_proposed():
    """65 of 15 360 architectures keep these: the screen refuses all children."""
    begun = begin_generation(PROBLEM, SETTINGS, [candidates(RuggedTable(SPACE).accuracy, 40)] * 2)
    texts = ["latency_ms <= 0.1", "macs >= 2e6"]
    problem = dataclasses.replace(PROBLEM, cost=Together(), constraints=parse_constraints(texts))
    found = propose_next(problem, SETTINGS, begun, set(), np.random.default_rng(0))
    assert found is not None and problem.violation(found) == 0


def test_the_front_at_a_cost_by_hand():
    begun = begin_generation(PROBLEM, SETTINGS, [])
    begun = dataclasses.replace(begun, rivals=np.array([[-0.5, 1.0], [-0.7, 2.0], [-0.6, 3.0]]))
    assert begun.front_accuracies(np.array([[0.5], [1.0], [2.5], [9.0]])).tolist() == [0.5, 0.5, 0.7, 0.7]


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
    vectors = np.stack([table.space.encode(each.architecture) for each in unseen])
    predicted = AccuracyPredictor(table.space, seen).predict(vectors, table.figures(vectors))
    assert rank_correlation(predicted, [each.accuracy for each in unseen]) > 0.5


@pytest.mark.parametrize(("field", "value"), [("children", 0), ("least_rank_correlation", 1.5)])
def test_wrong_settings_are_refused(field, value):
    with pytest.raises(UserError, match=field):
        SearchSettings(**{field: value})


def test_where_rounding_makes_a_covariance_useless_the_draw_is_what_is_most_likely(monkeypatch):
    found = candidates(RuggedTable(SPACE).accuracy, 40)
    vectors, figures = asked(found)
    believed = AccuracyPredictor(SPACE, found)
    usual = believed.draw(vectors, figures, np.random.default_rng(0))
    monkeypatch.setattr("splitnets_tf.search.predictor.JITTERS", (-1.0, 1e-8))
    np.testing.assert_array_equal(believed.draw(vectors, figures, np.random.default_rng(0)), usual)
    monkeypatch.setattr("splitnets_tf.search.predictor.JITTERS", (-1.0,))
    np.testing.assert_allclose(
        believed.draw(vectors, figures, np.random.default_rng(0)), believed.predict(vectors, figures)
    )
