"""Counting in parts: who is clearly dominated is given up, and nobody else."""

import dataclasses
import math

import numpy as np
import pytest

from benchmarks.halving_fronts import compare
from benchmarks.search_success import evolve, supernet_table
from benchmarks.synthetic_problem import SPACE, RuggedTable, SyntheticCost
from splitnets_tf.data.spread import spread_order
from splitnets_tf.errors import UserError
from splitnets_tf.search import FeasibilityProblem, SearchSettings, non_dominated, objective_array, run_search
from splitnets_tf.search.generation import begin_generation
from splitnets_tf.search.halving import MARGIN, evaluate_in_parts, margins
from splitnets_tf.space import sample

SETTINGS = SearchSettings(population=8, generations=5, validation_parts=(0.25, 0.5))
IMAGES = 400


class PartwiseTable(RuggedTable):
    """The table's accuracy as single images, the same for every call; counts the images that it was asked for."""

    def __init__(self, space):
        super().__init__(space, ruggedness=0.2)
        self.counted = 0

    def images(self, architecture):
        rng = np.random.default_rng(int(architecture.short_id, 16) % 2**32)
        easier = 0.2 * (np.arange(IMAGES) < IMAGES // 2)  # for everybody, so a part's accuracy is not the whole's
        return rng.random(IMAGES) < 0.6 * self.accuracy(architecture) + easier

    def correct_in_parts(self, architecture, shares):
        self.asked.append(architecture)
        for part in np.split(self.images(architecture), [round(share * IMAGES) for share in shares]):
            self.counted += len(part)
            yield part


class Killed(BaseException):
    """Stands for a kill: nothing may catch it."""


def search(directory, evaluator, settings=SETTINGS):
    return run_search(
        space=SPACE, cost=SyntheticCost(), evaluator=evaluator, constraints=(), settings=settings, directory=directory
    )


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    table = PartwiseTable(SPACE)
    return search(tmp_path_factory.mktemp("halving") / "search", table), table


def test_the_margin_is_two_standard_errors_of_what_differs_between_candidates():
    rng = np.random.default_rng(0)
    accuracies = rng.random(500)
    own = rng.normal(0, [0.01, 0.002], (500, 2))
    found = margins(accuracies, accuracies[:, None] + own + [0.3, -0.2])  # what is common to all does not matter
    assert found == pytest.approx([MARGIN * math.sqrt(2) * 0.01, MARGIN * math.sqrt(2) * 0.002], rel=0.1)
    assert (margins(accuracies[:5], own[:5]) == math.inf).all()


@pytest.mark.parametrize("floors", [(None, None), (0.0, 0.0)])
def test_above_the_floors_all_images_are_counted(floors):
    table = PartwiseTable(SPACE)
    architecture = sample(SPACE, np.random.default_rng(1))
    evaluation = evaluate_in_parts(table, architecture, (0.25, 0.5), floors)
    correct = table.images(architecture)
    assert evaluation.accuracy == correct.mean() and evaluation.counted == 1 and table.counted == IMAGES
    assert evaluation.after_parts == (correct[:100].mean(), correct[:200].mean())


def test_below_a_floor_the_rest_is_not_computed():
    table = PartwiseTable(SPACE)
    architecture = sample(SPACE, np.random.default_rng(1))
    evaluation = evaluate_in_parts(table, architecture, (0.25, 0.5), (None, 1.0))
    assert evaluation.counted == 0.5 and table.counted == 200
    assert evaluation.accuracy == evaluation.after_parts[1] == table.images(architecture)[:200].mean()


def test_a_search_gives_up_dominated_candidates_only_and_keeps_them_off_the_front(searched):
    result, table = searched
    lost = [each for each in result.evaluated if each.given_up]
    assert lost and table.counted < IMAGES * len(result.evaluated)
    assert table.counted == sum(round(each.counted * IMAGES) for each in result.evaluated)
    assert not any(each.given_up for each in result.front)
    for each in lost:
        part = round(each.counted * IMAGES)
        assert any(
            table.images(other.architecture)[:part].mean() > each.accuracy
            for other in result.evaluated
            if not other.given_up and other.cost.latency_ms <= each.cost.latency_ms
        )
    whole = [each for each in result.evaluated if not each.given_up]
    assert len(result.front) < np.count_nonzero(non_dominated(objective_array(result.evaluated)))
    keep = non_dominated(objective_array(whole))
    assert set(result.front) == {each for each, kept in zip(whole, keep, strict=True) if kept}


def test_rivals_come_from_earlier_generations_and_parents_were_counted_on_all_images(searched):
    result, _ = searched
    assert not any(each.given_up for each in result.evaluated[: SETTINGS.population])
    problem = FeasibilityProblem(space=SPACE, cost=SyntheticCost(), constraints=())
    begun = begin_generation(problem, SETTINGS, [result.evaluated])
    lost = {each.architecture for each in result.evaluated if each.given_up}
    assert lost.isdisjoint(begun.parents)
    assert len(begun.rivals) == len(result.evaluated) - len(lost) == len(begun.after_parts)
    cost = result.evaluated[0].cost
    whole = [each for each in result.evaluated if not each.given_up]
    errors = margins([each.accuracy for each in whole], [each.after_parts for each in whole])
    cheaper = [each for each in whole if each.cost.latency_ms <= cost.latency_ms]
    expected = [max(each.after_parts[part] for each in cheaper) - errors[part] for part in (0, 1)]
    assert begun.floors_of(cost, SETTINGS) == tuple(expected)
    assert begun.floors_of(dataclasses.replace(cost, latency_ms=0.0), SETTINGS) == (None, None)


def test_killed_again_and_again_it_ends_alike(searched, tmp_path):
    class Dying(PartwiseTable):
        def correct_in_parts(self, architecture, shares):
            if len(self.asked) == 13:
                raise Killed
            return super().correct_in_parts(architecture, shares)

    for _ in range(3):
        with pytest.raises(Killed):
            search(tmp_path / "killed", Dying(SPACE))
    table = PartwiseTable(SPACE)
    assert search(tmp_path / "killed", table) == searched[0]
    assert len(table.asked) == SETTINGS.max_candidates - 39


def test_an_evaluator_that_cannot_count_in_parts_is_refused(tmp_path):
    with pytest.raises(UserError, match="validation_parts"):
        search(tmp_path / "search", RuggedTable(SPACE))
    assert not (tmp_path / "search").exists()


@pytest.mark.parametrize("parts", [(0.0,), (1.0,), (0.5, 0.25), (0.25, 0.25), ("0.5",), (float("nan"),)])
def test_parts_that_are_none_are_refused(parts):
    with pytest.raises(UserError, match="validation_parts"):
        SearchSettings(validation_parts=parts)


def test_every_beginning_of_the_order_is_spread_evenly():
    order = spread_order(1110)
    assert sorted(order) == list(range(1110))
    for count in (50, 277, 800):
        per_tenth = np.bincount(order[:count] // 111, minlength=10)
        assert per_tenth.max() - per_tenth.min() <= 4


def test_on_real_evaluations_the_front_stays_and_images_are_saved():
    """benchmarks.halving_fronts on one seed."""
    table = supernet_table()
    row = compare(table, table.problems[1], (0.25,), seed=0)
    assert row["counted_share"] < 0.9
    assert row["hypervolume_ratio"] > 0.9
    assert row["clearly_worse"] == 0


def test_the_benchmark_evolves_as_the_oracle_does(tmp_path):
    """What the tables say of the loop without files, they say of the search."""
    table = supernet_table()
    settings = SearchSettings(
        population=10, generations=5, seed=3, validation_parts=(0.25,), predictor=True, least_rank_correlation=0.1
    )
    result = run_search(
        space=table.space, cost=table, evaluator=table, constraints=(), settings=settings, directory=tmp_path / "search"
    )
    assert result.predictor_checks
    assert result.evaluated == tuple(evolve(table, (), settings))
