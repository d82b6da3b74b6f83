"""What the six runs promise together, and their figure."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from pipelines.report.figures import figure_svg
from pipelines.reproduction.jmsnas_command import answers, check_order, check_runs
from pipelines.reproduction.jmsnas_view import jmsnas_figure, jmsnas_table


def row(topology, limit_ms, latency_ms, validation=0.5):
    accuracy = {"value": 0.5, "low": 0.4, "high": 0.6}
    return {
        "topology": topology,
        "run": f"{topology}-{limit_ms}",
        "reduction": 0.25,
        "limit_ms": limit_ms,
        "latency_ms": latency_ms,
        "cloud_computing_ms": 9.0,
        "accuracy": {"fine_tuned": accuracy, "validation": {"value": validation}},
        "baselines": [{"backbone": "MobileNetV1", "method": "hivemind", "latency_ms": 7.0, "accuracy": accuracy}],
        "history": [{"epoch": epoch, "validation_accuracy": 0.1 * epoch} for epoch in (1, 2)],
    }


def test_runs_that_keep_their_promises():
    rows = [row("chain", 3.0, 2.9), row("chain", 4.0, 2.9), row("mesh", 2.0, 2.0)]
    assert check_runs(rows) == []
    assert check_order(rows) == []


def test_a_missed_constraint_and_a_slower_network_of_a_tighter_one_are_named():
    rows = [row("chain", 4.0, 3.0), row("chain", 3.5, 3.4), row("mesh", 2.0, 2.1)]
    (fault,) = check_runs(rows)
    assert "mesh: 2.100 ms is beyond" in fault
    (note,) = check_order(rows)
    assert "chain: searched for T_const 3.5 ms" in note and "for 4 ms (3.400 and 3.000 ms)" in note


def test_a_constraint_is_answered_by_the_most_accurate_network_within_it_whatever_it_was_searched_for():
    tight, middle, loose = row("chain", 3.0, 2.9, 0.6), row("chain", 4.0, 2.5, 0.5), row("chain", 5.0, 4.5, 0.7)
    other = row("mesh", 3.0, 1.0, 0.9)
    chosen = answers([tight, middle, loose, other])
    assert [(a["limit_ms"], a["run"]) for a in chosen] == [
        (3.0, "chain-3.0"),
        (4.0, "chain-3.0"),
        (5.0, "chain-5.0"),
        (3.0, "mesh-3.0"),
    ]
    assert answers([row("chain", 3.0, 3.1)]) == [], "no network within the constraint, no answer"


@given(
    st.lists(st.tuples(st.floats(1, 5), st.floats(0.1, 1), st.sampled_from([0.4, 0.5, 0.6])), min_size=2, max_size=5)
)
def test_a_tighter_constraint_never_gets_a_slower_network(runs):
    rows = [row("chain", limit_ms, share * limit_ms, validation) for limit_ms, share, validation in runs]
    chosen = sorted(answers(rows), key=lambda answer: answer["limit_ms"])
    assert len(chosen) == len(rows)
    for tight, loose in itertools.pairwise(chosen):
        assert tight["latency_ms"] <= loose["latency_ms"]
        assert tight["accuracy"]["validation"]["value"] <= loose["accuracy"]["validation"]["value"]


def test_table_has_a_line_for_each_run_and_its_answer():
    table = jmsnas_table([row("chain", 3.0, 3.1), row("chain", 4.0, 3.9)], answers([row("chain", 4.0, 3.9)]))
    missed, kept = table.columns[5].cells
    assert missed == "none" and kept.startswith("3.90")


def test_figure_names_every_constraint_and_network():
    rows = [row(topology, limit, limit) for topology in ("chain", "mesh") for limit in (3.0, 4.0)]
    svg = figure_svg(lambda: jmsnas_figure(rows))
    for text in ("T_const 3 ms", "T_const 4 ms", "JMSNAS", "JMSNAS, cloud computing", "MobileNetV1, HiveMind", "mesh"):
        assert text in svg
