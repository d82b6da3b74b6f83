"""What the cost model says about each row of the paper's Tables 4 and 6."""

from __future__ import annotations

from collections.abc import Callable

from pipelines.reproduction.paper_tables import PaperRow
from splitnets_tf.graph.backbones import build_backbone
from splitnets_tf.hardware import SplitCost, System, latency_ms, load_system, split_cost
from splitnets_tf.partition import neurosurgeon

__all__ = ["predict_row", "table_system"]

_SYSTEMS = {"table4": ("hmd", 1), "table6": ("hmd-12", 12)}
_HEAD_DISTILL_LARGEST = {"ResNet-152": 64 * 112**2, "DenseNet-169": 64 * 112**2, "Inception-v3": 64 * 150**2}
"""Elements of the largest tensor of Head Distillation's heads: 64 channels at half resolution (224 and 299 pixels)."""


def table_system(table: str) -> tuple[System, int]:
    """Returns the system and the number of views of a table."""
    name, views = _SYSTEMS[table]
    return load_system(name), views


def predict_row(row: PaperRow) -> tuple[dict[str, float], frozenset[str]]:
    """Predicts the figures of a row.

    Args:
        row: The row as printed.

    Returns:
        Predicted figures by column, and the columns in which the prediction is only a lower bound. For networks that
        are not published (Head Distillation's and SplitNets') parameters, MACs and bytes are the paper's own and have
        no prediction; their latencies follow from them.
    """
    system, views = table_system(row.table)
    if row.method in ("splitnets", "head-distill"):
        return _from_published(row, system)
    graph = build_backbone(row.backbone, views=views)
    positions: dict[str, Callable[[], int]] = {
        "all-on-sensor": lambda: len(graph.operations),
        "all-on-aggregator": lambda: 0,
        "neurosurgeon": lambda: neurosurgeon(graph, system).n,
        "split-at-fusion": lambda: [op.kind for op in graph.operations].index("view_fuse"),
    }
    return _figures(split_cost(graph, positions[row.method](), system, views=views)), frozenset()


def _figures(cost: SplitCost) -> dict[str, float]:
    return {
        "sensor_params": cost.sensor.params,
        "sensor_macs": cost.sensor.macs,
        "sensor_peak_bytes": cost.sensor.peak_bytes,
        "sensor_ms": cost.sensor.latency_ms,
        "comm_bytes": cost.link.bytes,
        "comm_ms": cost.link.latency_ms,
        "agg_params": cost.aggregator.params,
        "agg_macs": cost.aggregator.macs,
        "agg_ms": cost.aggregator.latency_ms,
        "total_ms": cost.latency_ms,
    }


def _from_published(row: PaperRow, system: System) -> tuple[dict[str, float], frozenset[str]]:
    published = {column: figure.value for column, figure in row.figures.items()}
    figures = {
        "sensor_ms": latency_ms(published["sensor_macs"], system.sensor.macs_per_s),
        "comm_ms": system.sensor_to_aggregator_ms(published["comm_bytes"]),
        "agg_ms": latency_ms(published["agg_macs"], system.aggregator.macs_per_s),
    }
    figures["total_ms"] = sum(figures.values())
    if row.method == "head-distill":
        peak = published["sensor_params"] + 2 * _HEAD_DISTILL_LARGEST[row.backbone]
        return {**figures, "sensor_peak_bytes": peak}, frozenset()
    return {**figures, "sensor_peak_bytes": published["sensor_params"]}, frozenset({"sensor_peak_bytes"})
