"""The page as a reader finds it: figures, kinds of accuracy, shortfalls, what is missing."""

import dataclasses
import re

import pytest

from pipelines.report import write_report
from pipelines.report.comparison_tables import comparison_table
from pipelines.report.detail_tables import quantization_table
from pipelines.report.json_node import Node
from pipelines.report.memory_profile import memory_profile_from_node
from pipelines.report.page import Page, render_page
from pipelines.report.run_files import RunFiles
from pipelines.report.run_summary import summary_from_mapping
from pipelines.report.sections import comparison_section
from pipelines.report.shortfalls import SHORTFALL_LABEL, shortfalls
from pipelines.report.splitnets_report import build_page
from pipelines.report.units import NOTHING, TIMES
from splitnets_tf.space import Split, load_space


def table(page, beginning):
    found = [rows for caption, rows in page.tables.items() if caption.startswith(beginning)]
    assert len(found) == 1, f"{len(found)} tables begin with {beginning!r}"
    return found[0]


def test_comparison_table_has_every_figure_in_the_layout_of_table_4(report_page):
    groups, headings, *rows = table(report_page, "Chosen network and baselines")

    assert groups == ["", "Top-1", "On sensor", "Comm.", "On aggregator", "Overall", ""]
    assert headings == [
        *("Method", "Backbone", "fine-tuned, test (%)", "trained alone, test (%)"),
        *(
            "#Params",
            "#OPs",
            "Peak",
            "Latency",
            "Size",
            "Latency",
            "#Params",
            "#OPs",
            "Latency",
            "Latency",
            "Feasible?",
        ),
    ]
    accuracy = ["71.3 [66.7, 75.6]", "-"]
    nothing = ["0", "0", "0 B", "0 ms"]
    image = ["12.3 kB", "4.01 ms", "242 K", "8.58 M", "0.338 ms", "4.35 ms", "yes"]
    assert rows == [
        [
            *("all-on-sensor", "demo largest", *accuracy, "242 K", "8.58 M", "340 kB", "3.38 ms", "0 B", "0 ms"),
            *("0", "0", "0 ms", "3.38 ms", "no peak memory 340.5 kB > 79.3 kB"),
        ],
        ["all-on-aggregator", "demo largest", *accuracy, *nothing, *image],
        ["neurosurgeon", "demo largest", *accuracy, *nothing, *image],
        ["plain CNN", "4 convolutions", "-", "63.9 [59.2, 68.2]", *["-"] * 11],
        [
            *("SplitNets", "searched in demo", "70.4 [65.9, 74.7]", "-", "18.9 K", "2.42 M", "55.8 kB", "0.953 ms"),
            *("768 B 12·8²", "0.251 ms", "160 K", "2.79 M", "0.110 ms", "1.31 ms", "yes"),
        ],
    ]


def test_accuracy_table_keeps_four_kinds_of_accuracy_apart(report_page):
    headings, *rows = table(report_page, "Top-1 accuracy")
    assert [h.split(" (")[0] for h in headings[1:]] == [
        "Inherited from the supernet",
        "Fine-tuned, float",
        "Fine-tuned, int8",
        "Trained alone, float",
    ]
    assert rows[-1][1:] == ["68.1 [64.0, 72.0]", "70.4 [65.9, 74.7]", "69.9 [65.3, 74.1]", "-"]
    assert rows[0][1:] == ["-", "71.3 [66.7, 75.6]", "-", "-"]
    assert rows[3][1:] == ["-", "-", "-", "63.9 [59.2, 68.2]"]


def test_accuracy_per_object_has_a_table_where_the_run_gives_it(report_page):
    assert table(report_page, "Test accuracy per object")[1:] == [["chosen", "76.5 [70.1, 81.2]"]]


def test_inherited_accuracy_of_a_baseline_opens_a_third_column(summary):
    summary["baselines"][0] |= {"method": "front point 3", "accuracy_kind": "inherited"}
    compared = comparison_table(summary_from_mapping(summary).networks)
    titles = [column.title for column in compared.columns[2:5]]
    assert titles == ["inherited, validation (%)", "fine-tuned, test (%)", "trained alone, test (%)"]
    accuracies = [[cell.text != NOTHING for cell in row.cells[2:5]] for row in compared.rows]
    fine_tuned, alone = [False, True, False], [False, False, True]
    assert accuracies == [[True, False, False], fine_tuned, fine_tuned, alone, fine_tuned]


def test_paired_table_and_device_table(report_page):
    assert table(report_page, "Chosen network minus baseline")[1:] == [
        ["all-on-aggregator", "-0.9", "[-1.9, +0.1]", "0.30", "yes"],
        ["neurosurgeon", "-0.9", "[-1.9, +0.1]", "0.30", "yes"],
        ["plain CNN", "+6.5", "[+4.3, +8.7]", "-", "yes"],
    ]
    devices = {row[0]: row[1:] for row in table(report_page, "The chosen network's parts")}
    assert devices["Arena, measured"] == ["30.7 kB", "12.3 kB", "TFLite Micro"]
    assert devices["Arena, planned"] == ["30.7 kB", "12.3 kB", "planner"]
    vela = "Vela 5.2.0, ethos-u55-256, Vela 5.2.0, ethos-u85-2048"
    assert devices["Operations that it leaves to a CPU"] == ["0", "0", vela]
    assert devices["Cycles"][:2] == ["5 952", "3 153"]
    assert devices["Size of the .tflite file"] == ["31.6 kB", "180 kB", "file"]


def test_memory_tables_name_the_peak_and_the_limit(report_page):
    memory = {row[0]: row[1:] for row in table(report_page, "Memory of the sensor half")}
    assert memory["Weights"] == ["20.3 kB", "20 264"]
    assert memory["Arena, measured by TensorFlow Lite Micro"] == ["30.7 kB", "30 720"]
    assert memory["Weights + planned arena"] == ["51.0 kB", "50 984"]
    assert memory["Limit of the device"] == ["79.3 kB", "79 319"]
    assert memory["Fits?"][0] == "yes"
    assert memory["Bookkeeping of TensorFlow Lite Micro, besides"] == ["6.90 kB", "6 904"]
    assert "The peak is 51.0 kB at mb1_1_depthwise_conv (depthwise_conv2d)" in report_page.text
    operations = table(report_page, "Bytes held while each operation")
    assert len(operations) == 1 + 19
    row = next(row for row in operations if row[0] == "mb1_1_depthwise_conv")
    assert row[1:5] == ["depthwise_conv2d", "624", "30 720", "50 984"]
    alive = row[5].replace(TIMES, "x")
    assert alive == "mb1_0_project_bn 16x16x24, mb1_1_expand_act 16x16x48, mb1_1_depthwise_act 16x16x48"


def test_head_of_the_page_says_what_when_and_how_it_was_chosen(report_page):
    text = report_page.text
    for phrase in (
        "FIXTURE NUMBERS, not a result",
        "components, 34 classes, 15 288 training images, 2 796 validation images, 8 952 test images, 214 test families",
        "demo, 2 269 347 840 architectures",
        "hmd-demo: sensor 2.54 GMAC/s, 79.3 kB of memory on it, aggregator 25.4 GMAC/s, link 3.06 MB/s",
        "the most accurate candidate at no more than half the latency of the best feasible baseline",
        "equal the whole int8 net on 256 inputs",
        "computes the same on 64 of 64",
        "2025-01-01T12:00:00+00:00",
        "8 min 01 s",
        "13 min 47 s",
        "supernet's largest network",
    ):
        assert phrase in text


def test_shortfalls_are_claims_that_fail_int8_losses_and_memory(summary, memory):
    assert shortfalls(summary_from_mapping(summary)) == ()
    summary["comparisons"][1] |= {"holds": False, "difference": {"value": -0.031, "low": -0.052, "high": -0.011}}
    summary["accuracy"]["int8"]["value"] = summary["accuracy"]["fine_tuned"]["value"] - 0.016
    profile = memory_profile_from_node(Node(memory | {"limit_bytes": 50983}, source="memory.json"))
    claim, int8, fit = shortfalls(summary_from_mapping(summary), profile)
    assert "Against neurosurgeon the claim does not hold" in claim
    assert "-3.1 points (95 % interval -5.2 to -1.1)" in claim.replace("\N{MINUS SIGN}", "-")
    assert "Quantisation to int8 costs 1.6 points" in int8
    assert "do not fit into the sensor's memory" in fit
    summary["comparisons"][1]["claim"] = "twice as fast"
    assert "neurosurgeon the claim “twice as fast” does not hold" in shortfalls(summary_from_mapping(summary))[0]


def test_a_shortfall_stands_before_the_headline(tmp_path, read_page, report_page):
    assert SHORTFALL_LABEL not in report_page.text
    page = Page(title="T", headline="The headline.", shortfalls=("Too slow.",), facts=(), sections=())
    (tmp_path / "page.html").write_text(render_page(page), encoding="utf-8")
    text = read_page(tmp_path / "page.html").text
    assert text.index(SHORTFALL_LABEL) < text.index("The headline.") < text.index("Too slow.")


@pytest.mark.parametrize(("loss", "missed"), [(0.0099, 0), (0.01, 0), (0.0101, 1)])
def test_int8_may_lose_one_point(summary, loss, missed):
    summary["accuracy"]["int8"]["value"] = summary["accuracy"]["fine_tuned"]["value"] - loss
    assert len(shortfalls(summary_from_mapping(summary))) == missed


def test_what_tools_find_wrong_with_the_files_is_a_shortfall(summary):
    summary["boundary"]["micro"]["identical"] = 63
    summary["devices"][1]["npu_cpu_operations"] = 2
    micro, npu = shortfalls(summary_from_mapping(summary))
    assert "63 of 64 images only" in micro
    assert "leaves 2 operations of the aggregator half" in npu


def test_float_and_both_int8_accuracies_stand_beside_each_other(summary, report_page):
    rows = {
        row[0].split(" the deployed")[0]: row[1:] for row in table(report_page, "The chosen network's test accuracy")
    }
    accuracy, quantization = summary["accuracy"], summary["quantization"]
    assert rows["fine-tuned, float"][0].startswith(f"{100 * accuracy['fine_tuned']['value']:.1f}")
    assert rows["int8, post-training quantisation"][0].startswith("67.1")
    assert rows["int8, post-training quantisation"][1].replace("\N{MINUS SIGN}", "-").startswith("-3.3")
    name = next(name for name in rows if name.startswith("int8, quantisation-aware training"))
    assert rows[name][0].startswith(f"{100 * quantization['qat']['value']:.1f}")
    assert "LiteRT 2.3.0 with XNNPACK" in report_page.text


def test_a_method_that_was_not_carried_out_is_said_so(summary):
    summary["quantization"] |= {"method": "ptq", "qat": None}
    found = summary_from_mapping(summary)
    rows = quantization_table(found.quantization, found.fine_tuned).rows
    assert [row.strong for row in rows] == [False, True, False]
    assert rows[2].cells[1].text == "not carried out"


def test_infeasible_figures_are_red_and_the_reason_is_given(report_path):
    page = report_path.read_text("utf-8")
    for figure in ("340\N{NO-BREAK SPACE}kB", "3.38\N{NO-BREAK SPACE}ms", "no"):
        assert f'<span class="bad">{figure}</span>' in page
    assert "4.35\N{NO-BREAK SPACE}ms</span>" not in page


@pytest.mark.parametrize("feasible", [True, False])
def test_says_where_no_baseline_is_feasible(summary, feasible):
    for baseline in summary["baselines"][:3]:
        baseline |= {"feasible": False, "infeasible_because": "too large"}
    summary["baselines"][1]["feasible"] = feasible
    blocks = comparison_section(summary_from_mapping(summary).networks).blocks
    said = [block.text for block in blocks if block.kind == "paragraph"]
    assert said == ([] if feasible else ["No baseline is feasible on this system."])


def note_in(page, section):
    start = page.index(f'<section id="{section}"')
    return re.findall(r"Missing: [^<]*", page[start : page.index("</section>", start)])


def test_a_missing_summary_leaves_notes_and_the_rest_is_shown(run_directory):
    (run_directory / "summary.json").unlink()
    page = write_report(run_directory).read_text("utf-8")
    for section in ("comparison", "accuracy", "latency"):
        assert note_in(page, section) == ["Missing: summary.json is not there; the run has not come to its end."]
    for section in ("front", "memory", "network", "record"):  # the times are in provenance.json as well
        assert note_in(page, section) == []
    assert page.count("<svg") == 3


def test_other_missing_files_leave_notes_in_their_sections(store, summary):
    space = load_space("demo")
    split = Split(phase=1, position=0, width=space.split_widths[0])
    summary["architecture"] = dataclasses.replace(space.largest(), splits=(split,)).to_dict()
    run_directory = store(summary=summary)
    for name in ("search/pareto.csv", "memory.json", "provenance.json", "architecture.json"):
        (run_directory / name).unlink()
    page = write_report(run_directory).read_text("utf-8")
    assert note_in(page, "front") == ["Missing: search/pareto.csv is not there, so no front is drawn."]
    assert note_in(page, "memory") == ["Missing: memory.json is not there."]
    assert note_in(page, "record") == ["Missing: provenance.json is not there."]
    assert note_in(page, "network") == []  # drawn from the summary and the preset's space
    assert page.count("<svg") == 4


def test_an_empty_directory_still_makes_a_page(tmp_path):
    assert write_report(tmp_path).read_text("utf-8").count("Missing: ") == 8


def test_a_summary_without_its_optional_keys_is_enough(summary, memory):
    optional = (
        "headline",
        "selection_rule",
        "accuracy_per_object",
        "comparisons",
        "boundary",
        "training",
        "stages",
        "data",
        "system",
        "space",
    )
    bare = summary_from_mapping({key: value for key, value in summary.items() if key not in optional})
    page = build_page(RunFiles(summary=bare, front=None, memory=None, network=None, provenance=None, stage_seconds={}))
    assert {fact.label: fact.value for fact in page.facts} == {
        "Data": "components",
        "Seed": "0",
        "Choice": "the run does not say by which rule it chose",
    }
    (section,) = (section for section in page.sections if section.identifier == "accuracy")
    assert section.blocks[-1].text == "The run holds no paired comparisons."


def test_settings_and_provenance_are_listed(report_page):
    values = dict(table(report_page, "Provenance")[1:])
    assert values["command"] == "python -m pipelines.imagenet --output-dir runs/demo"
    assert values["versions.keras"] == "3.15.1"
    assert dict(table(report_page, "Data and training")[1:])["training: qat_epochs"] == "2"


def test_several_long_names_many_points_and_baselines_stay_within_two_megabytes(
    store, summary, memory, front_rows, read_page
):
    base = summary["baselines"][:3]
    summary["baselines"] = [b | {"backbone": f"{'very long name ' * 8}{i}"} for i in range(5) for b in base]
    memory["operations"] = memory["operations"] * 8
    crowd = [row | {"id": str(i), "latency_ms": str(0.1 * (i + 1))} for i, row in enumerate(front_rows * 3)][:60]
    path = write_report(store(summary=summary, memory=memory, front_rows=crowd))
    assert path.stat().st_size < 2_000_000
    assert len(table(read_page(path), "Chosen network and baselines")) == 2 + 16


def test_one_front_point_zero_latencies_and_no_baselines(store, summary, memory, front_rows, recwarn):
    summary |= {"baselines": [], "comparisons": [], "latency_ms": 0.0}
    for device in summary["devices"]:
        device["latency_ms"] = 0.0
    summary["links"][0] |= {"latency_ms": 0.0, "bytes": 0}
    memory |= {"limit_bytes": None, "micro_arena": None, "micro_note": "not measured: not asked for"}
    page = write_report(store(summary=summary, memory=memory, front_rows=front_rows[:1])).read_text("utf-8")
    assert "Measured arena: not measured: not asked for." in page
    assert not recwarn.list
