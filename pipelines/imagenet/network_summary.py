"""What summary.json says of one built network: its split, its parts, its latency and its three accuracies."""

import importlib.metadata
from typing import Any

import numpy as np

from pipelines.imagenet.context import Context
from pipelines.imagenet.export import ExportRecord, read_export_record
from pipelines.imagenet.networks import predictions_path
from pipelines.imagenet.summary_rows import Predictions, device_row
from pipelines.imagenet.train import validation_arrays
from pipelines.statistics import accuracy_estimate
from splitnets_tf.hardware import split_cost
from splitnets_tf.search import Candidate
from splitnets_tf.space import architecture_graph

__all__ = ["network_summary"]


def network_summary(context: Context, candidate: Candidate, test: Predictions) -> dict[str, Any]:
    """Keys `split`, `devices`, `links`, `latency_ms`, `accuracy` and `quantization`.

    Args:
        context: The run in whose directory the network was built.
        candidate: The network.
        test: Its test predictions.
    """
    return {
        "split": _split(context, candidate),
        "devices": _devices(context, candidate, read_export_record(context)),
        "links": [{"bytes": candidate.cost.link_bytes, "latency_ms": candidate.cost.link_latency_ms}],
        "latency_ms": candidate.cost.latency_ms,
        "accuracy": {
            "supernet": _validation_accuracy(context),
            "fine_tuned": test.accuracy("chosen"),
            "int8": test.accuracy("int8"),
        },
        "quantization": _quantization(read_export_record(context).method, test),
    }


def _quantization(method: str, test: Predictions) -> dict[str, Any]:
    """Accuracy over the whole test set of each method that was carried out, and what it changes against float."""
    names = {"qat": "int8", "ptq": "int8_ptq"} if method == "qat" else {"ptq": "int8"}
    version = importlib.metadata.version("ai-edge-litert")
    result: dict[str, Any] = {
        "method": method,
        "test_images": len(test.labels),
        "measured_by": f"LiteRT {version} with XNNPACK, both halves in sequence",
        "qat": None,
        "ptq": None,
    }
    for key, name in names.items():
        accuracy, difference = test.accuracy(name), test.difference(name, "chosen")
        if accuracy is not None and difference is not None:
            result[key] = accuracy | {"minus_float": difference.to_dict()}
    return result


def _split(context: Context, candidate: Candidate) -> dict[str, int]:
    split = candidate.architecture.split
    if split is None:
        return {}
    return {
        "phase": split.phase,
        "stride": context.space.phases[split.phase].stride,
        "channels": split.width,
        "feature_bytes": candidate.cost.link_bytes,
    }


def _validation_accuracy(context: Context) -> dict[str, float]:
    """The search's own figure, with the interval over validation families of the recorded predictions."""
    arrays = validation_arrays(context)
    correct = np.load(predictions_path(context, "supernet_validation"), allow_pickle=False) == arrays.labels
    return accuracy_estimate(correct, arrays.families, seed=context.config.seed).to_dict()


def _devices(context: Context, candidate: Candidate, record: ExportRecord) -> list[dict[str, Any]]:
    built = architecture_graph(context.space, candidate.architecture, context.num_classes)
    cost = split_cost(built.graph, built.sensor_operations, context.system, views=context.space.views)
    rows = [device_row("sensor", cost.sensor), device_row("aggregator", cost.aggregator)]
    for row in rows:
        measured = dict(record.devices[row["name"]])
        row["measured_by"] |= measured.pop("measured_by", {"tflite_bytes": "file size"})
        row |= measured
    return rows
