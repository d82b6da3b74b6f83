"""The one sentence before everything else: failed claims first, and which baseline the latency is compared with."""

import dataclasses
from types import SimpleNamespace

import pytest

from pipelines.imagenet.config import DEMO

ACCURACY = {"int8": {"value": 0.5}, "fine_tuned": {"value": 0.51}}
CLAIMS = ("as accurate at half the latency", "more accurate than the plain one")


def baseline(method, latency_ms, feasible=True, backbone="largest"):
    return {"method": method, "backbone": backbone, "feasible": feasible, "latency_ms": latency_ms}


def comparison(against, claim, holds):
    difference = {"value": -0.05, "low": -0.08, "high": 0.01}
    return {"against": against, "claim": claim, "holds": holds, "difference": difference}


@pytest.fixture
def headline():
    from pipelines.imagenet.summary import _headline

    def make(baselines, comparisons, *, full=False):
        context = SimpleNamespace(config=dataclasses.replace(DEMO, full=full), unit="images")
        candidate = SimpleNamespace(cost=SimpleNamespace(latency_ms=1.0))
        return _headline(context, candidate, baselines, comparisons, ACCURACY)

    return make


def test_latency_is_compared_with_the_fastest_feasible_baseline(headline):
    rows = [baseline("slow", 4.0), baseline("forbidden", 1.1, feasible=False), baseline("plain CNN", None)]
    text = headline(rows, [])
    assert text.startswith("The chosen network classifies 50.0 %")
    assert text.endswith("in 1.00 ms, 25% of the best feasible baseline's latency.")
    rows.append(baseline("head-distillation", 2.0, backbone="MobileNetV2"))
    assert "50% of the best feasible baseline's latency (head-distillation, MobileNetV2)." in headline(
        rows, [], full=True
    )
    assert "no placement of the baselines' network is feasible" in headline(rows[1:2], [])


def test_what_fails_comes_first(headline):
    rows = [comparison("A", CLAIMS[0], False), comparison("B", CLAIMS[1], False), comparison("D", CLAIMS[0], True)]
    interval = "(-5.0 points, 95 % interval -8.0 to +1.0)"
    text = headline([baseline("slow", 4.0)], rows)
    assert text.startswith(f"Shortfall against A {interval} and B {interval}: the chosen network classifies")
    assert "against D" not in text
