"""What the six runs promise together, and their figure."""

from pipelines.report.figures import figure_svg
from pipelines.reproduction.jmsnas_command import check_runs, jmsnas_figure


def row(topology, limit_ms, latency_ms):
    accuracy = {"value": 0.5, "low": 0.4, "high": 0.6}
    return {
        "topology": topology,
        "limit_ms": limit_ms,
        "latency_ms": latency_ms,
        "cloud_computing_ms": 9.0,
        "accuracy": {"fine_tuned": accuracy},
        "baselines": [{"backbone": "MobileNetV1", "method": "hivemind", "latency_ms": 7.0, "accuracy": accuracy}],
        "history": [{"epoch": epoch, "validation_accuracy": 0.1 * epoch} for epoch in (1, 2)],
    }


def test_runs_that_keep_their_promises():
    rows = [row("chain", 3.0, 2.9), row("chain", 4.0, 2.9), row("mesh", 2.0, 2.0)]
    assert check_runs(rows) == []


def test_a_missed_constraint_and_a_slower_network_of_a_tighter_one_are_named():
    faults = check_runs([row("chain", 4.0, 3.0), row("chain", 3.5, 3.4), row("mesh", 2.0, 2.1)])
    assert len(faults) == 2
    assert "T_const 3.5 ms gave a slower network than 4 ms" in faults[0]
    assert "mesh: 2.100 ms is beyond" in faults[1]


def test_figure_names_every_constraint_and_network():
    rows = [row(topology, limit, limit) for topology in ("chain", "mesh") for limit in (3.0, 4.0)]
    svg = figure_svg(lambda: jmsnas_figure(rows))
    for text in ("T_const 3 ms", "T_const 4 ms", "JMSNAS", "cloud computing", "MobileNetV1, hivemind", "mesh"):
        assert text in svg
