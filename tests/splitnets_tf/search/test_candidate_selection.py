"""The rule that picks one point of the front."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.synthetic_problem import SPACE, synthetic_cost
from splitnets_tf.errors import UserError
from splitnets_tf.search import Candidate, choose
from splitnets_tf.search.rounding import as_limit
from splitnets_tf.space import every_architecture

ARCHITECTURES = list(every_architecture(SPACE))


def candidate(index, accuracy, latency_ms):
    cost = dataclasses.replace(synthetic_cost(ARCHITECTURES[index]), latency_ms=latency_ms)
    return Candidate(architecture=ARCHITECTURES[index], accuracy=accuracy, cost=cost)


SLOW, KNEE, FAST, DOMINATED = (
    candidate(0, 0.80, 2.0),
    candidate(1, 0.78, 0.6),
    candidate(2, 0.50, 0.4),
    candidate(3, 0.45, 0.45),
)
FRONT = (SLOW, KNEE, FAST, DOMINATED)


@pytest.mark.parametrize(
    ("limits", "chosen", "words"),
    [
        ({"max_latency_ms": 2.0}, SLOW, "no more than 2 ms"),
        ({"max_latency_ms": 0.45}, FAST, "no more than 0.45 ms"),
        ({"min_accuracy": 0.6}, KNEE, "at least 0.6"),
        ({"min_accuracy": 0.1}, FAST, "at least 0.1"),
        ({"max_latency_ms": 1.0, "min_accuracy": 0.6}, KNEE, "at least 0.6"),
        ({"best_baseline_latency_ms": 4.0}, SLOW, "half the latency of the best feasible baseline (2 of 4 ms)"),
        ({"best_baseline_latency_ms": 1.3}, KNEE, "half the latency"),
        ({"best_baseline_latency_ms": 4.0, "baseline_share": 0.2}, KNEE, "a fifth of the latency"),
        ({"best_baseline_latency_ms": 4.0, "baseline_share": 0.1}, FAST, "10% of the latency"),
        ({"best_baseline_latency_ms": 0.5}, KNEE, "no candidate takes at most half"),
        ({}, KNEE, "no baseline is feasible"),
        ({"max_latency_ms": 2.0, "best_baseline_latency_ms": 1.0}, SLOW, "2 ms"),
    ],
)
def test_the_rule_and_its_sentence(limits, chosen, words):
    picked, rule = choose(FRONT, **limits)
    assert picked == chosen
    assert words in rule and rule.endswith(".")


@pytest.mark.parametrize(
    ("limits", "repaired"),
    [
        ({"max_latency_ms": 0.1}, {"max_latency_ms": 0.4}),
        ({"min_accuracy": 0.9}, {"min_accuracy": 0.8}),
        ({"max_latency_ms": 1.0, "min_accuracy": 0.79}, {"max_latency_ms": 1.0, "min_accuracy": 0.78}),
        ({"max_latency_ms": 1.0, "min_accuracy": 0.79}, {"max_latency_ms": 2.0, "min_accuracy": 0.79}),
    ],
)
def test_an_impossible_limit_is_answered_with_the_nearest_that_works(limits, repaired):
    with pytest.raises(UserError) as error:
        choose(FRONT, **limits)
    for name, value in repaired.items():
        if limits[name] != value:
            assert f"--{name.replace('_', '-')} {value:g}" in str(error.value)
    choose(FRONT, **repaired)


def test_an_empty_front_is_refused():
    with pytest.raises(UserError, match="no candidate"):
        choose(())


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.001, 9)), min_size=1, max_size=12), st.floats(0.0001, 10))
def test_no_allowed_candidate_is_more_accurate_than_the_chosen(rows, limit):
    candidates = [candidate(index, *row) for index, row in enumerate(rows)]
    allowed = [row for row in rows if row[1] <= limit]
    if not allowed:
        with pytest.raises(UserError):
            choose(candidates, max_latency_ms=limit)
        return
    chosen, _ = choose(candidates, max_latency_ms=limit)
    best = max(row[0] for row in allowed)
    assert (chosen.accuracy, chosen.cost.latency_ms) == (best, min(row[1] for row in allowed if row[0] == best))


@given(st.floats(1e-6, 1e9), st.booleans())
def test_a_shown_limit_lets_the_value_pass_and_is_close(value, upper):
    text = as_limit(value, upper=upper)
    shown = float(text)
    assert "e" not in text.lower()
    assert shown >= value if upper else shown <= value
    assert shown == pytest.approx(value, rel=1.001e-3)


def test_short_numbers_are_shown_as_they_are():
    assert [as_limit(value, upper=True) for value in (0.41, 2.0, 64, 0, 41234)] == ["0.41", "2", "64", "0", "41240"]
