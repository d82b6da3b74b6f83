"""The report's page, from figures by hand: it says what was lost first, and carries every table and drawing."""

import pytest

from pipelines.mec.shortfalls import shortfall
from pipelines.mec.views import mec_page, networks_of
from pipelines.report.page import render_page

ACCURACY = {"value": 0.61, "low": 0.55, "high": 0.66}


def comparison(value, low, high, *, faster):
    return {
        "against": "MobileNetV1, HiveMind",
        "difference": {"value": value, "low": low, "high": high},
        "latency_ratio": 2.5 if faster else 0.4,
        "more_accurate": high < 0,
        "faster": faster,
    }


@pytest.fixture(params=["chain", "mesh"])
def summary(request):
    placed = [{"name": name, "latency_ms": 0.5, "params": 10} for name in ("ue", "sbs", "mbs", "cloud")]
    links = [{"bytes": 4096, "latency_ms": 1.3}, {"bytes": 2048, "latency_ms": 0.3}, {"bytes": 512, "latency_ms": 0.1}]
    return {
        "headline": "Shortfall: MobileNetV1, HiveMind is more accurate; the searched network ...",
        "expected_ms": 2.8,
        "expectation": {"networks": 20000, "sampled_mean_ms": 2.856, "gap": 0.02},
        "smoke": False,
        "dataset": "components",
        "data": {"train": 100, "validation": 20, "test": 30},
        "seed": 0,
        "space": {"name": "mec", "layers": 2},
        "system": {"name": "three stations", "topology": request.param},
        "limit_ms": 3.0,
        "latency_ms": 2.9,
        "cloud_computing_ms": 6.4,
        "reduction": 0.547,
        "accuracy": {"inherited": ACCURACY, "fine_tuned": ACCURACY, "int8": ACCURACY | {"value": 0.577}},
        "devices": [
            {"name": "ue", "macs": 1e6, "params": 1e3, "latency_ms": 0.4, "tflite_bytes": 9000},
            {"name": "sbs", "macs": 0, "params": 0, "latency_ms": 0.0, "tflite_bytes": None},
            {"name": "cloud", "macs": 2e6, "params": 3e3, "latency_ms": 0.1, "tflite_bytes": 22000},
        ],
        "links": [{"from": "ue", "bytes": 4096, "latency_ms": 1.3}, {"from": "sbs", "bytes": 4096, "latency_ms": 0.7}],
        "baselines": [
            {
                "method": method,
                "backbone": "MobileNetV1",
                "accuracy": ACCURACY,
                "accuracy_kind": "trained_alone",
                "devices": placed,
                "links": links,
                "latency_ms": 3.7,
            }
            for method in ("hivemind", "cloud computing")
        ],
        "comparisons": [comparison(-0.02, -0.03, -0.01, faster=True)],
        "boundary": {"bit_exact_inputs": 32},
        "sensitivity": [
            {
                "devices": ["ue"],
                "speed_factor": factor,
                "latency_ms": 3.3,
                "cloud_computing_ms": 6.4,
                "reduction": 0.484,
            }
            for factor in (0.5, 2.0)
        ],
        "profiles": [{"processor": "ue", "macs_per_s": 5e9, "assumed": True, "source": "Raspberry Pi 4"}],
        "regression": {
            "measured_ms": [0.1, 0.2],
            "predicted_ms": [0.11, 0.18],
            "mean_error": 0.101,
            "largest_error": 0.56,
            "device": "a shared machine",
        },
        "history": [
            {"epoch": e, "expected_ms": 5.0 - e, "derived_ms": 2.9, "validation_accuracy": 0.1 * e, "entropy": 2.0}
            for e in (1, 2)
        ],
        "architecture": {
            "layers": [{"layer": 1, "device": "ue", "operation": "k3e6", "probabilities": {"k3e6": 0.73, "k5e6": 0.27}}]
        },
        "stages": {"search": {"seconds": 61.0}},
    }


def test_page_says_what_was_lost_first_and_what_is_assumed(summary):
    page = render_page(mec_page(summary))
    assert page.index("MobileNetV1, HiveMind is 2.0 points more accurate, and faster") < page.index("Comparison")
    assert ("lower bound of the expected latency" in page) == (summary["system"]["topology"] == "mesh")
    for text in (
        "57.7 %",
        "20000 networks",
        "+2.00 %",
        "three stations",
        "no file",
        "54.7 %",
        "up to 20.1 %",
        "Raspberry Pi 4",
        "10.1 %",
        "k3e6",
        "0.73",
    ):
        assert text in page, text
    assert page.count("<svg") == 4
    assert "mathdefault" not in page, "powers of ten would stand there as their source"


def test_a_missed_limit_is_a_shortfall(summary):
    assert len(mec_page(summary).shortfalls) == 1
    assert "misses its limit" in mec_page(summary | {"latency_ms": 3.1}).shortfalls[0]
    assert mec_page(summary | {"comparisons": []}).shortfalls == ()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (comparison(-0.02, -0.03, -0.01, faster=False), "is 2.0 points more accurate, but slower"),
        (comparison(0.02, 0.01, 0.03, faster=True), "is 2.5 times as fast, and 2.0 points less accurate"),
        (comparison(0.02, -0.01, 0.05, faster=True), "is 2.5 times as fast, and of the same accuracy"),
        (comparison(0.02, -0.01, 0.05, faster=False), ""),
    ],
)
def test_whatever_a_baseline_does_better_is_named(row, words):
    assert shortfall(row).endswith(words)
    assert bool(shortfall(row)) == bool(words)


def test_accuracies_of_different_kinds_stand_apart(summary):
    kinds = [(network.method, network.accuracy_kind) for network in networks_of(summary)]
    assert kinds == [
        ("hivemind", "trained_alone"),
        ("cloud computing", "trained_alone"),
        ("cloud computing", "fine_tuned"),
        ("JMSNAS", "fine_tuned"),
    ]
