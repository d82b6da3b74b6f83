"""The sections of the report, each a pure function of records."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.report.accuracy_plots import accuracy_latency_figure, paired_difference_figure
from pipelines.report.comparison_tables import accuracy_table, comparison_table, object_table, paired_table
from pipelines.report.cost_plots import latency_figure, memory_figure
from pipelines.report.detail_tables import (
    blocks_table,
    device_table,
    key_value_table,
    memory_table,
    operations_table,
    quantization_table,
    seconds_table,
)
from pipelines.report.drawing import network_figure
from pipelines.report.drawn_blocks import DrawnBlock
from pipelines.report.figures import figure_svg, inline_svg
from pipelines.report.front import FrontPoint
from pipelines.report.memory_profile import MemoryProfile
from pipelines.report.page import Figure, Paragraph, Section, Table
from pipelines.report.records import Network, RunSummary
from pipelines.report.units import TIMES, bytes_text, ms_text, points_text

__all__ = [
    "accuracy_latency_section",
    "accuracy_section",
    "comparison_section",
    "latency_section",
    "memory_section",
    "missing_section",
    "network_section",
    "record_section",
]


def missing_section(identifier: str, title: str, reason: str) -> Section:
    """A section that says what is missing and why, in place of its content."""
    return Section(identifier=identifier, title=title, blocks=(Paragraph(text=reason, tone="muted"),))


def comparison_section(
    networks: Sequence[Network],
    *,
    memory_limits_bytes: Sequence[float | None] = (),
    split_shape: str = "",
    layout: str = "Table 4 of SplitNets",
) -> Section:
    """Costs and accuracy of the chosen network beside the baselines; for the arguments see `comparison_table`."""
    table = comparison_table(networks, memory_limits_bytes=memory_limits_bytes, split_shape=split_shape, layout=layout)
    devices = networks[-1].devices
    blocks: list[Table | Paragraph] = [table]
    placed = [network for network in networks if network.devices and not network.chosen]
    if placed and not any(network.feasible for network in placed):
        blocks.append(Paragraph(text="No baseline is feasible on this system."))
    if devices:
        blocks.append(device_table(devices))
    return Section(identifier="comparison", title="Comparison with the baselines", blocks=tuple(blocks))


def accuracy_section(summary: RunSummary) -> Section:
    """Every accuracy with its interval, and the paired comparisons."""
    loss = points_text(summary.int8.value - summary.fine_tuned.value, signed=True)
    comparisons = summary.comparisons
    blocks: list[Table | Paragraph | Figure] = [
        accuracy_table(summary.networks, summary.supernet, summary.fine_tuned, summary.int8),
        Paragraph(text=f"Quantisation to int8 changes the chosen network's test accuracy by {loss} points."),
    ]
    if summary.quantization is not None:
        blocks.append(quantization_table(summary.quantization, summary.fine_tuned))
    if not comparisons:
        blocks.append(Paragraph(text="The run holds no paired comparisons.", tone="muted"))
    else:
        blocks.append(paired_table(comparisons))
        alternative = "Paired accuracy differences. " + " ".join(
            f"Against {c.against}: {points_text(c.difference.value, signed=True)} points, from "
            f"{points_text(c.difference.low, signed=True)} to {points_text(c.difference.high, signed=True)}; "
            f"the claim {'holds' if c.holds else 'does not hold'}."
            for c in comparisons
        )
        blocks.append(
            _figure(
                lambda: paired_difference_figure(comparisons),
                "paired",
                alternative,
                "Paired differences with their 95 % intervals; red with a cross where the claim does not hold.",
            )
        )
    if summary.per_object:
        blocks.append(object_table(summary.per_object))
    return Section(identifier="accuracy", title="Accuracy", blocks=tuple(blocks))


def accuracy_latency_section(
    front: Sequence[FrontPoint] | None, networks: Sequence[Network], chosen: Mapping[str, Any] | None
) -> Section:
    """Accuracy against latency: the front, and apart from it the trained networks."""
    title = "Accuracy against latency"
    if not front and not any(network.accuracy for network in networks):
        return missing_section("front", title, "Missing: neither search/pareto.csv nor summary.json has any network.")
    blocks: list[Table | Paragraph | Figure] = []
    if not front:
        blocks.append(Paragraph(text="Missing: search/pareto.csv is not there, so no front is drawn.", tone="muted"))
    alternative = "Accuracy against latency. "
    if front:
        least, most = min(front, key=lambda p: p.latency_ms), max(front, key=lambda p: p.accuracy)
        alternative += (
            f"Left: {len(front)} networks of the front, from {ms_text(least.latency_ms)} with "
            f"{points_text(least.accuracy)} % to {ms_text(most.latency_ms)} with {points_text(most.accuracy)} % "
            "inherited validation accuracy. "
        )
    alternative += " ".join(
        f"{n.method}, {n.backbone}: {ms_text(n.latency_ms)}, {points_text(n.accuracy.value)} %."
        for n in networks
        if n.accuracy
    )
    caption = (
        "Inherited and trained accuracies are different things, so they stand in panels of their own with scales of "
        "their own."
    )
    drawn = [network for network in networks if network.accuracy and network.latency_ms is not None]
    if any(network.accuracy_kind == "trained_alone" for network in drawn):
        caption += " Open markers: trained alone."
    if not all(network.feasible for network in drawn):
        caption += " Red cross: infeasible on this system."
    blocks.append(
        _figure(lambda: accuracy_latency_figure(front or (), networks, chosen), "front", alternative, caption)
    )
    return Section(identifier="front", title=title, blocks=tuple(blocks))


def latency_section(networks: Sequence[Network]) -> Section:
    """Where each network's time goes."""
    title = "Latency, piece by piece"
    placed = [network for network in networks if network.devices]
    if not placed:
        return missing_section("latency", title, "Missing: summary.json holds no network with devices.")
    alternative = "Latency. " + " ".join(
        f"{n.method}, {n.backbone}: {ms_text(n.latency_ms)}, of which "
        + ", ".join(f"{d.name} {ms_text(d.latency_ms)}" for d in n.devices)
        + "".join(f", link {ms_text(link.latency_ms)}" for link in n.links)
        + ("." if n.feasible else "; infeasible.")
        for n in placed
    )
    blocks: list[Table | Paragraph | Figure] = [
        _figure(
            lambda: latency_figure(placed),
            "latency",
            alternative,
            "Overall latency is the plain sum of its pieces; nothing overlaps. The chosen network stands last.",
        )
    ]
    unplaced = [f"{n.method}, {n.backbone}" for n in networks if not n.devices]
    if unplaced:
        blocks.append(Paragraph(text=f"Without a placement, for accuracy only: {'; '.join(unplaced)}.", tone="muted"))
    return Section(identifier="latency", title=title, blocks=tuple(blocks))


def memory_section(profile: MemoryProfile) -> Section:
    """The sensor half's memory over its operations."""
    peak = profile.peak
    limit = "no limit" if profile.limit_bytes is None else f"a limit of {bytes_text(profile.limit_bytes)}"
    alive = f" ({', '.join(peak.tensors)})" if peak.tensors else ""
    sentence = (
        f"The peak is {bytes_text(peak.total_bytes)} at {peak.operation} ({peak.kind}): "
        f"{bytes_text(profile.weight_bytes)} of weights and {bytes_text(peak.live_bytes)} of live activations"
        f"{alive}, against {limit}."
    )
    blocks: list[Table | Paragraph | Figure] = [
        Paragraph(text=sentence),
        _figure(
            lambda: memory_figure(profile),
            "memory",
            f"Memory of the sensor half over {len(profile.rows)} operations. {sentence}",
            "Weights and live activations of the int8 file, operation by operation; time runs downwards.",
        ),
        memory_table(profile),
    ]
    if profile.arena_bytes_measured is None:
        blocks.append(Paragraph(text=f"Measured arena: {profile.note or 'not measured'}.", tone="muted"))
    blocks.append(operations_table(profile))
    return Section(identifier="memory", title="Memory of the sensor half", blocks=tuple(blocks))


def network_section(
    resolution: int, blocks: Sequence[DrawnBlock], device_names: Sequence[str], cut_bytes: Sequence[float | None]
) -> Section:
    """The chosen network, drawn and spelt out."""
    counts = [sum(block.device == index for block in blocks) for index in range(len(device_names))]
    parts = ", ".join(f"{count} blocks on {name}" for name, count in zip(device_names, counts, strict=True))
    sent = ", ".join(bytes_text(value) for value in cut_bytes if value is not None)
    alternative = (
        f"The chosen network for {resolution} {TIMES} {resolution} images: {parts}; {sent or 'nothing'} passes the cut."
    )
    caption = (
        "Height is proportional to the output channels (the number above; narrow layers have a least height, head and "
        "classifier are cut off). Inside: kernel, e = expansion ratio, + for a shortcut. A dashed line stands before a "
        "block of stride 2; the trapezoids are Conv-Reduce, Conv-Recover and, of several views, View-Fuse; the orange "
        "line is the cut with the bytes that pass it. At the foot: name and side of the output."
    )
    figure = _figure(
        lambda: network_figure(resolution, blocks, device_names, cut_bytes), "network", alternative, caption
    )
    return Section(
        identifier="network", title="The chosen network", blocks=(figure, blocks_table(blocks, device_names))
    )


def record_section(
    stage_seconds: Mapping[str, float], settings: Mapping[str, str], provenance: Mapping[str, str] | None
) -> Section:
    """How long the run took and what it was made with."""
    blocks: list[Table | Paragraph] = []
    if stage_seconds:
        blocks.append(seconds_table(stage_seconds))
    else:
        blocks.append(Paragraph(text="Missing: the run holds no times.", tone="muted"))
    if settings:
        blocks.append(key_value_table("Data and training.", settings))
    if provenance:
        blocks.append(key_value_table("Provenance: versions, command, machine.", provenance, folded=True))
    else:
        blocks.append(Paragraph(text="Missing: provenance.json is not there.", tone="muted"))
    return Section(identifier="record", title="Times and provenance", blocks=tuple(blocks))


def _figure(draw: Any, identifier: str, alternative: str, caption: str) -> Figure:
    svg = inline_svg(figure_svg(draw), identifier=identifier, alternative=alternative)
    return Figure(svg=svg, caption=caption)
