"""Drawings of a run: the search over its epochs, predicted against measured times."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pipelines.report.figures import CHOSEN, MUTED, SERIES_COLOURS

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

__all__ = ["regression_figure", "search_figure"]

_WIDTH = 11.6


def search_figure(history: Sequence[Mapping[str, float]], limit_ms: float) -> "Drawing":
    """Three panels over the epochs: latency, accuracy, entropy."""
    from matplotlib.figure import Figure as Drawing

    figure = Drawing(figsize=(_WIDTH, 3.2), layout="constrained")
    panels = figure.subplots(1, 3)
    epochs = [row["epoch"] for row in history]
    panels[0].plot(epochs, [row["expected_ms"] for row in history], color=SERIES_COLOURS[0], label="E[T]")
    panels[0].plot(epochs, [row["derived_ms"] for row in history], color=CHOSEN, label="T, derived")
    panels[0].axhline(limit_ms, color=MUTED, linestyle="--", label="T_const")
    panels[0].set_title("latency in ms")
    panels[0].legend()
    panels[1].plot(epochs, [100 * row["validation_accuracy"] for row in history], color=CHOSEN)
    panels[1].set_title("validation accuracy in %")
    panels[2].plot(epochs, [row["entropy"] for row in history], color=SERIES_COLOURS[1])
    panels[2].set_title("mean entropy in nats")
    for panel in panels:
        panel.set_xlabel("epoch")
        panel.set_xticks(epochs)
    return figure


def regression_figure(measured_ms: Sequence[float], predicted_ms: Sequence[float]) -> "Drawing":
    """Predicted against measured, both logarithmic, with the line of agreement."""
    from matplotlib.figure import Figure as Drawing
    from matplotlib.ticker import NullFormatter, StrMethodFormatter

    figure = Drawing(figsize=(_WIDTH / 2, 4.0), layout="constrained")
    axes = figure.subplots()
    ends = [min(*measured_ms, *predicted_ms), max(*measured_ms, *predicted_ms)]
    axes.plot(ends, ends, color=MUTED, linestyle="--")
    axes.scatter(measured_ms, predicted_ms, s=12, color=SERIES_COLOURS[0])
    axes.set(xscale="log", yscale="log", xlabel="measured ms", ylabel="predicted ms")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))  # figures are drawn without mathematical notation
        axis.set_minor_formatter(NullFormatter())
    return figure
