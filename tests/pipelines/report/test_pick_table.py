"""Several winners in one table of the report."""

import json

from pipelines.report import write_report


def test_each_pick_is_a_row_with_its_costs_and_three_accuracies(run_directory, read_page):
    path = run_directory / "summary.json"
    summary = json.loads(path.read_text("utf-8"))
    pick = {key: summary[key] for key in ("split", "devices", "links", "latency_ms", "accuracy")}
    slower = pick | {"number": 7, "id": "b", "resolution": 64, "latency_ms": 2 * summary["latency_ms"]}
    path.write_text(json.dumps(summary | {"picks": [pick | {"number": 3, "id": "a", "resolution": 48}, slower]}))
    page = read_page(write_report(run_directory))
    caption = next(caption for caption in page.tables if caption.startswith("Further networks of the same front"))
    *_, first, second = page.tables[caption]
    assert first[:2] == ["3", "48²"] and second[:2] == ["7", "64²"]
    assert first[2] == f"stride {summary['split']['stride']}, {summary['split']['channels']} channels"
    assert first[8] != second[8]
    for cell, kind in zip(first[-3:], ("supernet", "fine_tuned", "int8"), strict=True):
        assert cell.startswith(f"{100 * summary['accuracy'][kind]['value']:.1f}")


def test_without_picks_there_is_no_such_section(report_page):
    assert "Several winners" not in report_page.text
