"""Figure and table of `reproduce jmsnas`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from rich.table import Table

__all__ = ["jmsnas_figure", "jmsnas_table"]

_WIDTH = 11.6


def jmsnas_figure(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Above, validation accuracy over the epochs of the search (Figure 5); below, test accuracy against latency."""
    from matplotlib.figure import Figure

    from pipelines.report.figures import SERIES_COLOURS

    topologies = sorted({row["topology"] for row in rows})
    figure = Figure(figsize=(_WIDTH, 8.0), layout="constrained")
    panels = figure.subplots(2, len(topologies), squeeze=False)
    for column, topology in enumerate(topologies):
        own = [row for row in rows if row["topology"] == topology]
        above, below = panels[0][column], panels[1][column]
        for row, colour in zip(own, SERIES_COLOURS, strict=False):
            epochs = [point["epoch"] for point in row["history"]]
            accuracies = [100 * point["validation_accuracy"] for point in row["history"]]
            above.plot(epochs, accuracies, color=colour, label=f"T_const {row['limit_ms']:g} ms")
        above.set(title=f"{topology}: the search", xlabel="epoch", ylabel="validation accuracy in %", xticks=epochs)
        above.legend()
        _draw_networks(below, own)
        below.set(title=f"{topology}: after training on", xlabel="latency in ms", ylabel="test accuracy in %")
    handles, labels = panels[1][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


def _draw_networks(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """Searched networks and MobileNets with 95 % intervals: dots where they are split, squares in the cloud."""
    from pipelines.report.figures import CHOSEN, SERIES_COLOURS

    searched = (("latency_ms", "o", "JMSNAS"), ("cloud_computing_ms", "s", "JMSNAS, cloud computing"))
    for key, marker, title in searched:
        points = [(row[key], row["accuracy"]["fine_tuned"]) for row in rows]
        _draw_points(axes, points, CHOSEN, marker, title)
    backbones = list(dict.fromkeys(placed["backbone"] for placed in rows[0]["baselines"]))
    for backbone, colour in zip(backbones, SERIES_COLOURS, strict=False):
        for method, marker, title in (("hivemind", "o", "HiveMind"), ("cloud computing", "s", "cloud computing")):
            points = [
                (placed["latency_ms"], placed["accuracy"])
                for placed in rows[0]["baselines"]
                if placed["accuracy"] and (placed["backbone"], placed["method"]) == (backbone, method)
            ]
            _draw_points(axes, points, colour, marker, f"{backbone}, {title}")


def _draw_points(
    axes: Axes, points: Sequence[tuple[float, Mapping[str, float]]], colour: str, marker: str, label: str
) -> None:
    if not points:
        return
    values = [100 * accuracy["value"] for _, accuracy in points]
    low = [100 * (accuracy["value"] - accuracy["low"]) for _, accuracy in points]
    high = [100 * (accuracy["high"] - accuracy["value"]) for _, accuracy in points]
    axes.errorbar(
        [latency_ms for latency_ms, _ in points],
        values,
        [low, high],
        fmt=marker,
        color=colour,
        label=label,
        capsize=2,
        markerfacecolor=colour if marker == "o" else "white",
    )


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
