"""Every figure of the report, from what the stages left in the run directory."""

import dataclasses
from typing import Any

import numpy as np

from pipelines.mec.config import BACKBONES
from pipelines.mec.context import MecContext
from pipelines.mec.export import read_export
from pipelines.mec.mobilenets import build_backbone_model, placements
from pipelines.mec.networks import chosen_network, predictions
from pipelines.mec.search import architecture_path, derived_choices, read_history
from pipelines.mec.shortfalls import shortfall
from pipelines.statistics import accuracy_estimate, paired_difference
from splitnets_tf.data import Split
from splitnets_tf.files import read_json
from splitnets_tf.hardware import System, device_order, total_macs, total_params
from splitnets_tf.hardware import part as graph_part
from splitnets_tf.search.differentiable import cloud_computing_ms, sent_bytes
from splitnets_tf.space import cross_validated_ms, placed_graph, reference_times

__all__ = ["build_summary", "sensitivity"]

_FACTORS = (0.5, 2.0)
_SAMPLED_NETWORKS = 20_000


def build_summary(context: MecContext) -> dict[str, Any]:
    """Collect summary.json."""
    derived = read_json(architecture_path(context), "an architecture file")
    cloud_ms = _cloud_ms(context, context.system)
    baselines = _baselines(context)
    accuracy = {name: _accuracy(context, name) for name in ("chosen", "int8")}
    comparisons = _comparisons(context, derived["latency_ms"], baselines)
    measured, predicted = cross_validated_ms(reference_times())
    return {
        "schema_version": 1,
        "kind": "jmsnas",
        "dataset": context.source.name,
        "data": {split: context.count(split) for split in ("train", "validation", "test")},
        "seed": context.config.seed,
        "smoke": context.config.smoke,
        "space": {"name": context.space.name, "layers": len(derived["choices"])},
        "system": {"name": context.system.name, "topology": context.system.topology.kind},
        "limit_ms": context.limit_ms,
        "latency_ms": derived["latency_ms"],
        "expected_ms": derived["expected_ms"],
        "expectation": _expectation(context, derived),
        "cloud_computing_ms": cloud_ms,
        "reduction": 1.0 - derived["latency_ms"] / cloud_ms,
        "sensitivity": sensitivity(context),
        "architecture": {"choices": derived["choices"], "layers": derived["layers"]},
        "devices": _devices(context),
        "links": _links(context),
        "accuracy": {
            "inherited": _inherited(context),
            "fine_tuned": accuracy["chosen"],
            "int8": accuracy["int8"],
            "validation": _accuracy(context, "chosen_validation", "validation"),
        },
        "baselines": baselines,
        "comparisons": comparisons,
        "headline": _headline(context, derived["latency_ms"], cloud_ms, accuracy["chosen"], comparisons),
        "boundary": read_export(context)["boundary"],
        "profiles": [
            {"processor": name, "macs_per_s": context.system.processor(name).macs_per_s}
            | {"assumed": model.assumed, "source": model.source}
            for name, model in context.models.items()
        ],
        "regression": {
            "measured_ms": measured.tolist(),
            "predicted_ms": predicted.tolist(),
            "mean_error": float(np.mean(np.abs(predicted / measured - 1))),
            "largest_error": float(np.max(np.abs(predicted / measured - 1))),
            "device": reference_times().device,
        },
        "history": read_history(context),
        "training": {
            "search_epochs": context.config.search.total_epochs,
            "train_epochs": context.config.train.epochs,
            "baseline_epochs": context.config.equal_budget.epochs,
            "qat_epochs": context.config.export.qat_epochs,
        },
        "stages": {name: {"seconds": stage["seconds"]} for name, stage in context.run.provenance()["stages"].items()},
    }


def _expectation(context: MecContext, derived: dict[str, Any]) -> dict[str, Any]:
    """The mean latency of networks drawn from the searched probabilities beside E[T], its lower bound on a mesh."""
    probabilities = [np.array(list(layer["probabilities"].values())) for layer in derived["layers"]]
    expected_ms = context.latency.expected_ms(probabilities)
    rng = np.random.default_rng(context.config.seed)
    mean_ms = context.latency.sampled_mean_ms(probabilities, _SAMPLED_NETWORKS, rng)
    return {"networks": _SAMPLED_NETWORKS, "sampled_mean_ms": mean_ms, "gap": mean_ms / expected_ms - 1.0}


def sensitivity(context: MecContext) -> list[dict[str, Any]]:
    """Latency and reduction of the chosen network as each assumed speed is halved and doubled.

    Parallel devices of one kind change together: they are the same machine three times.
    """
    groups = [(step,) if isinstance(step, str) else step for step in context.system.topology.path]
    rows = []
    for names in groups:
        for factor in _FACTORS:
            processors = tuple(
                dataclasses.replace(p, macs_per_s=p.macs_per_s * factor) if p.name in names else p
                for p in context.system.processors
            )
            system = dataclasses.replace(context.system, processors=processors)
            time_ms = float(context.latency_of(system).network_ms(derived_choices(context)))
            cloud_ms = _cloud_ms(context, system)
            rows.append(
                {"devices": list(names), "speed_factor": factor, "latency_ms": time_ms}
                | {"cloud_computing_ms": cloud_ms, "reduction": 1.0 - time_ms / cloud_ms}
            )
    return rows


def _cloud_ms(context: MecContext, system: System) -> float:
    models = context.models_of(system)
    return cloud_computing_ms(context.space, system, models, context.num_classes, derived_choices(context))


def _accuracy(context: MecContext, name: str, split: Split = "test") -> dict[str, float] | None:
    predicted = predictions(context, name)
    if predicted is None:
        return None
    arrays = context.arrays(split)
    return accuracy_estimate(predicted == arrays.labels, arrays.families, seed=context.config.seed).to_dict()


def _inherited(context: MecContext) -> dict[str, float]:
    arrays = context.sample("validation", context.config.validation_images)
    correct = predictions(context, "inherited") == arrays.labels
    return accuracy_estimate(correct, arrays.families, seed=context.config.seed).to_dict()


def _devices(context: MecContext) -> list[dict[str, Any]]:
    """One row a device in the order of the topology, those that only pass tensors on included."""
    graph, ranges = placed_graph(chosen_network(context))
    files = read_export(context)["files"]
    choices = derived_choices(context)
    rows = []
    for name in device_order(context.system.topology):
        own = graph_part(graph, *ranges[name]) if name in ranges else None
        times = [
            float(times[index])
            for device, times, index in zip(
                context.latency.layer_devices, context.latency.operation_ms, choices, strict=True
            )
            if device == name
        ]
        rows.append(
            {
                "name": name,
                "macs": total_macs(own) if own else 0,
                "params": total_params(own) if own else 0,
                "latency_ms": sum(times) + context.latency.fixed_ms[name],
                "tflite_bytes": files.get(name, {}).get("bytes"),
                "measured_by": {"macs": "cost model", "latency_ms": "operation times", "tflite_bytes": "file size"},
            }
        )
    return rows


def _links(context: MecContext) -> list[dict[str, Any]]:
    sizes = sent_bytes(context.space, context.system, bits=context.config.bits)
    last = device_order(context.system.topology)[-1]
    return [
        {"from": name, "bytes": size, "latency_ms": context.latency.sent_ms[name]}
        for name, size in sizes.items()
        if name != last
    ]


def _baselines(context: MecContext) -> list[dict[str, Any]]:
    rows = []
    for name in context.config.baselines.names:
        model = build_backbone_model(name, context.config.baselines, context.space.resolution, context.num_classes)
        for placed in placements(model, context.system, reference_times(), bits=context.config.bits):
            rows.append(
                {
                    "method": placed.method,
                    "backbone": BACKBONES[name],
                    "network": name,
                    "feasible": placed.feasible,
                    "accuracy": _accuracy(context, name),
                    "accuracy_kind": "trained_alone",
                    "devices": [
                        {"name": device, "latency_ms": cost.latency_ms, "params": cost.params}
                        for device, cost in zip(placed.device_names, placed.cost.devices, strict=True)
                    ],
                    "links": [{"bytes": link.bytes, "latency_ms": link.latency_ms} for link in placed.cost.links],
                    "latency_ms": placed.latency_ms,
                }
            )
    return rows


def _comparisons(context: MecContext, latency_ms: float, baselines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The searched network against each MobileNet at HiveMind's split: which of the two is better in what."""
    chosen = predictions(context, "chosen")
    test = context.arrays("test")
    rows = []
    for row in baselines:
        other = predictions(context, row["network"])
        if row["method"] != "hivemind" or other is None or chosen is None:
            continue
        difference = paired_difference(
            chosen == test.labels, other == test.labels, test.families, seed=context.config.seed
        )
        rows.append(
            {
                "against": f"{row['backbone']}, HiveMind",
                "difference": difference.to_dict(),
                "latency_ratio": latency_ms / row["latency_ms"],
                "more_accurate": difference.high < 0,
                "faster": row["latency_ms"] < latency_ms,
                "holds": not (difference.high < 0 or (difference.low <= 0 and latency_ms > row["latency_ms"])),
                "claim": "more accurate, or not distinguishable and at most as slow",
            }
        )
    return rows


def _headline(
    context: MecContext,
    latency_ms: float,
    cloud_ms: float,
    accuracy: dict[str, float] | None,
    comparisons: list[dict[str, Any]],
) -> str:
    """One sentence; what the baselines win comes first."""
    lost = "; ".join(shortfall(row) for row in comparisons if shortfall(row))
    value = 0.0 if accuracy is None else accuracy["value"]
    text = (
        f"the searched network classifies {100 * value:.1f} % of the test images correctly and answers in "
        f"{latency_ms:.2f} ms (limit {context.limit_ms:.2f} ms), {100 * (1 - latency_ms / cloud_ms):+.1f} % below "
        "cloud computing of the same network, with assumed device speeds"
    )
    sentence = f"Shortfall: {lost}; {text}." if lost else f"{text[0].upper()}{text[1:]}."
    return f"{'Smoke run, accuracies mean nothing: ' if context.config.smoke else ''}{sentence}"
