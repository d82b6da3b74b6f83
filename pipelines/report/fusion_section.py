"""The section about the fusion of views: Table 5 and Figure 8 of SplitNets, and every place early to late."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipelines.report.comparison_tables import KIND_TITLES, accuracy_cell
from pipelines.report.figures import BAD, CHOSEN, INK, MUTED, SERIES_COLOURS, figure_svg, inline_svg, shorten
from pipelines.report.fusion_records import Fusion, FusionPlace, FusionRow
from pipelines.report.page import Cell, Column, Figure, Row, Section, Table
from pipelines.report.records import ACCURACY_KINDS, Interval
from pipelines.report.units import NOTHING, bytes_text, count_text, ms_text, points_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

__all__ = ["fusion_figure", "fusion_section"]

_EMPTY = Cell(NOTHING, tone="muted")
_WIDTH = 11.6
_NAME_LENGTH = 44


def fusion_section(fusion: Fusion) -> Section:
    """Who fuses where, and what each place of the fusion is worth to the chosen network."""
    alternative = "Accuracy over the ratio of on-sensor operations. " + " ".join(
        f"Fused at stride {place.stride:g}, ratio {place.sensor_share:.2f}: {points_text(place.inherited)} % inherited."
        for place in fusion.places
    )
    figure = Figure(
        svg=inline_svg(figure_svg(lambda: fusion_figure(fusion)), identifier="fusion", alternative=alternative),
        caption="Left: the chosen network fused at every place instead of its own, early to late, with the supernet's "
        "weights (validation); red crosses do not fit the sensor's memory. Right: trained networks (test), as in "
        "Figure 8 of SplitNets; open markers were trained alone. Ratio: operations on one sensor over those on one "
        "sensor and the aggregator.",
    )
    return Section(
        identifier="fusion",
        title="Where the views are fused",
        blocks=(_networks_table(fusion), figure, _places_table(fusion)),
    )


def _networks_table(fusion: Fusion) -> Table:
    present = {row.accuracy_kind for row in fusion.networks if row.accuracy is not None}
    kinds = [kind for kind in ACCURACY_KINDS if kind in present]
    columns = [Column(title="Method", number=False), Column(title="Backbone", number=False)]
    columns += [Column(title="#Params"), Column(title="#OPs")]
    fused = [("Position", False), ("Feature size", True), ("Arch.", False)]
    columns += [Column(title=title, group="Fusion", number=number) for title, number in fused]
    columns += [Column(title=KIND_TITLES[kind], group="Top-1") for kind in kinds]
    return Table(
        caption=f"Networks of {fusion.views:g} views in the layout of Table 5 of SplitNets: operations of all sensors "
        "and the aggregator, the tensor that each view sends (channels, side), and how the views are fused.",
        columns=tuple(columns),
        rows=tuple(_network_row(row, kinds) for row in fusion.networks),
    )


def _network_row(row: FusionRow, kinds: Sequence[str]) -> Row:
    cells = [Cell(row.method), Cell(row.backbone), Cell(count_text(row.params)), Cell(count_text(row.macs))]
    cells += [Cell(row.position), Cell(f"{row.channels:g}·{row.side:g}²"), Cell(row.how)]
    for kind in kinds:
        shown = row.accuracy is not None and row.accuracy_kind == kind
        cells.append(accuracy_cell(row.accuracy) if shown and row.accuracy else _EMPTY)
    return Row(cells=tuple(cells), strong=row.chosen)


def _places_table(fusion: Fusion) -> Table:
    columns = (
        Column(title="Fused at stride"),
        Column(title="Ratio of on-sensor OPs"),
        Column(title="A view sends"),
        Column(title="Latency"),
        Column(title=KIND_TITLES["inherited"], group="Top-1"),
        Column(title=KIND_TITLES["fine_tuned"], group="Top-1"),
        Column(title="Feasible?", number=False),
    )
    return Table(
        caption="The chosen network fused at every place, early to late; all other choices, the width of what is sent "
        "included, stay as they are.",
        columns=columns,
        rows=tuple(_place_row(place) for place in fusion.places),
    )


def _place_row(place: FusionPlace) -> Row:
    feasible = Cell("yes", tone="good") if place.feasible else Cell("no", tone="bad")
    cells = (
        Cell(f"{place.stride:g}"),
        Cell(f"{place.sensor_share:.2f}"),
        Cell(bytes_text(place.feature_bytes)),
        Cell(ms_text(place.latency_ms)),
        Cell(points_text(place.inherited)),
        accuracy_cell(place.fine_tuned) if place.fine_tuned else _EMPTY,
        feasible,
    )
    return Row(cells=cells, strong=place.chosen)


def fusion_figure(fusion: Fusion) -> "Drawing":
    """Draw accuracy over the ratio of on-sensor operations, inherited on the left, trained on the right."""
    from matplotlib.figure import Figure as NewFigure

    figure = NewFigure(figsize=(_WIDTH, 5.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_places(left, fusion.places)
    _draw_networks(right, fusion)
    for axes in (left, right):
        axes.set_xlim(-0.03, 1.03)
        axes.margins(y=0.12)
        axes.set_xlabel("ratio of on-sensor operations: 0 fuses first, 1 fuses last")
    left.set_ylabel("validation accuracy (%)")
    right.set_ylabel("test accuracy (%)")
    left.set_title("Inherited weights, the chosen network")
    right.set_title("After training")
    return figure


def _draw_places(axes: "Axes", places: Sequence[FusionPlace]) -> None:
    shares = [place.sensor_share for place in places]
    axes.plot(shares, [100 * place.inherited for place in places], color=SERIES_COLOURS[0], marker="o", linewidth=1.2)
    for place in places:
        at = ([place.sensor_share], [100 * place.inherited])
        if not place.feasible:
            axes.plot(*at, marker="x", color=BAD, markersize=10, markeredgewidth=2)
        if place.chosen:
            star = {"marker": "*", "markersize": 15, "color": CHOSEN, "markeredgecolor": INK, "linestyle": "none"}
            axes.plot(*at, label="chosen place", **star)
    axes.legend()


def _draw_networks(axes: "Axes", fusion: Fusion) -> None:
    for index, row in enumerate(fusion.networks):
        if row.accuracy is None:
            continue
        colour = CHOSEN if row.chosen else SERIES_COLOURS[index % len(SERIES_COLOURS)]
        alone = row.accuracy_kind == "trained_alone"
        name = shorten(f"{row.method}, {row.backbone}", _NAME_LENGTH)
        _draw_accuracy(
            axes, row.sensor_share, row.accuracy, colour, name, marker="*" if row.chosen else "s", open_marker=alone
        )
    first = True
    for place in fusion.places:
        if place.fine_tuned is not None and not place.chosen:
            label = "chosen network fused elsewhere" if first else ""
            _draw_accuracy(axes, place.sensor_share, place.fine_tuned, MUTED, label, marker="o", open_marker=False)
            first = False
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.14), borderaxespad=0.3)


def _draw_accuracy(
    axes: "Axes", share: float, accuracy: Interval, colour: str, label: str, *, marker: str, open_marker: bool
) -> None:
    axes.plot([share, share], [100 * accuracy.low, 100 * accuracy.high], color=colour, linewidth=1.2, alpha=0.6)
    face = "white" if open_marker else colour
    axes.plot(
        [share],
        [100 * accuracy.value],
        marker=marker,
        linestyle="none",
        color=colour,
        markerfacecolor=face,
        markersize=9,
        label=label or None,
    )
