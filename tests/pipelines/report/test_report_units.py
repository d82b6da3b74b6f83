"""Figures as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.report import units


def plain(text):
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("function", "value", "text"),
    [
        (units.count_text, 0, "0"),
        (units.count_text, 12, "12"),
        (units.count_text, 82300, "82.3 K"),
        (units.count_text, 999_700, "1.00 M"),
        (units.count_text, 103e6, "103 M"),
        (units.count_text, 1.18e9, "1.18 G"),
        (units.bytes_text, 768, "768 B"),
        (units.bytes_text, 2e6, "2 MB"),
        (units.bytes_text, 79319, "79.3 kB"),
        (units.ms_text, 0, "0 ms"),
        (units.ms_text, 0.0102, "0.0102 ms"),
        (units.ms_text, 0.511, "0.511 ms"),
        (units.ms_text, 13.24, "13.2 ms"),
        (units.ms_text, 1234.4, "1234 ms"),
        (units.ms_text, None, units.NOTHING),
        (units.seconds_text, 8.44, "8.4 s"),
        (units.seconds_text, 185, "3 min 05 s"),
        (units.seconds_text, 7620, "2 h 07 min"),
        (units.seconds_text, None, units.NOTHING),
        (units.integer_text, 15288, "15 288"),
        (units.integer_text, 2.31e12, f"2.3 {units.TIMES} 10¹²"),
        (units.points_text, 0.70411, "70.4"),
    ],
)
def test_text_of_a_figure(function, value, text):
    assert plain(function(value)) == text


def test_intervals_and_signs():
    assert units.interval_text(-0.0187, 0.0007, signed=True) == "[\N{MINUS SIGN}1.9, +0.1]"
    assert units.interval_text(0.6671, 0.7562) == "[66.7, 75.6]"
    assert units.points_text(-0.0004, signed=True) == "0.0"
    assert units.points_text(0.0652, signed=True) == "+6.5"


@given(st.floats(min_value=1e-6, max_value=9e11))
def test_no_text_is_further_off_than_half_a_per_cent(value):
    scales = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9}
    number, _, unit = plain(units.count_text(value)).partition(" ")
    assert float(number) * scales[unit] == pytest.approx(value, rel=0.0051)
