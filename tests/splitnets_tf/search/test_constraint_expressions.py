"""The grammar of constraints, and what a violation amounts to."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitnets_tf.errors import UserError
from splitnets_tf.search import COST_FIGURES, parse_constraint, parse_constraints, total_violation

FIGURES = dict.fromkeys(COST_FIGURES, 1.0) | {
    "latency_ms": 1.5,
    "peak_bytes": 2_000_000,
    "macs": 9e6,
    "link_bytes": 512,
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("peak_bytes <= 2e6", True),
        ("peak_bytes<2e6", False),
        ("peak_bytes >= 2000000", True),
        ("peak_bytes > 2E6", False),
        (" latency_ms<=1.5 ", True),
        ("1.5 >= latency_ms", True),
        ("1.5 > latency_ms", False),
        ("2 + 3 * 4 <= link_bytes / 32 - 2", True),
        ("(2 + 3) * 4 <= link_bytes / 32 - 2", False),
        ("link_bytes - 500 - 10 <= 2", True),
        ("macs / 9 / 1e6 >= 1", True),
        ("-latency_ms <= -1.5", True),
        ("latency_ms * -2 >= -2.9", False),
        ("latency_ms <= .5 + 1.", True),
        ("sensor_latency_ms + link_latency_ms <= latency_ms", False),
    ],
)
def test_comparisons_follow_the_usual_precedence(text, holds):
    assert (parse_constraint(text).violation(FIGURES) == 0) is holds


def expressions():
    """Texts with a value that Python computed while they were built."""
    leaves = st.one_of(
        st.integers(0, 1000).map(lambda n: (str(n), float(n))),
        st.floats(0.001, 1e6).map(lambda x: (repr(x), x)),
        st.sampled_from(COST_FIGURES).map(lambda name: (name, float(FIGURES[name]))),
    )

    def joined(children):
        def join(left, symbol, right):
            value = {"+": left[1] + right[1], "-": left[1] - right[1], "*": left[1] * right[1]}[symbol]
            return f"({left[0]} {symbol} {right[0]})", value

        negated = children.map(lambda child: (f"-{child[0]}", -child[1]))
        return st.one_of(st.builds(join, children, st.sampled_from("+-*"), children), negated)

    return st.recursive(leaves, joined, max_leaves=6).filter(lambda pair: len(pair[0]) < 150)


@given(expressions())
def test_any_expression_evaluates_as_python_would(pair):
    text, value = pair
    constraint = parse_constraint(f"0 * macs + {text} <= 0")
    assert constraint.value(FIGURES) == pytest.approx(value, rel=1e-12, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("peek_bytes <= 2", "'peek_bytes'"),
        ("accuracy >= 0.5", "'accuracy'"),
        ("peak_bytes", "the end of the text"),
        ("peak_bytes == 2", "'== 2'"),
        ("peak_bytes <= 2 MB", "'MB'"),
        ("peak_bytes <= 2MB", "'2MB'"),
        ("1 <= peak_bytes <= 2", "'<='"),
        ("1 <= 2", "no figure"),
        ("(peak_bytes <= 2", "parenthesis"),
        ("peak_bytes <= ", "a number or a figure"),
        ("peak_bytes <= *2", "'*'"),
        ("peak_bytes <= 1e999", "1e999"),
        ("", "a number or a figure"),
        ("macs.__class__ <= 1", "'.__class__ <= 1'"),
        ("__import__(macs) <= 1", "'__import__'"),
        ("open('macs') <= 1", "cannot read"),
        ("macs ** 9 <= 1", "'*'"),
        ("macs; macs <= 1", "'; macs <= 1'"),
        ("(" * 5000 + "macs" + ")" * 5000 + "<= 1", "200 characters"),
    ],
)
def test_anything_else_is_refused_with_its_text(text, part):
    with pytest.raises(UserError) as error:
        parse_constraint(text)
    message = str(error.value)
    assert part in message and "\n" not in message
    if len(text) < 200:
        assert repr(text) in message


def test_an_unknown_figure_is_answered_with_the_known_ones():
    with pytest.raises(UserError) as error:
        parse_constraint("latency <= 2")
    assert all(name in str(error.value) for name in COST_FIGURES)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("peak_bytes <= 1e6", 1.0),
        ("peak_bytes <= 1.6e6", 0.25),
        ("3 <= latency_ms", 0.5),
        ("latency_ms >= 2", 0.25),
        ("link_bytes <= 0", 512),
        ("latency_ms <= -1", 2.5),
        ("macs / (latency_ms - 1.5) <= 1", math.inf),
    ],
)
def test_a_violation_is_relative_to_the_limit(text, amount):
    assert parse_constraint(text).violation(FIGURES) == pytest.approx(amount)


def test_several_constraints_add_up_and_repeated_ones_count_once():
    constraints = parse_constraints(["peak_bytes <= 1e6", "latency_ms >= 2", "peak_bytes <= 1e6", "macs <= 1e9"])
    assert len(constraints) == 3
    assert total_violation(constraints, FIGURES) == pytest.approx(1.25)
    assert total_violation((), FIGURES) == 0


@given(st.floats(0.01, 100), st.floats(0.01, 100), st.sampled_from(["<=", "<", ">=", ">"]))
def test_both_ways_of_writing_a_comparison_agree(limit, value, symbol):
    mirrored = symbol.translate(str.maketrans("<>", "><"))
    figures = FIGURES | {"latency_ms": value}
    one, other = (
        parse_constraint(f"latency_ms {symbol} {limit!r}"),
        parse_constraint(f"{limit!r} {mirrored} latency_ms"),
    )
    assert one.violation(figures) == other.violation(figures)
    satisfied = {"<=": value <= limit, "<": value < limit, ">=": value >= limit, ">": value > limit}[symbol]
    assert (one.violation(figures) == 0) is satisfied
