"""Tables that compare networks: costs in the layout of Table 4, accuracies, paired differences."""

from collections.abc import Mapping, Sequence

from pipelines.report.page import Cell, Column, Row, Table, Tone
from pipelines.report.records import ACCURACY_KINDS, Comparison, Device, Interval, Network
from pipelines.report.units import NOTHING, bytes_text, count_text, interval_text, ms_text, points_text

__all__ = [
    "KIND_TITLES",
    "accuracy_cell",
    "accuracy_kinds",
    "accuracy_table",
    "comparison_table",
    "object_table",
    "paired_table",
]

KIND_TITLES = {
    "inherited": "inherited, validation (%)",
    "fine_tuned": "fine-tuned, test (%)",
    "trained_alone": "trained alone, test (%)",
}
"""Headings of the three kinds of accuracy."""
_EMPTY = Cell(NOTHING, tone="muted")


def accuracy_kinds(networks: Sequence[Network]) -> tuple[str, ...]:
    """The kinds of accuracy that these networks have, in the order of `ACCURACY_KINDS`."""
    present = {network.accuracy_kind for network in networks if network.accuracy is not None}
    return tuple(kind for kind in ACCURACY_KINDS if kind in present)


def comparison_table(
    networks: Sequence[Network],
    *,
    memory_limits_bytes: Sequence[float | None] = (),
    split_shape: str = "",
    layout: str = "Table 4 of SplitNets",
) -> Table:
    """Compare networks in the layout of Tables 4 and 6 of SplitNets.

    Each kind of accuracy has a column of its own, and so has each device's every figure; the peak is shown for all
    devices but the last, whose memory is no constraint.

    Args:
        networks: Rows in order; chosen ones stand out.
        memory_limits_bytes: Memory of each device in order; a peak above it is red.
        split_shape: What the chosen network sends, such as `12·8²`.
        layout: Whose layout the caption names.

    Returns:
        The table.
    """
    names = next((n.devices for n in reversed(networks) if n.devices), ())
    kinds = accuracy_kinds(networks)
    columns = [Column(title="Method", number=False), Column(title="Backbone", number=False)]
    columns += [Column(title=KIND_TITLES[kind], group="Top-1") for kind in kinds]
    for index, device in enumerate(names):
        last = index == len(names) - 1
        titles = ("#Params", "#OPs", "Latency") if last else ("#Params", "#OPs", "Peak", "Latency")
        columns += [Column(title=title, group=f"On {device.name}") for title in titles]
        if not last:
            group = "Comm." if len(names) < 3 else f"Comm. {index + 1}"
            columns += [Column(title=title, group=group) for title in ("Size", "Latency")]
    columns += [Column(title="Latency", group="Overall"), Column(title="Feasible?", number=False)]
    rows = tuple(_network_row(network, kinds, names, memory_limits_bytes, split_shape) for network in networks)
    return Table(
        caption=f"Chosen network and baselines in the layout of {layout}. 1 OP is 1 multiply-accumulate; "
        "peak is the paper's figure (all weights and the largest input + output, one byte each); latencies are the "
        "cost model's. Accuracies are of float networks with 95 % intervals; each kind has a column of its own.",
        columns=tuple(columns),
        rows=rows,
    )


def accuracy_table(networks: Sequence[Network], supernet: Interval, fine_tuned: Interval, int8: Interval) -> Table:
    """Show every accuracy of the chosen network and the baselines, each kind in a column of its own."""
    columns = (
        Column(title="Network", number=False),
        Column(title="Inherited from the supernet (validation, %)"),
        Column(title="Fine-tuned, float (test, %)"),
        Column(title="Fine-tuned, int8 (test, %)"),
        Column(title="Trained alone, float (test, %)"),
    )
    kinds: dict[str, int] = {"inherited": 1, "fine_tuned": 2, "trained_alone": 4}
    rows = []
    for network in networks:
        cells = [Cell(f"{network.method}, {network.backbone}"), _EMPTY, _EMPTY, _EMPTY, _EMPTY]
        if network.chosen:
            cells[1:4] = [accuracy_cell(supernet), accuracy_cell(fine_tuned), accuracy_cell(int8)]
        elif network.accuracy is not None:
            cells[kinds[network.accuracy_kind]] = accuracy_cell(network.accuracy)
        rows.append(Row(cells=tuple(cells), strong=network.chosen))
    return Table(
        caption="Top-1 accuracy with 95 % intervals (bootstrap over families). The columns are different things: "
        "read down a column, not across.",
        columns=columns,
        rows=tuple(rows),
    )


def object_table(per_object: Mapping[str, Interval]) -> Table:
    """Show the accuracy of the vote over each object's images, by the name under which predictions are kept."""
    return Table(
        caption="Test accuracy per object: the class that most of its images were given (95 % intervals, bootstrap "
        "over families).",
        columns=(Column(title="Predictions", number=False), Column(title="Objects (%)")),
        rows=tuple(Row(cells=(Cell(name), accuracy_cell(value))) for name, value in per_object.items()),
    )


def paired_table(comparisons: Sequence[Comparison]) -> Table:
    """Show the chosen network against each baseline, paired over the same test images."""
    with_claim = any(comparison.claim for comparison in comparisons)
    columns = [
        Column(title="Against", number=False),
        Column(title="Accuracy difference (points)"),
        Column(title="95 % interval"),
        Column(title="Latency ratio"),
    ]
    columns += [Column(title="Claim", number=False)] if with_claim else []
    columns += [Column(title="Holds?", number=False)]
    rows = []
    for c in comparisons:
        ratio = NOTHING if c.latency_ratio is None else f"{c.latency_ratio:.2f}"
        cells = [
            Cell(c.against),
            Cell(points_text(c.difference.value, signed=True)),
            Cell(interval_text(c.difference.low, c.difference.high, signed=True)),
            Cell(ratio),
        ]
        cells += [Cell(c.claim or NOTHING)] if with_claim else []
        cells += [Cell("yes", tone="good") if c.holds else Cell("no", tone="bad")]
        rows.append(Row(cells=tuple(cells)))
    return Table(
        caption="Chosen network minus baseline, paired over the same test images, which are resampled by family. At "
        "least as accurate means that the lower bound is above \N{MINUS SIGN}2 points; the ratio is the chosen "
        "network's latency over the baseline's.",
        columns=tuple(columns),
        rows=tuple(rows),
    )


def _network_row(
    network: Network, kinds: Sequence[str], devices: Sequence[Device], limits: Sequence[float | None], split_shape: str
) -> Row:
    cells = [Cell(network.method), Cell(network.backbone)]
    for kind in kinds:
        accuracy = network.accuracy if network.accuracy_kind == kind else None
        cells.append(accuracy_cell(accuracy) if accuracy else _EMPTY)
    for index in range(len(devices)):
        last = index == len(devices) - 1
        limit = limits[index] if index < len(limits) else None
        cells += _device_cells(network, index, limit, with_peak=not last)
        if not last:
            cells += _link_cells(network, index, split_shape)
    tone: Tone = "" if network.feasible else "bad"
    cells.append(Cell(ms_text(network.latency_ms), tone=tone))
    if not network.devices:
        cells.append(_EMPTY)
    elif network.feasible:
        cells.append(Cell("yes", tone="good"))
    else:
        cells.append(Cell("no", detail=network.infeasible_because or "", tone="bad"))
    return Row(cells=tuple(cells), strong=network.chosen)


def _device_cells(network: Network, index: int, limit: float | None, *, with_peak: bool) -> list[Cell]:
    if index >= len(network.devices):
        return [_EMPTY] * (4 if with_peak else 3)
    device = network.devices[index]
    cells = [Cell(count_text(device.params)), Cell(count_text(device.macs))]
    if with_peak:
        above = limit is not None and device.peak_bytes is not None and device.peak_bytes > limit
        cells.append(Cell(bytes_text(device.peak_bytes), tone="bad" if above else ""))
    cells.append(Cell(ms_text(device.latency_ms)))
    return cells


def _link_cells(network: Network, index: int, split_shape: str) -> list[Cell]:
    if index >= len(network.links):
        return [_EMPTY] * 2
    link = network.links[index]
    return [Cell(bytes_text(link.bytes), detail=split_shape if network.chosen else ""), Cell(ms_text(link.latency_ms))]


def accuracy_cell(interval: Interval) -> Cell:
    """An accuracy in per cent with its interval below."""
    return Cell(points_text(interval.value), detail=interval_text(interval.low, interval.high))
