"""The section about the views: Table 5, Figure 8, and what each place of the fusion is worth."""

import pytest

from pipelines.report.fusion_records import fusion_from_node
from pipelines.report.fusion_section import fusion_section
from pipelines.report.json_node import Node
from splitnets_tf.errors import UserError

ACCURACY = {"value": 0.6, "low": 0.55, "high": 0.65}


def row(method, **changes):
    figures = {"params": 2.5e6, "macs": 6.6e8, "channels": 576, "side": 7, "sensor_share": 0.97}
    texts = {"backbone": "MobileNet-v3", "position": "last convolution", "how": "max"}
    return {"method": method, "accuracy": ACCURACY, "accuracy_kind": "trained_alone", **texts, **figures, **changes}


def place(stride, share, **changes):
    figures = {"stride": stride, "sensor_share": share, "feature_bytes": 144, "latency_ms": 0.5, "inherited": 0.5}
    return {**figures, "feasible": True, "chosen": False, "fine_tuned": None, **changes}


@pytest.fixture
def summary():
    chosen = row("SplitNets", accuracy_kind="fine_tuned", channels=6, side=14, position="block 8 of 13", how="concat")
    places = [place(2, 0.1), place(4, 0.4, chosen=True, fine_tuned=ACCURACY), place(8, 0.9, feasible=False)]
    return {"views": 12, "how": "concat", "networks": [row("MVCNN"), chosen], "positions": places}


def test_networks_stand_as_in_table_5(summary):
    networks, figure, places = fusion_section(fusion_from_node(Node(summary, source="summary.json"))).blocks
    assert [column.title for column in networks.columns[2:7]] == [
        "#Params",
        "#OPs",
        "Position",
        "Feature size",
        "Arch.",
    ]
    chosen = networks.rows[-1]
    assert chosen.strong
    assert [cell.text for cell in chosen.cells[4:7]] == ["block 8 of 13", "6·14²", "concat"]
    # Fine-tuned and trained alone are different things and have columns of their own.
    assert [cell.text for cell in networks.rows[0].cells[-2:]] == ["\N{EN DASH}", "60.0"]
    assert [cell.text for cell in chosen.cells[-2:]] == ["60.0", "\N{EN DASH}"]
    assert [r.strong for r in places.rows] == [False, True, False]
    assert [r.cells[-1].text for r in places.rows] == ["yes", "yes", "no"]
    for text in ("MVCNN, MobileNet-v3", "SplitNets, MobileNet-v3", "chosen place", "ratio of on-sensor operations"):
        assert text in figure.svg


def test_a_run_of_single_images_has_no_such_section():
    assert fusion_from_node(None) is None


def test_a_missing_figure_is_named(summary):
    del summary["positions"][1]["latency_ms"]
    with pytest.raises(UserError, match="latency_ms"):
        fusion_from_node(Node(summary, source="summary.json"))
