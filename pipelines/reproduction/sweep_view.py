"""A sweep as a table and as a figure: where the split lies, and how latency divides."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich import box
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
    title = f"The fastest network of at least {100 * min_accuracy:.1f} % (inherited, validation); times in ms"
    table = Table(title=title, box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("changed", "value"):
        table.add_column(heading, no_wrap=True)
    for heading in ("stride", "ch.", "latency", "sensor", "link", "aggreg.", "acc. %"):
        table.add_column(heading, justify="right", no_wrap=True)
    for axis in dict.fromkeys(row["axis"] for row in rows):
        table.add_section()
        for row in (row for row in rows if row["axis"] == axis):
            if row["infeasible_because"]:
                table.add_row(axis, value_text(row), "-", *[""] * 5, "nothing")
                continue
            times = [f"{row[key]:.2f}" for key in ("latency_ms", *(key for _, key, _ in _PIECES))]
            accuracy = f"{100 * row['accuracy']:.1f}" + ("" if row["accurate_enough"] else "*")
            table.add_row(axis, value_text(row), f"{row['split_stride']}", f"{row['split_channels']}", *times, accuracy)
    if not all(row["infeasible_because"] or row["accurate_enough"] for row in rows):
        table.caption = "* nothing that fits is so accurate: the most accurate network"
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
    figure.legend(*_keys(), loc="outside lower left", ncols=len(_PIECES) + 1)
    figure.suptitle(title)
    return figure


def _keys() -> tuple[list[Any], list[str]]:
    """Handles and labels of the legend."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [Patch(facecolor=colour) for _, _, colour in _PIECES]
    labels = [name for name, _, _ in _PIECES]
    return [*handles, Line2D([], [], linestyle="")], [
        *labels,
        "above: place and channels of the split; * less accurate",
    ]


def _draw_panel(panel: "Axes", axis: str, rows: Sequence[Mapping[str, Any]]) -> None:
    for place, row in enumerate(rows):
        if row["infeasible_because"]:
            panel.text(place, 0, "nothing\nfits", ha="center", va="bottom", color=BAD, fontsize=8)
            continue
        bottom = 0.0
        for _, key, colour in _PIECES:
            panel.bar(place, row[key], bottom=bottom, color=colour, edgecolor="white")
            bottom += row[key]
        mark = "" if row["accurate_enough"] else "*"
        place_text = f"stride {row['split_stride']}{mark}\n{row['split_channels']} ch"
        panel.text(place, bottom, place_text, ha="center", va="bottom", fontsize=7)
    panel.set_title(axis)
    panel.set_xticks(range(len(rows)), [value_text(row) for row in rows])
    panel.margins(y=0.22)
    panel.grid(visible=False, axis="x")
