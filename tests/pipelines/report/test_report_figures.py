"""What the figures hold: every value at its place, kinds of accuracy in panels of their own, colours one can read."""

import json

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.report.accuracy_plots import accuracy_latency_figure, paired_difference_figure
from pipelines.report.cost_plots import latency_figure, latency_pieces, memory_figure
from pipelines.report.figures import DEVICE_COLOURS, LINK_COLOUR, figure_png, figure_svg, inline_svg, readable_on
from pipelines.report.front import FrontPoint, front_line, read_front
from pipelines.report.json_node import Node, read_node
from pipelines.report.memory_profile import memory_profile_from_node
from pipelines.report.run_summary import summary_from_mapping
from pipelines.report.units import TIMES
from tflite_export import MemoryProfile, MicroArena, OperationMemory
from tflite_export.model_memory import LiveTensor


@pytest.fixture
def run(summary):
    return summary_from_mapping(summary)


@pytest.fixture
def front(run_directory):
    return read_front(run_directory / "search" / "pareto.csv")


@pytest.fixture
def profile(run_directory):
    return memory_profile_from_node(read_node(run_directory / "memory.json"))


def plotted(axes):
    """All points of an axes' lines."""
    return {(round(float(x), 6), round(float(y), 6)) for line in axes.lines for x, y in line.get_xydata()}


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_front_and_trained_networks_have_panels_of_their_own(front, run):
    left, right = accuracy_latency_figure(front, run.networks, run.architecture).axes
    assert "inherited" in left.get_ylabel() and "validation" in left.get_ylabel()
    assert "test" in right.get_ylabel()
    expected = {(round(p.latency_ms, 6), round(100 * p.accuracy, 6)) for p in front}
    assert expected <= plotted(left)
    trained = {
        (round(n.latency_ms, 6), round(100 * n.accuracy.value, 6)) for n in run.networks if n.latency_ms is not None
    }
    assert trained <= plotted(right)
    assert not trained & plotted(left)
    assert not expected & plotted(right)


def test_chosen_network_is_marked_on_the_front(front, run):
    left = accuracy_latency_figure(front, run.networks, run.architecture).axes[0]
    stars = [tuple(offset) for collection in left.collections for offset in collection.get_offsets()]
    picked = next(p for p in front if p.architecture == run.architecture)
    assert stars == [pytest.approx((picked.latency_ms, 100 * picked.accuracy))]
    left = accuracy_latency_figure(front, run.networks, {"resolution": 1}).axes[0]
    assert not left.collections


def test_legend_tells_kinds_apart_and_joins_what_coincides(run):
    (axes,) = accuracy_latency_figure((), run.networks, None).axes
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert sorted(labels) == [
        "SplitNets, searched in demo (fine-tuned)",
        "all-on-aggregator = neurosurgeon, demo largest (fine-tuned)",
        "all-on-sensor, demo largest (fine-tuned, infeasible)",
        "plain CNN, 4 convolutions (trained alone), no latency",
    ]


def test_only_infeasible_networks_are_crossed_out(run):
    (axes,) = accuracy_latency_figure((), run.networks, None).axes
    crosses = [line.get_xydata()[0] for line in axes.lines if line.get_marker() == "x"]
    assert len(crosses) == 1
    np.testing.assert_allclose(crosses[0], (run.networks[0].latency_ms, 71.32))


def test_one_point_gets_an_axis_of_some_width(front):
    (axes,) = accuracy_latency_figure(front[:1], (), None).axes
    low, high = axes.get_ylim()
    assert high - low >= 3.99
    assert low < 100 * front[0].accuracy < high
    assert axes.get_xlim()[0] == 0


points = st.builds(
    lambda accuracy, latency, name: FrontPoint(
        identifier=str(name), accuracy=accuracy / 8, latency_ms=latency / 8, architecture={}
    ),
    st.integers(0, 8),
    st.integers(1, 9),
    st.integers(0, 99),
)


@given(st.lists(points, min_size=1, max_size=12))
def test_front_line_is_what_no_point_beats(crowd):
    def beaten(p):
        return any(
            q.accuracy >= p.accuracy
            and q.latency_ms <= p.latency_ms
            and (q.accuracy, q.latency_ms) != (p.accuracy, p.latency_ms)
            for q in crowd
        )

    line = front_line(crowd)
    assert {(p.accuracy, p.latency_ms) for p in line} == {(p.accuracy, p.latency_ms) for p in crowd if not beaten(p)}
    assert [p.latency_ms for p in line] == sorted({p.latency_ms for p in line})


def test_latency_bars_are_the_pieces_and_add_up(run):
    placed = [n for n in run.networks if n.devices]
    (axes,) = latency_figure(placed).axes
    widths = [bar.get_width() for bar in axes.patches]
    assert widths == pytest.approx([milliseconds for n in placed for _, milliseconds, _ in latency_pieces(n)])
    ends = {round(bar.get_x() + bar.get_width(), 4) for bar in axes.patches}
    assert {round(n.latency_ms, 4) for n in placed} <= ends
    assert [name for name, _, _ in latency_pieces(placed[-1])] == ["sensor", "link", "aggregator"]
    assert "3.38\N{NO-BREAK SPACE}ms, infeasible" in texts(axes)
    assert "1.31\N{NO-BREAK SPACE}ms" in texts(axes)


def test_memory_bars_limit_and_peak(profile):
    (axes,) = memory_figure(profile).axes
    count = len(profile.rows)
    live = [bar.get_width() for bar in axes.patches[count : 2 * count]]
    assert [bar.get_width() for bar in axes.patches[:count]] == pytest.approx([20.264] * count)
    assert live == pytest.approx([row.live_bytes / 1e3 for row in profile.rows])
    assert np.argmax(live) == [row.operation for row in profile.rows].index("mb1_1_depthwise_conv")
    limits = {line.get_xdata()[0] for line in axes.lines}
    assert limits == {79.319}
    assert axes.get_xlim()[1] > 79.319
    assert texts(axes) == ["51.0\N{NO-BREAK SPACE}kB"]


def test_memory_peak_is_named_even_where_not_every_operation_is(memory):
    row, weights = memory["operations"][0], memory["weight_bytes"]
    memory["operations"] = [
        row | {"operation": f"operation {i}", "live_bytes": live, "total_bytes": weights + live}
        for i, live in enumerate([10] * 77 + [11] + [10] * 122)
    ]
    (axes,) = memory_figure(memory_profile_from_node(Node(memory, source="memory.json"))).axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert "operation 77" in names
    assert len(names) <= 71


@pytest.mark.parametrize(
    ("arena", "measured", "fits"), [(10, None, True), (11, None, False), (10, 11, False), (11, 10, True)]
)
def test_weights_and_arena_must_fit_the_measured_one_if_there_is_one(memory, arena, measured, fits):
    micro = None if measured is None else {"head_bytes": measured, "tail_bytes": 99}
    changed = memory | {"weight_bytes": 5, "arena_bytes": arena, "micro_arena": micro, "limit_bytes": 15}
    assert memory_profile_from_node(Node(changed, source="memory.json")).fits is fits


@pytest.mark.parametrize("micro", [None, MicroArena(head_bytes=24, tail_bytes=7, total_bytes=31)])
def test_reads_what_the_export_writes(micro):
    tensors = (LiveTensor(name="input", shape=(2, 2, 3), bytes=12),)
    common = {"kind": "conv2d", "weight_bytes": 5, "scratch_bytes": 0, "tensors": tensors}
    rows = [
        OperationMemory(operation=name, live_bytes=live, total_bytes=10 + live, **common)
        for name, live in (("a", 16), ("b", 32), ("c", 32))
    ]
    written = MemoryProfile(
        model="sensor.tflite",
        file_bytes=99,
        weight_bytes=10,
        arena_bytes=32,
        operations=tuple(rows),
        limit_bytes=40,
        micro_arena=micro,
        micro_note="" if micro else "not measured: not asked for",
    )
    profile = memory_profile_from_node(Node(json.loads(json.dumps(written.to_dict())), source="memory.json"))
    assert (profile.weight_bytes, profile.arena_bytes, profile.limit_bytes) == (10, 32, 40)
    assert profile.required_bytes == written.required_bytes
    assert profile.fits is written.fits
    assert profile.peak.operation == written.peak.operation == "b"
    assert profile.peak.tensors == (f"input 2{TIMES}2{TIMES}3",)
    assert [(r.operation, r.total_bytes) for r in profile.rows] == [("a", 26), ("b", 42), ("c", 42)]
    assert profile.note == written.micro_note


def test_paired_figure_shows_each_interval_and_the_margin(summary):
    summary["comparisons"][0]["holds"] = False
    run = summary_from_mapping(summary)
    (axes,) = paired_difference_figure(run.comparisons).axes
    for row, comparison in enumerate(run.comparisons):
        interval = comparison.difference
        shown = plotted(axes)
        assert {(round(100 * x, 6), row) for x in (interval.low, interval.value, interval.high)} <= shown
    assert any(line.get_xdata()[0] == -2 for line in axes.lines)
    assert [line.get_marker() for line in axes.lines if line.get_marker() in "oX"] == ["X", "o", "o"]


def test_pictures_are_repeatable_and_leave_matplotlib_as_it_was(run):
    before = dict(matplotlib.rcParams)
    first = figure_svg(lambda: latency_figure(run.networks[:3]))
    assert first == figure_svg(lambda: latency_figure(run.networks[:3]))
    assert figure_png(lambda: latency_figure(run.networks[:3])).startswith(b"\x89PNG")
    assert dict(matplotlib.rcParams) == before


def test_inline_svg_keeps_its_ids_to_itself():
    svg = '<?xml version="1.0"?><svg xmlns="http://x" xmlns:xlink="http://y"><g id="a"/><use xlink:href="#a"/>'
    svg += '<path clip-path="url(#a)"/></svg>'
    assert inline_svg(svg, identifier="one", alternative='"<b>') == (
        '<svg role="img" aria-label="&quot;&lt;b&gt;"><g id="one-a"/><use xlink:href="#one-a"/>'
        '<path clip-path="url(#one-a)"/></svg>'
    )


def test_text_on_coloured_bars_has_enough_contrast():
    def luminance(colour):
        channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    for colour in (*DEVICE_COLOURS, LINK_COLOUR):
        dark, light = sorted((luminance(colour), luminance(readable_on(colour))))
        assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_four_devices_on_a_chain_have_pieces_in_order(summary):
    device = summary["devices"][0]
    summary["devices"] = [device | {"name": name, "latency_ms": 1.0} for name in ("UE", "SBS", "MBS", "cloud")]
    summary["links"] = [{"bytes": 10 * (i + 1), "latency_ms": 0.5} for i in range(3)]
    pieces = latency_pieces(summary_from_mapping(json.loads(json.dumps(summary))).chosen)
    assert [name for name, _, _ in pieces] == ["UE", "link", "SBS", "link", "MBS", "link", "cloud"]
    assert len({colour for _, _, colour in pieces}) == 5
