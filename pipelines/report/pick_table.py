"""The table of several winners: points of one front, each built and measured, as the series A to F of SplitNets."""

from collections.abc import Sequence

from pipelines.report.comparison_tables import accuracy_cell
from pipelines.report.page import Cell, Column, Row, Section, Table
from pipelines.report.records import Pick
from pipelines.report.units import NOTHING, bytes_text, count_text, ms_text

__all__ = ["picks_section"]


def picks_section(picks: Sequence[Pick]) -> Section:
    """The picks, fastest first."""
    columns = [
        Column(title="Row of the front", number=False),
        Column(title="Input"),
        Column(title="Split", number=False),
        Column(title="#OPs", group="On sensor"),
        Column(title="Peak", group="On sensor"),
        Column(title="Weights + arena", group="On sensor"),
        Column(title="Size", group="Comm."),
        Column(title="#OPs", group="On aggregator"),
        Column(title="Latency", group="Overall"),
        Column(title="inherited, validation (%)", group="Top-1"),
        Column(title="fine-tuned, test (%)", group="Top-1"),
        Column(title="int8, test (%)", group="Top-1"),
    ]
    table = Table(
        caption="Further networks of the same front, each fine-tuned, quantised and measured like the chosen one "
        "(95 % intervals, bootstrap over families). Arena as measured where it was, else as planned.",
        columns=tuple(columns),
        rows=tuple(_row(pick) for pick in picks),
    )
    return Section(identifier="picks", title="Several winners", blocks=(table,))


def _row(pick: Pick) -> Row:
    sensor, aggregator = pick.devices[0], pick.devices[-1]
    arena = sensor.arena_bytes if sensor.arena_bytes_measured is None else sensor.arena_bytes_measured
    memory = None if arena is None or sensor.weight_bytes is None else sensor.weight_bytes + arena
    split = pick.split
    place = f"stride {split['stride']:g}, {split['channels']:g} channels" if split else NOTHING
    return Row(
        cells=(
            Cell(f"{pick.number:g}"),
            Cell(f"{pick.resolution:g}²"),
            Cell(place),
            Cell(count_text(sensor.macs)),
            Cell(bytes_text(sensor.peak_bytes)),
            Cell(bytes_text(memory)),
            Cell(bytes_text(sum(link.bytes for link in pick.links))),
            Cell(count_text(aggregator.macs)),
            Cell(ms_text(pick.latency_ms)),
            accuracy_cell(pick.supernet),
            accuracy_cell(pick.fine_tuned),
            accuracy_cell(pick.int8),
        )
    )
