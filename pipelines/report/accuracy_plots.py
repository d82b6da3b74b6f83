"""Figures about accuracy: against latency, and paired differences."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipelines.report.figures import BAD, CHOSEN, INK, MUTED, SERIES_COLOURS, shorten
from pipelines.report.front import FrontPoint, front_line
from pipelines.report.records import Comparison, Interval, Network

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["accuracy_latency_figure", "paired_difference_figure"]

_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "h")
_NAME_LENGTH = 52
_MARGIN_POINTS = -2.0
_WIDTH = 11.6
_LEAST_POINTS = 4.0
"""Percentage points that an accuracy axis spans at least."""
_KIND_WORDS = {"inherited": "inherited", "fine_tuned": "fine-tuned", "trained_alone": "trained alone"}
_LOG_SCALE_FROM = 12.0
"""Ratio of the largest to the smallest latency from which the axis is logarithmic."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Shown:
    """One marker of the right panel."""

    first: Network
    """The network, or the first of several that coincide."""
    accuracy: Interval
    """Its accuracy."""
    label: str
    """Text of the legend."""


def accuracy_latency_figure(
    front: Sequence[FrontPoint], networks: Sequence[Network], chosen: Mapping[str, Any] | None
) -> "Figure":
    """Draw accuracy against latency: inherited accuracy on the left, accuracy after training on the right.

    The two kinds are never in one panel: an inherited accuracy is taken on validation data without training.

    Args:
        front: The search's front; empty leaves the left panel out.
        networks: Baselines and chosen networks; those without latency are drawn as a horizontal line.
        chosen: Genotype of the chosen network, which is marked on the front.

    Returns:
        A figure of two panels, or of one where the other has nothing to show.
    """
    from matplotlib.figure import Figure

    shown = _merged(networks)
    panels = [bool(front), bool(shown)]
    height = 3.9 + 0.2 * max(0, len(shown) - 3)
    figure = Figure(figsize=(_WIDTH if all(panels) else _WIDTH / 2, height), layout="constrained")
    axes = list(figure.subplots(1, max(1, sum(panels)), squeeze=False)[0])
    if front:
        _draw_front(axes[0], front, chosen)
    if shown:
        _draw_networks(axes[-1], shown)
    for panel in axes:
        panel.set_xlabel("latency per image, cost model (ms)")
    return figure


def paired_difference_figure(comparisons: Sequence[Comparison]) -> "Figure":
    """Draw paired accuracy differences with their intervals, and the margin of "at least as accurate".

    Args:
        comparisons: At least one.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH, 1.0 + 0.38 * len(comparisons)), layout="constrained")
    axes = figure.subplots()
    axes.axvline(0, color=MUTED, linewidth=1)
    axes.axvline(_MARGIN_POINTS, color=BAD, linewidth=1.2, linestyle=(0, (4, 3)))
    axes.annotate(
        "margin \N{MINUS SIGN}2",
        (_MARGIN_POINTS, 1),
        xycoords=("data", "axes fraction"),
        xytext=(0, 3),
        textcoords="offset points",
        ha="center",
        color=BAD,
        fontsize=8,
    )
    for row, comparison in enumerate(comparisons):
        interval = comparison.difference
        colour = INK if comparison.holds else BAD
        axes.plot([100 * interval.low, 100 * interval.high], [row, row], color=colour, linewidth=2)
        axes.plot([100 * interval.value], [row], marker="o" if comparison.holds else "X", color=colour, markersize=7)
    axes.set_yticks(range(len(comparisons)), [shorten(c.against, _NAME_LENGTH) for c in comparisons], color=INK)
    axes.set_ylim(len(comparisons) - 0.5, -0.5)
    axes.margins(x=0.08)
    axes.set_xlabel("chosen network minus baseline, test accuracy (percentage points)")
    axes.grid(visible=False, axis="y")
    return figure


def _draw_front(axes: "Axes", front: Sequence[FrontPoint], chosen: Mapping[str, Any] | None) -> None:
    line = front_line(front)
    beaten = [point for point in front if point not in line]
    if beaten:
        axes.scatter(
            [p.latency_ms for p in beaten],
            [100 * p.accuracy for p in beaten],
            s=16,
            color="#b8c0c8",
            label="beaten in these two figures",
        )
    axes.plot(
        [p.latency_ms for p in line],
        [100 * p.accuracy for p in line],
        drawstyle="steps-post",
        color=SERIES_COLOURS[0],
        marker="o",
        markersize=4.5,
        linewidth=1.2,
        label=f"front ({len(line)} network{'s' if len(line) > 1 else ''})",
    )
    picked = [point for point in front if chosen is not None and point.architecture == chosen]
    if picked:
        axes.scatter(
            [picked[0].latency_ms],
            [100 * picked[0].accuracy],
            marker="*",
            s=190,
            color=CHOSEN,
            edgecolor=INK,
            linewidth=0.7,
            zorder=5,
            label="chosen network",
        )
    axes.set_title("Search: inherited weights")
    axes.set_ylabel("validation accuracy, inherited (%)")
    _scale_axes(axes, [p.latency_ms for p in front])
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.14), borderaxespad=0.3)


def _draw_networks(axes: "Axes", networks: Sequence[_Shown]) -> None:
    methods = list(dict.fromkeys(n.first.method for n in networks if not n.first.chosen))
    backbones = list(dict.fromkeys(n.first.backbone for n in networks if not n.first.chosen))
    for shown in networks:
        network = shown.first
        marker = "*" if network.chosen else _MARKERS[methods.index(network.method) % len(_MARKERS)]
        colour = CHOSEN if network.chosen else SERIES_COLOURS[backbones.index(network.backbone) % len(SERIES_COLOURS)]
        _draw_network(axes, shown, marker, colour)
    axes.set_title("After training: test set")
    axes.set_ylabel("test accuracy, 95 % interval (%)")
    _scale_axes(axes, [n.first.latency_ms for n in networks if n.first.latency_ms is not None])
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.14), borderaxespad=0.3)


def _draw_network(axes: "Axes", shown: _Shown, marker: str, colour: str) -> None:
    """A marker with its interval; open where trained alone, crossed out in red where infeasible."""
    network, accuracy = shown.first, shown.accuracy
    if network.latency_ms is None:
        axes.axhspan(100 * accuracy.low, 100 * accuracy.high, color=colour, alpha=0.08, linewidth=0)
        axes.axhline(100 * accuracy.value, color=colour, linestyle=(0, (2, 2)), label=f"{shown.label}, no latency")
        return
    axes.errorbar(
        [network.latency_ms],
        [100 * accuracy.value],
        yerr=[[100 * max(0.0, accuracy.value - accuracy.low)], [100 * max(0.0, accuracy.high - accuracy.value)]],
        color=colour,
        elinewidth=1.2,
        capsize=3,
        linestyle="none",
    )
    axes.plot(
        [network.latency_ms],
        [100 * accuracy.value],
        marker=marker,
        markersize=15 if network.chosen else 8,
        color=colour,
        markerfacecolor="white" if network.accuracy_kind == "trained_alone" else colour,
        markeredgecolor=INK if network.chosen else colour,
        markeredgewidth=0.7 if network.chosen else 1.5,
        linestyle="none",
        zorder=5 if network.chosen else 3,
        label=shown.label,
    )
    if not network.feasible:
        axes.plot([network.latency_ms], [100 * accuracy.value], marker="x", color=BAD, markersize=13, markeredgewidth=2)


def _merged(networks: Sequence[Network]) -> list[_Shown]:
    """One entry for networks that would lie on one another, as Neurosurgeon's often does on all-on-aggregator."""
    groups: dict[tuple[object, ...], list[Network]] = {}
    for network in networks:
        if network.accuracy is not None:
            key = (network.backbone, network.accuracy, network.accuracy_kind, network.latency_ms, network.feasible)
            groups.setdefault((*key, network.chosen), []).append(network)
    merged = []
    for group in groups.values():
        first = group[0]
        name = shorten(f"{' = '.join(n.method for n in group)}, {first.backbone}", _NAME_LENGTH)
        notes = _KIND_WORDS[first.accuracy_kind] + ("" if first.feasible else ", infeasible")
        if first.accuracy is not None:
            merged.append(_Shown(first=first, accuracy=first.accuracy, label=f"{name} ({notes})"))
    return merged


def _scale_axes(axes: "Axes", latencies_ms: Sequence[float]) -> None:
    """Axes that neither squeeze a wide front nor spread a single point over a meaningless range."""
    from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

    positive = [latency for latency in latencies_ms if latency > 0]
    low, high = min(positive, default=1.0), max(positive, default=1.0)
    if high > _LOG_SCALE_FROM * low and len(positive) == len(latencies_ms):
        axes.set_xscale("log")
        axes.set_xlim(low / 1.3, high * 1.3)
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    else:
        axes.set_xlim(0, 1.12 * high)
    axes.margins(y=0.08)
    bottom, top = axes.get_ylim()
    missing = _LEAST_POINTS - (top - bottom)
    if missing > 0:
        axes.set_ylim(bottom - missing / 2, top + missing / 2)
