"""Figure and table of `reproduce jmsnas`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.table import Table

__all__ = ["jmsnas_figure", "jmsnas_table"]

_WIDTH = 11.6


def jmsnas_figure(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Above, validation accuracy over the epochs of the search (Figure 5); below, test accuracy against latency."""
    from matplotlib.figure import Figure

    from pipelines.report.figures import CHOSEN, SERIES_COLOURS

    topologies = sorted({row["topology"] for row in rows})
    figure = Figure(figsize=(_WIDTH, 7.0), layout="constrained")
    panels = figure.subplots(2, len(topologies), squeeze=False)
    for column, topology in enumerate(topologies):
        own = [row for row in rows if row["topology"] == topology]
        above, below = panels[0][column], panels[1][column]
        for row, colour in zip(own, SERIES_COLOURS, strict=False):
            epochs = [point["epoch"] for point in row["history"]]
            accuracies = [100 * point["validation_accuracy"] for point in row["history"]]
            above.plot(epochs, accuracies, color=colour, label=f"T_const {row['limit_ms']:g} ms")
        above.set(title=f"{topology}: the search", xlabel="epoch", ylabel="validation accuracy in %")
        above.legend()
        points = [("JMSNAS", row["latency_ms"], row["accuracy"]["fine_tuned"]) for row in own]
        points += [("cloud computing", row["cloud_computing_ms"], row["accuracy"]["fine_tuned"]) for row in own]
        points += [
            (f"{placed['backbone']}, {placed['method']}", placed["latency_ms"], placed["accuracy"])
            for placed in own[0]["baselines"]
            if placed["accuracy"]
        ]
        names = list(dict.fromkeys(name for name, _, _ in points))
        for index, name in enumerate(names):
            drawn = [(x, y) for other, x, y in points if other == name]
            values = [100 * y["value"] for _, y in drawn]
            low = [100 * (y["value"] - y["low"]) for _, y in drawn]
            high = [100 * (y["high"] - y["value"]) for _, y in drawn]
            colour = CHOSEN if name == "JMSNAS" else SERIES_COLOURS[index % len(SERIES_COLOURS)]
            below.errorbar([x for x, _ in drawn], values, [low, high], fmt="o", color=colour, label=name, capsize=2)
        below.set(title=f"{topology}: after training on", xlabel="latency in ms", ylabel="test accuracy in %")
        below.legend()
    return figure


def jmsnas_table(rows: Sequence[Mapping[str, Any]], chosen: Sequence[Mapping[str, Any]]) -> Table:
    """One line a run, with the network that answers its constraint.

    Args:
        rows: The runs.
        chosen: What `answers` returns of them.
    """
    from rich.table import Table

    from pipelines.report.units import interval_text, ms_text, points_text

    answering = {(row["topology"], row["limit_ms"]): row["latency_ms"] for row in chosen}
    table = Table(title="JMSNAS: three constraints on each topology")
    for title in ("topology", "T_const", "searched", "below cloud computing", "test accuracy %", "answer"):
        table.add_column(title, justify="left" if title == "topology" else "right")
    for row in rows:
        accuracy = row["accuracy"]["fine_tuned"]
        answer_ms = answering.get((row["topology"], row["limit_ms"]))
        table.add_row(
            row["topology"],
            ms_text(row["limit_ms"]),
            ms_text(row["latency_ms"]),
            f"{100 * row['reduction']:.1f} %",
            f"{points_text(accuracy['value'])} {interval_text(accuracy['low'], accuracy['high'])}",
            "none" if answer_ms is None else ms_text(answer_ms),
        )
    return table
