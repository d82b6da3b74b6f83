"""Constraints that nothing satisfies, and the way to those that something does."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.synthetic_problem import SPACE, SyntheticCost, synthetic_cost
from splitnets_tf.errors import UserError
from splitnets_tf.hardware import load_system
from splitnets_tf.search import (
    AnalyticCost,
    FeasibilityProblem,
    SearchSettings,
    check_feasible,
    parse_constraints,
    run_search,
    total_violation,
)
from splitnets_tf.search.descent import repair
from splitnets_tf.search.neighbours import neighbours
from splitnets_tf.space import every_architecture, load_space, sample

FIGURES = [synthetic_cost(architecture).as_dict() for architecture in list(every_architecture(SPACE))]


def problem(*texts, cost=None):
    return FeasibilityProblem(space=SPACE, cost=cost or SyntheticCost(), constraints=parse_constraints(texts))


def named_value(message, subject):
    return float(re.search(rf"reachable {re.escape(subject)}[^;]* is ([\d.]+)", message)[1])


@pytest.mark.parametrize(
    "subject", ["latency_ms", "peak_bytes", "link_bytes", "macs / 1000", "latency_ms + link_bytes"]
)
def test_an_unreachable_bound_is_answered_with_the_smallest_value_there_is(subject):
    read = parse_constraints([f"{subject} <= 0.001"])[0]
    smallest = min(read.value(figures) for figures in FIGURES)
    with pytest.raises(UserError) as error:
        check_feasible(problem(f"{subject} <= 0.001"), np.random.default_rng(0))
    named = named_value(str(error.value), subject)
    assert named == pytest.approx(smallest, rel=1e-3) and named >= smallest
    check_feasible(problem(f"{subject} <= {named}"), np.random.default_rng(0))


def test_an_unreachable_floor_is_answered_with_the_largest_value_there_is():
    with pytest.raises(UserError) as error:
        check_feasible(problem("macs >= 1e12"), np.random.default_rng(0))
    assert named_value(str(error.value), "macs") == pytest.approx(max(f["macs"] for f in FIGURES), rel=1e-3)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("latency_ms <= 0.01", r"\(\d\d(\.\d)? % over its limit\)"),
        ("peak_bytes <= 1", r"\(4\d\d,\d{3} % over its limit\)"),
    ],
)
def test_how_far_a_limit_is_missed_is_written_out(text, amount):
    with pytest.raises(UserError, match=amount):
        check_feasible(problem(text), np.random.default_rng(0))


def test_of_two_constraints_the_nearest_value_respects_the_other():
    texts = ("peak_bytes <= 9000", "macs >= 1e7")
    reachable = max(figures["macs"] for figures in FIGURES if figures["peak_bytes"] <= 9000)
    assert reachable < 1e7
    with pytest.raises(UserError) as error:
        check_feasible(problem(*texts), np.random.default_rng(0))
    message = str(error.value)
    assert all(text in message for text in texts) and "\n" not in message
    assert "macs under the other constraints" in message
    assert named_value(message, "macs") == pytest.approx(reachable, rel=0.01)


def test_opposed_bounds_around_one_architecture_are_found_feasible():
    rng = np.random.default_rng(5)
    for seed in range(60):
        figures = FIGURES[int(rng.integers(len(FIGURES)))]
        asked = problem(
            f"latency_ms <= {1.2 * figures['latency_ms']!r}",
            f"peak_bytes <= {1.2 * figures['peak_bytes']!r}",
            f"macs >= {figures['macs'] / 1.2!r}",
        )
        found = check_feasible(asked, np.random.default_rng(seed))
        assert found.is_split
        assert total_violation(asked.constraints, synthetic_cost(found).as_dict()) == 0


def test_without_constraints_everything_is_feasible():
    cost = SyntheticCost()
    assert check_feasible(problem(cost=cost), np.random.default_rng(0)).is_split
    assert cost.asked == 0


@pytest.mark.parametrize("texts", [("latency_ms <= 0.001",), ("latency_ms <= 0.02", "macs >= 1e7", "link_bytes <= 10")])
def test_the_effort_is_bounded(texts):
    demo = load_space("demo")
    priced = []

    class Counting(AnalyticCost):
        def _compute(self, architecture):
            priced.append(architecture)
            return super()._compute(architecture)

    cost = Counting(demo, load_system("hmd"), 34)
    with pytest.raises(UserError, match="closest one found"):
        check_feasible(
            FeasibilityProblem(space=demo, cost=cost, constraints=parse_constraints(texts)), np.random.default_rng(0)
        )
    assert 0 < len(priced) < 700


@pytest.mark.parametrize("limit", [5000, 8000])
def test_repair_walks_to_a_feasible_architecture(limit):
    asked = problem(f"peak_bytes <= {limit}", "macs >= 3e5")
    rng = np.random.default_rng(1)
    repaired = [repair(asked, sample(SPACE, rng), rng) for _ in range(20)]
    found = [architecture for architecture in repaired if architecture is not None]
    assert len(found) >= 10
    assert all(asked.violation(architecture) == 0 for architecture in found)


def test_neighbours_differ_in_one_choice_and_are_legal():
    rng = np.random.default_rng(2)
    for _ in range(50):
        architecture = sample(SPACE, rng)
        moved = list(neighbours(SPACE, architecture, rng))
        assert architecture not in moved and len(set(moved)) == len(moved)
        for neighbour in moved:
            SPACE.check(neighbour)
            genes = slice(0, len(SPACE.genes))
            changed = SPACE.encode(neighbour)[genes] != SPACE.encode(architecture)[genes]
            if changed.any():
                assert changed.sum() == 1 and neighbour.split.phase == architecture.split.phase
                assert neighbour.split.width == architecture.split.width
        free = [gene for gene in SPACE.genes if len(gene.choices) > 1]
        assert len(moved) >= len(free)


def test_the_search_imports_without_tensorflow():
    """A wrong constraint is answered in under two seconds only if nothing heavy is imported first."""
    code = "import sys, splitnets_tf.search; print({'tensorflow', 'keras', 'keras_tuner'} & set(sys.modules))"
    root = Path(__file__).parents[3]
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert run.stdout.strip() == "set()"


def test_a_figure_that_the_system_does_not_give_is_refused_before_anything_is_loaded(tmp_path):
    with pytest.raises(UserError, match="energy_mj divides by zero or names a figure that the system has no constants"):
        check_feasible(problem("energy_mj <= 1"), np.random.default_rng(0))
    with pytest.raises(UserError, match="energy_mj cannot be minimised"):
        run_search(
            space=SPACE,
            cost=SyntheticCost(),
            evaluator=None,
            constraints=(),
            settings=SearchSettings(minimise=("latency_ms", "energy_mj")),
            directory=tmp_path / "search",
        )
    assert list(tmp_path.iterdir()) == []
