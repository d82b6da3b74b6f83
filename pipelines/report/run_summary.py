"""Reading of `summary.json`, with complaints that name the key."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from pipelines.report.fusion_records import fusion_from_node
from pipelines.report.json_node import Node
from pipelines.report.records import (
    ACCURACY_KINDS,
    Comparison,
    Device,
    FrontComparison,
    Interval,
    Link,
    Network,
    Pick,
    Quantization,
    RunSummary,
    System,
)
from splitnets_tf.errors import UserError

__all__ = ["summary_from_mapping", "summary_from_node"]

_KIND_OF_METHOD = {
    "all-on-sensor": "fine_tuned",
    "all-on-aggregator": "fine_tuned",
    "neurosurgeon": "fine_tuned",
    "plain CNN": "trained_alone",
}
"""What a baseline's accuracy is where its `accuracy_kind` is not given; for other methods it has to be."""
_SCHEMA_VERSION = 1


def summary_from_mapping(summary: Mapping[str, Any]) -> RunSummary:
    """Read a summary that is in memory.

    Raises:
        UserError: A key is missing or its value is not of the expected form; the key is named.
    """
    return summary_from_node(Node(dict(summary), source="summary"))


def summary_from_node(node: Node) -> RunSummary:
    """Read the content of `summary.json`.

    Raises:
        UserError: A key is missing or its value is not of the expected form; file and key are named.
    """
    version = node["schema_version"].number()
    if version != _SCHEMA_VERSION:
        raise UserError(
            f"{node.source}: schema_version should be {_SCHEMA_VERSION}, received {version:g}; "
            "use the version of this project that wrote the run"
        )
    accuracy = node["accuracy"]
    fine_tuned = _interval(accuracy["fine_tuned"])
    space = node.get("space")
    boundary = node.get("boundary")
    micro = boundary.get("micro") if boundary else None
    return RunSummary(
        dataset=node["dataset"].text(),
        seed=node["seed"].number(),
        smoke=_flag(node, "smoke", default=False),
        headline=_text(node, "headline"),
        selection_rule=_text(node, "selection_rule"),
        data=_flat(node.get("data")),
        space_name=_text(space, "name"),
        space_architectures=_amount(space, "architectures"),
        system=_system(node.get("system")),
        architecture={key: child.value for key, child in node["architecture"].items()},
        split=_figures(node.get("split")),
        networks=(*(_baseline(b) for b in node["baselines"].elements()), _chosen(node, fine_tuned)),
        supernet=_interval(accuracy["supernet"]),
        fine_tuned=fine_tuned,
        int8=_interval(accuracy["int8"]),
        per_object=_per_object(node.get("accuracy_per_object")),
        comparisons=tuple(_comparison(c) for c in _elements(node, "comparisons")),
        picks=tuple(_pick(pick) for pick in _elements(node, "picks")),
        bit_exact_inputs=_amount(boundary, "bit_exact_inputs"),
        quantization=_quantization(node.get("quantization")),
        micro_images=_amount(micro, "images"),
        micro_identical=_amount(micro, "identical"),
        training=_flat(node.get("training")),
        stage_seconds=_stage_seconds(node.get("stages")),
        front_comparisons=tuple(_front_comparison(row) for row in _elements(node, "front_comparisons")),
        fusion=fusion_from_node(node.get("fusion")),
    )


def _chosen(node: Node, fine_tuned: Interval) -> Network:
    space = _text(node.get("space"), "name")
    return Network(
        method="SplitNets",
        backbone=f"searched in {space}" if space else "searched",
        accuracy=fine_tuned,
        accuracy_kind="fine_tuned",
        devices=tuple(_device(d) for d in node["devices"].elements()),
        links=tuple(_link(link) for link in node["links"].elements()),
        latency_ms=node["latency_ms"].amount(),
        chosen=True,
    )


def _baseline(node: Node) -> Network:
    method = node["method"].text()
    accuracy = node.get("accuracy")
    if method in _KIND_OF_METHOD and node.get("accuracy_kind") is None:
        kind = _KIND_OF_METHOD[method]
    else:
        kind = node["accuracy_kind"].one_of(ACCURACY_KINDS)
    return Network(
        method=method,
        backbone=node["backbone"].text(),
        accuracy=_interval(accuracy) if accuracy else None,
        accuracy_kind=kind,
        devices=tuple(_device(d) for d in _elements(node, "devices")),
        links=tuple(_link(link) for link in _elements(node, "links")),
        latency_ms=_amount(node, "latency_ms"),
        feasible=node["feasible"].flag(),
        infeasible_because=_text(node, "infeasible_because"),
    )


def _pick(node: Node) -> Pick:
    accuracy = node["accuracy"]
    return Pick(
        number=node["number"].number(),
        resolution=node["resolution"].number(),
        split=_figures(node["split"]),
        devices=tuple(_device(d) for d in node["devices"].elements()),
        links=tuple(_link(link) for link in node["links"].elements()),
        latency_ms=node["latency_ms"].amount(),
        supernet=_interval(accuracy["supernet"]),
        fine_tuned=_interval(accuracy["fine_tuned"]),
        int8=_interval(accuracy["int8"]),
    )


def _quantization(node: Node | None) -> Quantization | None:
    if node is None:
        return None
    figures: dict[str, Interval] = {}
    for method in ("qat", "ptq"):
        found = node.get(method)
        if found:
            figures |= {method: _interval(found), f"{method}_minus_float": _interval(found["minus_float"])}
    return Quantization(
        method=node["method"].one_of(("qat", "ptq")),
        test_images=node["test_images"].amount(),
        measured_by=node["measured_by"].text(),
        **figures,
    )


def _device(node: Node) -> Device:
    figures = {
        field.name: _amount(node, field.name)
        for field in dataclasses.fields(Device)
        if field.name not in ("name", "measured_by")
    }
    measured_by = node.get("measured_by")
    return Device(
        name=node["name"].text(),
        measured_by={key: child.text() for key, child in measured_by.items()} if measured_by else {},
        **figures,
    )


def _link(node: Node) -> Link:
    return Link(bytes=node["bytes"].amount(), latency_ms=node["latency_ms"].amount())


def _interval(node: Node) -> Interval:
    return Interval(value=node["value"].number(), low=node["low"].number(), high=node["high"].number())


def _per_object(node: Node | None) -> dict[str, Interval]:
    return {name: _interval(child) for name, child in node.items()} if node else {}


def _comparison(node: Node) -> Comparison:
    return Comparison(
        against=node["against"].text(),
        difference=_interval(node["difference"]),
        latency_ratio=_amount(node, "latency_ratio"),
        holds=node["holds"].flag(),
        claim=_text(node, "claim"),
    )


def _front_comparison(node: Node) -> FrontComparison:
    return FrontComparison(
        against=node["against"].text(),
        latency_ms=node["latency_ms"].amount(),
        number=_amount(node, "number"),
        front_latency_ms=node["front_latency_ms"].amount(),
        difference=_interval(node["difference"]),
        latency_ratio=node["latency_ratio"].amount(),
        holds=node["holds"].flag(),
    )


def _system(node: Node | None) -> System | None:
    if node is None:
        return None
    names = [field.name for field in dataclasses.fields(System) if field.name != "name"]
    return System(name=node["name"].text(), **{name: _amount(node, name) for name in names})


def _figures(node: Node | None) -> dict[str, float]:
    return {key: child.number() for key, child in node.items() if child.value is not None} if node else {}


def _stage_seconds(node: Node | None) -> dict[str, float]:
    return {name: child["seconds"].amount() for name, child in node.items()} if node else {}


def _flat(node: Node | None, prefix: str = "") -> dict[str, str | float]:
    """Strings and numbers of nested objects under dotted keys; anything else is left out."""
    flat: dict[str, str | float] = {}
    if node is None:
        return flat
    for key, child in node.items():
        if isinstance(child.value, dict):
            flat |= _flat(child, f"{prefix}{key}.")
        elif isinstance(child.value, str):
            flat[f"{prefix}{key}"] = child.text()
        elif child.value is not None and not isinstance(child.value, bool | list):
            flat[f"{prefix}{key}"] = child.number()
    return flat


def _elements(node: Node, key: str) -> list[Node]:
    found = node.get(key)
    return found.elements() if found else []


def _text(node: Node | None, key: str) -> str | None:
    found = node.get(key) if node else None
    return found.text() if found else None


def _amount(node: Node | None, key: str) -> float | None:
    found = node.get(key) if node else None
    return found.amount() if found else None


def _flag(node: Node, key: str, *, default: bool) -> bool:
    found = node.get(key)
    return found.flag() if found else default
