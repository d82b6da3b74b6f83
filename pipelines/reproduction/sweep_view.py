"""A sweep as a table and as a figure: where the split lies, and how latency divides."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table

from pipelines.report.figures import BAD, LINK_COLOUR, device_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["sweep_figure", "sweep_table"]

_PIECES = (
    ("sensor", "sensor_latency_ms", device_colour(0)),
    ("link", "link_latency_ms", LINK_COLOUR),
    ("aggregator", "aggregator_latency_ms", device_colour(1)),
)


def value_text(row: Mapping[str, Any]) -> str:
    """The value of the changed property: `x 0.5`, or a number of sensors."""
    return f"{row['value']:g}" if row["axis"] == "sensors" else f"x {row['value']:g}"


def sweep_table(rows: Sequence[Mapping[str, Any]], min_accuracy: float) -> Table:
    """One line a system."""
    table = Table(title=f"The fastest network of at least {100 * min_accuracy:.1f} % (inherited, validation)")
    for heading in ("changed", "value"):
        table.add_column(heading)
    for heading in ("split at stride", "channels", "latency", "sensor", "link", "aggregator", "accuracy"):
        table.add_column(heading, justify="right")
    for axis in dict.fromkeys(row["axis"] for row in rows):
        table.add_section()
        for row in (row for row in rows if row["axis"] == axis):
            if row["infeasible_because"]:
                table.add_row(axis, value_text(row), "nothing fits", *[""] * 6)
                continue
            times = [f"{row[key]:.3g} ms" for key in ("latency_ms", *(key for _, key, _ in _PIECES))]
            accuracy = f"{100 * row['accuracy']:.1f} %" + ("" if row["accurate_enough"] else " (best)")
            table.add_row(axis, value_text(row), f"{row['split_stride']}", f"{row['split_channels']}", *times, accuracy)
    return table


def sweep_figure(rows: Sequence[Mapping[str, Any]], title: str) -> "Figure":
    """Draw stacked latencies of each system, with the stride and the channels of its split above."""
    from matplotlib.figure import Figure

    axes_names = list(dict.fromkeys(row["axis"] for row in rows))
    figure = Figure(figsize=(11.6, 3.4), layout="constrained")
    panels = figure.subplots(1, len(axes_names), sharey=True, squeeze=False)[0]
    for panel, axis in zip(panels, axes_names, strict=True):
        _draw_panel(panel, axis, [row for row in rows if row["axis"] == axis])
    panels[0].set_ylabel("latency per image, cost model (ms)")
    panels[0].legend(loc="upper left", bbox_to_anchor=(0, -0.2), ncols=3)
    figure.suptitle(title)
    return figure


def _draw_panel(panel: "Axes", axis: str, rows: Sequence[Mapping[str, Any]]) -> None:
    for place, row in enumerate(rows):
        if row["infeasible_because"]:
            panel.text(place, 0, "nothing\nfits", ha="center", va="bottom", color=BAD, fontsize=8)
            continue
        bottom = 0.0
        for name, key, colour in _PIECES:
            label = name if place == 0 else "_nolegend_"
            panel.bar(place, row[key], bottom=bottom, color=colour, edgecolor="white", label=label)
            bottom += row[key]
        mark = "" if row["accurate_enough"] else "*"
        place_text = f"/{row['split_stride']}{mark}\n{row['split_channels']} ch"
        panel.text(place, bottom, place_text, ha="center", va="bottom", fontsize=8)
    panel.set_title(axis)
    panel.set_xticks(range(len(rows)), [value_text(row) for row in rows])
    panel.margins(y=0.22)
    panel.grid(visible=False, axis="x")
