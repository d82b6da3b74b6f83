"""Figures about costs: latency piece by piece, and memory operation by operation."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipelines.report.figures import BAD, CHOSEN, INK, LINK_COLOUR, MUTED, device_colour, readable_on, shorten
from pipelines.report.memory_profile import MemoryProfile
from pipelines.report.records import Network
from pipelines.report.units import bytes_text, ms_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["latency_figure", "latency_pieces", "memory_figure"]

_WEIGHTS = "#8a939b"
_ACTIVATIONS = "#56b4e9"
_WIDTH = 11.6
_LEAST_LABELLED_SHARE = 0.09
_MOST_NAMED_OPERATIONS = 70


def latency_pieces(network: Network) -> tuple[tuple[str, float, str], ...]:
    """A network's latency as pieces in the order in which data passes them.

    Args:
        network: Devices in order with a link between each two.

    Returns:
        (name, milliseconds, colour) of each piece; a device's name, or "link".
    """
    pieces: list[tuple[str, float, str]] = []
    for index, device in enumerate(network.devices):
        pieces.append((device.name, device.latency_ms or 0.0, device_colour(index)))
        if index < len(network.links):
            pieces.append(("link", network.links[index].latency_ms, LINK_COLOUR))
    return tuple(pieces)


def latency_figure(networks: Sequence[Network]) -> "Figure":
    """Draw each network's latency as a bar of stacked pieces.

    Args:
        networks: Those with devices; at least one.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    figure = Figure(figsize=(_WIDTH, 0.95 + 0.46 * len(networks)), layout="constrained")
    axes = figure.subplots()
    longest = max((n.latency_ms or 0.0 for n in networks), default=0.0) or 1.0
    seen: dict[str, str] = {}
    for row, network in enumerate(networks):
        left = 0.0
        for name, milliseconds, colour in latency_pieces(network):
            seen.setdefault(name, colour)
            axes.barh(row, milliseconds, left=left, height=0.62, color=colour, edgecolor="white", linewidth=0.6)
            if milliseconds > _LEAST_LABELLED_SHARE * longest:
                middle = left + milliseconds / 2
                axes.text(
                    middle, row, ms_text(milliseconds), ha="center", va="center", color=readable_on(colour), fontsize=8
                )
            left += milliseconds
        _total(axes, network, row, left, longest)
    _name_rows(axes, networks)
    axes.set_xlim(0, 1.22 * longest)
    axes.set_xlabel("latency per image, cost model (ms)")
    axes.grid(visible=False, axis="y")
    handles = [Patch(color=colour, label=name) for name, colour in seen.items()]
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=len(handles), borderaxespad=0.2)
    return figure


def memory_figure(profile: MemoryProfile) -> "Figure":
    """Draw weights and live activations of each operation against the device's limit; time runs downwards."""
    from matplotlib.figure import Figure

    rows = profile.rows
    count = len(rows)
    figure = Figure(figsize=(_WIDTH, 1.5 + min(0.2 * count, 14.0)), layout="constrained")
    axes = figure.subplots()
    places = range(count)
    scale = 1e3
    weights = [profile.weight_bytes / scale] * count
    live = [row.live_bytes / scale for row in rows]
    peak = rows.index(profile.peak)
    colours = [CHOSEN if place == peak else _ACTIVATIONS for place in places]
    axes.barh(places, weights, height=0.78, color=_WEIGHTS, label="weights (held all the time)")
    axes.barh(places, live, left=weights, height=0.78, color=colours)
    axes.barh([peak], [0], color=_ACTIVATIONS, label="live activations")
    axes.barh([peak], [0], color=CHOSEN, label=f"peak: {shorten(profile.peak.operation, 40)}")
    widest = max(weight + activation for weight, activation in zip(weights, live, strict=True))
    axes.annotate(
        bytes_text(profile.peak.total_bytes),
        (weights[peak] + live[peak], peak),
        xytext=(4, 0),
        textcoords="offset points",
        va="center",
        fontsize=8.5,
        weight="bold",
    )
    if profile.limit_bytes is not None:
        limit = profile.limit_bytes / scale
        axes.axvline(limit, color="white", linewidth=3.4)
        label = f"limit: {bytes_text(profile.limit_bytes)}"
        axes.axvline(limit, color=BAD, linewidth=1.8, linestyle=(0, (5, 2)), label=label)
        widest = max(widest, limit)
    axes.set_xlim(0, 1.12 * widest or 1.0)
    step = -(-count // _MOST_NAMED_OPERATIONS)
    named = sorted({*range(0, count, step), peak} - ({peak - 1, peak + 1} if step > 1 else set()))
    axes.set_yticks(named, [shorten(rows[place].operation, 40) for place in named], fontsize=7.5, color=INK)
    axes.set_ylim(count - 0.4, -0.6)
    axes.set_xlabel("memory of the sensor half (kB)")
    axes.grid(visible=False, axis="y")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=4, borderaxespad=0.2)
    return figure


def _total(axes: "Axes", network: Network, row: int, end: float, longest: float) -> None:
    text = ms_text(network.latency_ms)
    axes.text(
        end + 0.012 * longest,
        row,
        text if network.feasible else f"{text}, infeasible",
        va="center",
        weight="bold" if network.chosen else "normal",
        color=INK if network.feasible else BAD,
        fontsize=8.5,
    )


def _name_rows(axes: "Axes", networks: Sequence[Network]) -> None:
    names = []
    for network in networks:
        lines = textwrap.wrap(f"{network.method}, {network.backbone}", 32)
        names.append("\n".join([lines[0], shorten(" ".join(lines[1:]), 32)] if len(lines) > 1 else lines))
    axes.set_yticks(range(len(networks)), names, fontsize=8.5, color=MUTED)
    axes.set_ylim(len(networks) - 0.45, -0.55)
    for label, network in zip(axes.get_yticklabels(), networks, strict=True):
        label.set_color(INK if network.feasible else BAD)
        label.set_fontweight("bold" if network.chosen else "normal")
