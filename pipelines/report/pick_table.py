"""The table of several winners: points of one front, each built and measured, as the series A to F of SplitNets."""

from collections.abc import Sequence

from pipelines.report.comparison_tables import accuracy_cell
from pipelines.report.page import Cell, Column, Paragraph, Row, Section, Table
from pipelines.report.records import FrontComparison, Pick
from pipelines.report.units import NOTHING, bytes_text, count_text, interval_text, ms_text, points_text

__all__ = ["exceptions_text", "picks_section"]


def picks_section(picks: Sequence[Pick], comparisons: Sequence[FrontComparison] = ()) -> Section:
    """The picks, fastest first, and the front that they and the chosen network span against every baseline."""
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
    blocks: list[Table | Paragraph] = [table]
    if comparisons:
        blocks += [_front_table(comparisons), Paragraph(text=exceptions_text(comparisons))]
    return Section(identifier="picks", title="Several winners", blocks=tuple(blocks))


def exceptions_text(comparisons: Sequence[FrontComparison]) -> str:
    """A sentence that names the baselines for which no built network is at least as accurate in less time."""
    exceptions = [row.against for row in comparisons if not row.holds]
    if not exceptions:
        return "For every feasible baseline a network of the front is at least as accurate in less time."
    return f"Exceptions, with no network of the front at least as accurate in less time: {'; '.join(exceptions)}."


def _front_table(comparisons: Sequence[FrontComparison]) -> Table:
    return Table(
        caption="The front against every feasible baseline: of the networks built, the fastest one that is at least as "
        "accurate (the paired 95 % interval's lower bound above \N{MINUS SIGN}2 points; where there is none, the most "
        "accurate one).",
        columns=(
            Column(title="Baseline", number=False),
            Column(title="Its latency"),
            Column(title="Row of the front", number=False),
            Column(title="Latency"),
            Column(title="Ratio"),
            Column(title="Accuracy difference (points)"),
            Column(title="95 % interval"),
            Column(title="As accurate in less time?", number=False),
        ),
        rows=tuple(_front_row(row) for row in comparisons),
    )


def _front_row(row: FrontComparison) -> Row:
    return Row(
        cells=(
            Cell(row.against),
            Cell(ms_text(row.latency_ms)),
            Cell(NOTHING if row.number is None else f"{row.number:g}"),
            Cell(ms_text(row.front_latency_ms)),
            Cell(f"{row.latency_ratio:.2f}"),
            Cell(points_text(row.difference.value, signed=True)),
            Cell(interval_text(row.difference.low, row.difference.high, signed=True)),
            Cell("yes", tone="good") if row.holds else Cell("no", tone="bad"),
        )
    )


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
