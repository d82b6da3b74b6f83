"""The page is self-contained, escapes what it shows, is the same every time, and refuses malformed files."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.report import write_report
from splitnets_tf.errors import UserError

EVIL = "<script>alert(1)</script>"


def test_names_are_escaped_in_tables_and_drawings(store, summary, memory, read_page):
    summary["dataset"] = EVIL
    summary["headline"] = f'"><img src=x onerror=1>{EVIL}'
    summary["baselines"][0] |= {"backbone": EVIL, "infeasible_because": "a < b & c"}
    summary["comparisons"][0]["against"] = EVIL
    summary["devices"][0] |= {"name": "<b>sensor</b>"}
    memory["operations"][5]["operation"] = f"$\\unknown{{$ {EVIL}"
    memory["operations"][6]["operation"] = "control \x00\x1b\n characters"
    path = write_report(store(summary=summary, memory=memory))
    page = read_page(path)
    assert not {"script", "img", "b", "iframe", "link"} & {tag for tag, _ in page.tags}
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert EVIL in page.text
    assert f"$\\unknown{{$ {EVIL}" in page.text
    assert "a < b & c" in page.text
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", path.read_text("utf-8"))


def test_page_refers_to_nothing_outside_and_all_its_references_resolve(report_path, report_page):
    text = report_path.read_text("utf-8")
    assert not re.search(r"(?i)https?:|//[a-z]|@import|<script|<link|<iframe|<object|javascript:", text)
    identifiers = [attributes["id"] for _, attributes in report_page.tags if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    targets = [a[key] for _, a in report_page.tags for key in ("href", "xlink:href", "src", "data") if key in a]
    targets += re.findall(r"url\(([^)]*)\)", text)
    assert len(targets) > 20
    assert all(target.startswith("#") and target[1:] in identifiers for target in targets)


def test_every_figure_speaks_and_every_table_has_a_caption_and_headings(report_page):
    drawings = [attributes for tag, attributes in report_page.tags if tag == "svg"]
    assert len(drawings) == 5
    assert all(a["role"] == "img" and len(a["aria-label"]) > 40 for a in drawings)
    count = {tag: sum(t == tag for t, _ in report_page.tags) for tag in ("table", "caption", "thead")}
    assert count["table"] == count["caption"] == count["thead"] == len(report_page.tables)
    assert all(a.get("scope") in ("col", "row", "colgroup") for tag, a in report_page.tags if tag == "th")


def test_bytes_are_the_same_in_another_process_with_other_settings(report_path, run_directory, tmp_path):
    (tmp_path / "matplotlibrc").write_text("font.size: 20\nlines.linewidth: 9\nsvg.fonttype: path\n")
    program = (
        "import sys, pathlib\n"
        "from pipelines.report import write_report\n"
        "assert 'matplotlib' not in sys.modules, 'matplotlib is imported early'\n"
        "assert 'tensorflow' not in sys.modules, 'tensorflow is imported'\n"
        "write_report(pathlib.Path(sys.argv[1]))\n"
        "assert 'matplotlib.pyplot' not in sys.modules, 'pyplot keeps global state'\n"
    )
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONHASHSEED": "77", "MATPLOTLIBRC": str(tmp_path), "PYTHONPATH": str(root)}
    subprocess.run([sys.executable, "-c", program, str(run_directory)], check=True, env=environment, cwd=tmp_path)
    assert (run_directory / "report.html").read_bytes() == report_path.read_bytes()


def test_no_temporary_file_stays(report_path):
    names = {path.name for path in report_path.parent.iterdir()}
    assert names == {
        *("summary.json", "memory.json", "architecture.json", "provenance.json"),
        *("search", "report.html"),
    }


def test_a_failed_report_leaves_the_old_one(store, summary):
    directory = store()
    (directory / "report.html").write_text("old", encoding="utf-8")
    summary["latency_ms"] = "fast"
    with pytest.raises(UserError):
        write_report(store(summary=summary))
    assert (directory / "report.html").read_text("utf-8") == "old"


def test_a_new_report_replaces_the_old_file_and_does_not_write_into_it(tmp_path):
    (tmp_path / "report.html").write_text("old", encoding="utf-8")
    (tmp_path / "reader_of_the_old_one").hardlink_to(tmp_path / "report.html")
    write_report(tmp_path)
    assert (tmp_path / "reader_of_the_old_one").read_text("utf-8") == "old"
    assert (tmp_path / "report.html").read_text("utf-8").startswith("<!DOCTYPE html>")


def at(keys, value):
    def change(summary):
        for key in keys[:-1]:
            summary = summary[key]
        if value is None:
            del summary[keys[-1]]
        else:
            summary[keys[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (at(["schema_version"], 2), "schema_version should be 1, received 2"),
        (at(["schema_version"], None), "'schema_version'"),
        (at(["dataset"], 3), "dataset should be a string, received 3"),
        (at(["latency_ms"], -1.0), "latency_ms should be a number of at least 0"),
        (at(["latency_ms"], float("nan")), "latency_ms should be a finite number"),
        (at(["latency_ms"], True), "latency_ms should be a finite number, received true"),
        (at(["devices"], {}), "devices should be a list"),
        (at(["devices", 1, "name"], None), "'devices[1].name' is missing"),
        (at(["devices", 0, "macs"], "many"), 'devices[0].macs should be a finite number, received "many"'),
        (at(["links", 0, "bytes"], None), "'links[0].bytes' is missing"),
        (at(["accuracy", "int8"], None), "'accuracy.int8' is missing"),
        (at(["accuracy", "fine_tuned", "low"], "x"), "accuracy.fine_tuned.low should be a finite number"),
        (at(["baselines", 2, "feasible"], "yes"), "baselines[2].feasible should be true or false"),
        (at(["baselines", 0, "method"], "mystery"), "'baselines[0].accuracy_kind' is missing"),
        (at(["baselines", 0, "accuracy_kind"], "guessed"), "baselines[0].accuracy_kind should be one of"),
        (at(["comparisons", 1, "holds"], 1), "comparisons[1].holds should be true or false"),
        (at(["stages", "train", "seconds"], None), "'stages.train.seconds' is missing"),
        (at(["architecture"], []), "architecture should be an object"),
    ],
)
def test_malformed_summary_is_refused_with_file_and_key(store, summary, change, message):
    change(summary)
    with pytest.raises(UserError) as caught:
        write_report(store(summary=summary))
    assert message in str(caught.value)
    assert "summary.json" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("summary.json", "{", "not valid JSON"),
        ("summary.json", "[]", "the whole file should be an object"),
        ("memory.json", '{"weight_bytes": 1}', "'operations' is missing"),
        ("memory.json", '{"weight_bytes": 1, "operations": []}', "operations is empty"),
        ("memory.json", '{"operations": [{"operation": 1}]}', "operations[0].operation should be a string"),
        ("architecture.json", '{"space": "demo", "num_classes": 3}', "'architecture' is missing"),
        ("search/pareto.csv", "id,accuracy\n1,0.5\n", "the column 'latency_ms' is missing"),
        (
            "search/pareto.csv",
            "id,accuracy,latency_ms,architecture\n1,nan,1,{}\n",
            "line 2: accuracy should be a finite",
        ),
        ("search/pareto.csv", "id,accuracy,latency_ms,architecture\n1,0.5,1,\n", "line 2: architecture is not valid"),
    ],
)
def test_other_malformed_files_are_refused_by_name(run_directory, name, content, message):
    (run_directory / name).write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        write_report(run_directory)
    assert name.rpartition("/")[2] in str(caught.value)


def test_a_directory_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UserError, match="no run directory"):
        write_report(tmp_path / "nowhere")
