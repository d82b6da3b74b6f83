"""Proposals: feasible, new, and better than chance."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.synthetic_problem import SPACE, TINY_SPACE, RuggedTable, SyntheticCost, synthetic_cost
from splitnets_tf.errors import UserError
from splitnets_tf.hardware import load_system
from splitnets_tf.search import (
    AnalyticCost,
    Candidate,
    FeasibilityProblem,
    SearchSettings,
    hypervolume_2d,
    memory_constraints,
    objective_array,
    pareto_front,
    parse_constraints,
    total_violation,
)
from splitnets_tf.search.breeding import extremes, propose, select_parents
from splitnets_tf.space import every_architecture, load_space, sample

EVERYTHING = list(every_architecture(SPACE))


def evolve(table, constraints, chosen, *, parents_of=select_parents):
    """The search without its files: what the oracle does, generation by generation."""
    problem = FeasibilityProblem(space=SPACE, cost=SyntheticCost(), constraints=constraints)
    rng = np.random.default_rng(chosen.seed)
    evaluated, known = [], set()
    for _ in range(chosen.generations):
        parents = parents_of(evaluated, chosen)
        for _ in range(chosen.population):
            architecture = propose(problem, chosen, parents, known, rng)
            known.add(architecture)
            evaluated.append(candidate(table, architecture))
    return evaluated


def candidate(table, architecture):
    return Candidate(
        architecture=architecture, accuracy=table.accuracy(architecture), cost=synthetic_cost(architecture)
    )


def test_the_space_can_be_enumerated():
    assert len(set(EVERYTHING)) == SPACE.count(with_none=False) == 15360


@pytest.mark.parametrize("texts", [("latency_ms <= 0.2",), ("latency_ms <= 0.1", "peak_bytes <= 12000")])
def test_a_twentieth_of_the_space_yields_nearly_the_true_front_and_random_search_does_not(texts):
    constraints = parse_constraints(texts)
    table = RuggedTable(SPACE)
    feasible = [
        candidate(table, architecture)
        for architecture in EVERYTHING
        if total_violation(constraints, synthetic_cost(architecture).as_dict()) == 0
    ]
    worst = (-min(each.accuracy for each in feasible), max(each.cost.latency_ms for each in feasible))
    whole = hypervolume_2d(objective_array(pareto_front(feasible)), worst)
    best_thousandth = sorted((each.accuracy for each in feasible), reverse=True)[len(feasible) // 1000 - 1]
    shares, hits = {}, {}
    for name, parents_of in (("evolution", select_parents), ("random", lambda *_: ())):
        runs = [
            evolve(table, constraints, SearchSettings(population=48, generations=16, seed=seed), parents_of=parents_of)
            for seed in range(3)
        ]
        shares[name] = [hypervolume_2d(objective_array(run), worst) / whole for run in runs]
        hits[name] = sum(max(each.accuracy for each in run) >= best_thousandth for run in runs)
    assert min(shares["evolution"]) > 0.99
    assert min(shares["evolution"]) > max(shares["random"])
    assert hits["evolution"] == 3 > hits["random"]


@given(
    st.integers(0, 10**6),
    st.sampled_from(["latency_ms", "peak_bytes", "link_bytes"]),
    st.floats(0.02, 0.9),
    st.booleans(),
)
@settings(max_examples=25, deadline=None)
def test_every_proposal_is_feasible_and_new(seed, figure, quantile, bred):
    limit = float(np.quantile([getattr(synthetic_cost(each), figure) for each in EVERYTHING[::50]], quantile))
    constraints = parse_constraints([f"{figure} <= {limit!r}"])
    chosen = SearchSettings(population=8, generations=3 if bred else 1, seed=seed)
    run = evolve(RuggedTable(SPACE), constraints, chosen)
    assert len({each.architecture for each in run}) == len(run) == chosen.max_candidates
    for each in run:
        SPACE.check(each.architecture)
        assert each.architecture.is_split
        assert getattr(each.cost, figure) <= limit


def test_rare_feasible_architectures_are_reached_by_repair():
    constraints = parse_constraints(["latency_ms <= 0.03", "macs >= 3.4e5", "peak_bytes <= 9000"])
    share = sum(total_violation(constraints, synthetic_cost(each).as_dict()) == 0 for each in EVERYTHING) / 15360
    assert 0 < share < 0.005
    run = evolve(RuggedTable(SPACE), constraints, SearchSettings(population=6, generations=2, max_retries=1))
    assert len({each.architecture for each in run}) == 12
    assert all(total_violation(constraints, each.cost.as_dict()) == 0 for each in run)


def test_an_exhausted_space_ends_in_none():
    problem = FeasibilityProblem(space=TINY_SPACE, cost=SyntheticCost(), constraints=())
    chosen = SearchSettings(population=8, generations=1)
    rng = np.random.default_rng(0)
    known = set()
    for _ in range(TINY_SPACE.count(with_none=False)):
        known.add(propose(problem, chosen, (), known, rng))
    assert known == set(every_architecture(TINY_SPACE))
    assert propose(problem, chosen, (), known, rng) is None
    assert propose(problem, chosen, tuple(known), known, rng) is None


def test_parents_are_the_front_first_and_half_a_generation():
    table = RuggedTable(SPACE)
    evaluated = [candidate(table, architecture) for architecture in EVERYTHING[::300]]
    chosen = SearchSettings(population=24, generations=2)
    parents = select_parents(evaluated, chosen)
    front = {each.architecture for each in pareto_front(evaluated)}
    assert len(parents) == 12
    assert set(parents) <= front or front <= set(parents)


def test_the_better_of_two_parents_is_taken():
    """Of two parents drawn with replacement, the first of the ranking wins three times out of four."""
    problem = FeasibilityProblem(space=SPACE, cost=SyntheticCost(), constraints=())
    chosen = SearchSettings(mutation_probability=0.0, crossover_probability=0.0)
    rng = np.random.default_rng(0)
    better, worse = EVERYTHING[10], EVERYTHING[5000]
    copies = [propose(problem, chosen, (better, worse), (), rng) for _ in range(400)]
    assert set(copies) == {better, worse}
    assert copies.count(better) == pytest.approx(300, abs=35)


def test_a_crossed_child_has_genes_of_both_parents():
    problem = FeasibilityProblem(space=SPACE, cost=SyntheticCost(), constraints=())
    chosen = SearchSettings(mutation_probability=0.0, crossover_probability=1.0)
    rng = np.random.default_rng(0)
    parents = (EVERYTHING[0], EVERYTHING[-1])
    child = propose(problem, chosen, parents, parents, rng)
    genes = np.array([SPACE.encode(each)[: len(SPACE.genes)] for each in (*parents, child)])
    assert ((genes[2] == genes[0]) | (genes[2] == genes[1])).all()


def test_further_objectives_widen_the_front():
    table = RuggedTable(SPACE)
    evaluated = [candidate(table, architecture) for architecture in EVERYTHING[::70]]
    wide = pareto_front(evaluated, ("latency_ms", "link_bytes"))
    assert set(pareto_front(evaluated)) < set(wide)
    for one, other in itertools.permutations(wide, 2):
        better = (one.accuracy >= other.accuracy, one.cost.latency_ms <= other.cost.latency_ms)
        assert not (all(better) and one.cost.link_bytes < other.cost.link_bytes)


def test_probabilities_decide_how_far_children_stray():
    problem = FeasibilityProblem(space=SPACE, cost=SyntheticCost(), constraints=())
    parent = EVERYTHING[777]

    def mean_distance(probability):
        chosen = SearchSettings(mutation_probability=probability, crossover_probability=0.0)
        rng = np.random.default_rng(0)
        children = [propose(problem, chosen, (parent,), {parent}, rng) for _ in range(200)]
        return np.mean([(SPACE.encode(child) != SPACE.encode(parent)).sum() for child in children])

    assert mean_distance(0.1) < 0.6 * mean_distance(0.9)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("population", 1),
        ("population", 2.0),
        ("generations", 0),
        ("seed", -1),
        ("seed", True),
        ("max_retries", 0),
        ("mutation_probability", 1.1),
        ("mutation_probability", float("nan")),
        ("crossover_probability", "0.5"),
        ("minimise", ("latency",)),
        ("minimise", ()),
        ("minimise", ("macs", "macs")),
    ],
)
def test_wrong_settings_are_refused_by_name(field, value):
    with pytest.raises(UserError, match=field):
        SearchSettings(**{field: value})


def test_the_defaults_are_the_papers_recipe():
    chosen = SearchSettings()
    assert (chosen.population, chosen.generations, chosen.max_candidates) == (512, 20, 10240)
    assert (chosen.mutation_probability, chosen.crossover_probability) == (0.2, 0.5)


def test_first_proposals_are_the_extremes_made_feasible():
    """A random sample of a large space never comes near its largest network."""
    space = load_space("demo")
    system = load_system("hmd-demo")
    cost = AnalyticCost(space, system, 34)
    problem = FeasibilityProblem(space=space, cost=cost, constraints=memory_constraints(system))
    rng = np.random.default_rng(0)
    known = []
    for extreme in extremes(space):
        proposed = propose(problem, SearchSettings(population=8), (), known, rng)
        assert problem.violation(proposed) == 0
        if problem.violation(extreme) == 0:
            assert proposed == extreme
        known.append(proposed)
    largest = cost.cost(extremes(space)[0]).macs
    randoms = [cost.cost(sample(space, rng)).macs for _ in range(100)]
    assert max(cost.cost(architecture).macs for architecture in known) > max(randoms)
    assert max(cost.cost(architecture).macs for architecture in known) > 0.75 * largest
