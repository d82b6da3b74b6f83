"""Screening proposals by the batch: as feasible as pricing one by one, with far fewer graphs."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitnets_tf.errors import UserError
from splitnets_tf.hardware import load_system
from splitnets_tf.search import AnalyticCost, FeasibilityProblem, SearchSettings, check_feasible, parse_constraints
from splitnets_tf.search.breeding import propose
from splitnets_tf.search.descent import repair
from splitnets_tf.space import load_space, sample, sample_vectors

SPACE = load_space("demo")
TIGHT = (
    ("latency_ms <= 0.05", "peak_bytes <= 40000"),
    ("latency_ms <= 0.03", "sensor_memory_bytes <= 30000", "macs >= 1e6"),
    ("peak_bytes + link_bytes <= 30000", "macs / (params - 20000) >= 20"),
)


class OneByOne:
    """Hides that the model can price a population."""

    def __init__(self):
        self.model = Counting()

    def cost(self, architecture):
        return self.model.cost(architecture)


class Counting(AnalyticCost):
    """Counts graphs."""

    def __init__(self):
        super().__init__(SPACE, load_system("hmd"), 34)
        self.graphs = 0

    def _compute(self, architecture):
        self.graphs += 1
        return super()._compute(architecture)


def problem(texts, cost):
    return FeasibilityProblem(space=SPACE, cost=cost, constraints=parse_constraints(texts))


def proposals(asked, seed):
    rng = np.random.default_rng(seed)
    found = []
    for index in range(24):
        found.append(propose(asked, SearchSettings(max_retries=40), found[-6:] if index > 8 else [], found, rng))
    return found, rng.bit_generator.state


@pytest.mark.parametrize("texts", TIGHT)
def test_screened_proposals_are_feasible_and_take_fewer_graphs(texts):
    screened, alone = problem(texts, Counting()), problem(texts, OneByOne())
    found = proposals(screened, 3)
    assert proposals(alone, 3)[0][-1] is not None and len(set(found[0])) == 24
    assert all(screened.violation(each) == 0 for each in found[0])
    assert screened.cost.graphs < 0.5 * alone.cost.model.graphs
    assert proposals(problem(texts, Counting()), 3) == found  # the generator decides, and nothing else


def test_where_proposals_are_rarely_refused_screening_changes_none():
    texts = ("latency_ms <= 3", "sensor_memory_bytes <= 200000")
    screened, alone = problem(texts, Counting()), problem(texts, OneByOne())
    assert proposals(screened, 3) == proposals(alone, 3)


@pytest.mark.parametrize("texts", TIGHT)
def test_screened_repairs_end_feasible_and_take_fewer_graphs(texts):
    screened, alone = problem(texts, Counting()), problem(texts, OneByOne())
    rng = np.random.default_rng(0)
    starts = [sample(SPACE, rng) for _ in range(6)]
    ends = [[repair(asked, start, np.random.default_rng(0)) for start in starts] for asked in (screened, alone)]
    assert all(screened.violation(end) == 0 for end in ends[0] if end is not None)
    assert sum(end is not None for end in ends[0]) >= sum(end is not None for end in ends[1])
    assert screened.cost.graphs < 0.5 * alone.cost.model.graphs


@pytest.mark.parametrize("texts", TIGHT)
def test_the_bound_is_exact_where_every_constraint_is_priced_together(texts):
    asked = problem(texts, Counting())
    architectures = [SPACE.decode(vector) for vector in sample_vectors(SPACE, np.random.default_rng(1), 60)]
    least = asked.least_violations(architectures)
    exact = np.asarray([asked.violation(architecture) for architecture in architectures])
    if asked.priced_together == asked.constraints:
        np.testing.assert_array_equal(least, exact)
    else:
        assert (least <= exact).all() and (least < exact).any()


figures = st.lists(st.integers(-5, 5), min_size=1, max_size=6)


@given(
    figures,
    st.sampled_from(["macs <= 2", "macs < 2", "macs >= 0", "0 < macs", "macs / params >= 1", "1 / macs <= params"]),
    st.integers(-2, 2),
)
def test_violations_of_arrays_are_those_of_numbers(macs, text, params):
    constraint = parse_constraints([text])[0]
    arrays = {"macs": np.asarray(macs), "params": np.full(len(macs), params)}
    expected = [constraint.violation({"macs": value, "params": params}) for value in macs]
    assert constraint.violations(arrays).tolist() == expected


def test_a_constant_division_by_zero_is_violated():
    constraint = parse_constraints(["macs <= 1 / 0"])[0]
    assert constraint.violations({"macs": np.arange(2)}).tolist() == [math.inf] * 2


def test_rare_feasible_networks_are_found_by_screening():
    """One in about two thousand random networks keeps both."""
    texts = ("macs >= 2.2e6", "peak_bytes <= 9000", "latency_ms <= 0.11")
    cost = Counting()
    figures = cost.figures(sample_vectors(SPACE, np.random.default_rng(9), 20_000))
    kept = np.logical_and.reduce([constraint.violations(figures) == 0 for constraint in parse_constraints(texts)])
    assert 0 < kept.mean() < 0.002
    found = check_feasible(problem(texts, cost), np.random.default_rng(0))
    assert problem(texts, cost).violation(found) == 0
    assert cost.graphs < 30
    with pytest.raises(UserError, match="closest one found"):
        check_feasible(problem(("macs >= 1e12",), Counting()), np.random.default_rng(0))
