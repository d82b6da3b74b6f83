"""Every figure of the report, from what the stages left in the run directory."""

from typing import Any

from pipelines.imagenet.networks import select
from pipelines.imagenet.summary import assemble_summary, save_test_set, supernet_teachers, test_predictions
from pipelines.imagenet.summary_rows import Predictions, baseline_row, claim_row
from pipelines.modelnet.context import ViewContext
from pipelines.modelnet.mvcnn import MVCNN_FUSION, mvcnn_placements, network_name
from pipelines.modelnet.positions import position_rows
from splitnets_tf.partition import Partition, partition_at
from splitnets_tf.search import Candidate
from splitnets_tf.space import MBBlock, architecture_graph, blueprint

__all__ = ["build_summary"]


def build_summary(context: ViewContext) -> dict[str, Any]:
    """Collect summary.json: the single-view pipeline's keys, and `fusion`."""
    candidate, _ = select(context)
    test = test_predictions(context)
    save_test_set(context, test)
    epochs = context.config.train.epochs + context.config.fine_tune.epochs
    teachers = supernet_teachers() | {"MVCNN": f"none; trained alone on labels for {epochs} epochs"}
    summary = assemble_summary(
        context,
        test,
        baselines=_baselines(context, test),
        comparisons=_comparisons(context, candidate, test),
        teachers=teachers,
    )
    return summary | {"fusion": _fusion(context, candidate, test)}


def _largest_name(context: ViewContext) -> str:
    return f"largest of {context.space.name}, fused last"


def _placements(context: ViewContext, backbone: str) -> tuple[Partition, ...]:
    return mvcnn_placements(backbone, context.space, context.num_classes, context.system)


def _baselines(context: ViewContext, test: Predictions) -> list[dict[str, Any]]:
    rows = []
    for backbone in context.config.backbones:
        accuracy = test.accuracy(network_name(backbone))
        rows += [
            baseline_row(placement, f"MVCNN, {backbone}", accuracy, "trained_alone")
            for placement in _placements(context, backbone)
        ]
    accuracy = test.accuracy("largest")
    late = [
        baseline_row(placement, _largest_name(context), accuracy, "fine_tuned") for placement in context.late_fusion
    ]
    return rows + late


def _comparisons(context: ViewContext, candidate: Candidate, test: Predictions) -> list[dict[str, Any]]:
    """The chosen network against each MVCNN, and against late fusion, at their faster feasible placement.

    What is fused last is a network of the same space, so that a fifth of its latency is not the question there.
    """
    share = context.latency_share
    compared = [
        (f"MVCNN, {name}", network_name(name), _placements(context, name), share) for name in context.config.backbones
    ]
    compared.append((_largest_name(context), "largest", context.late_fusion, 1.0))
    rows = []
    for against, network, placements, most in compared:
        feasible = [placement.latency_ms for placement in placements if placement.feasible]
        difference = test.difference("chosen", network)
        if feasible and difference is not None:
            ratio = candidate.cost.latency_ms / min(feasible)
            rows.append(claim_row(against, network, difference, ratio, share=most))
    return rows


def _fusion(context: ViewContext, candidate: Candidate, test: Predictions) -> dict[str, Any]:
    """What Tables 5 and 6 and Figure 8 of SplitNets show: who fuses where, and what each place is worth."""
    return {
        "views": context.space.views,
        "how": context.space.view_fusion,
        "networks": [*_fused_baselines(context, test), _fused_chosen(context, candidate, test)],
        "positions": position_rows(context, test),
    }


def _fused_baselines(context: ViewContext, test: Predictions) -> list[dict[str, Any]]:
    """Rows of Table 5 for the baselines."""
    rows = []
    for name in context.config.backbones:
        accuracy = {"accuracy": test.accuracy(network_name(name)), "accuracy_kind": "trained_alone"}
        texts = {"method": "MVCNN", "backbone": name, "position": "last convolution", "how": MVCNN_FUSION}
        rows.append(texts | accuracy | _fused_figures(context, _placements(context, name)[-1]))
    accuracy = {"accuracy": test.accuracy("largest"), "accuracy_kind": "fine_tuned"}
    texts = {"method": "late fusion", "backbone": f"largest of {context.space.name}"}
    where = {"position": _position_text(context, context.space.largest()), "how": context.space.view_fusion}
    return [*rows, texts | where | accuracy | _fused_figures(context, context.late_fusion[-1])]


def _fused_chosen(context: ViewContext, candidate: Candidate, test: Predictions) -> dict[str, Any]:
    network = candidate.architecture
    built = architecture_graph(context.space, network, context.num_classes)
    cuts, views = (built.sensor_operations,), context.space.views
    return {
        "method": "SplitNets",
        "backbone": f"searched in {context.space.name}",
        "position": _position_text(context, network),
        "how": context.space.view_fusion,
        "accuracy": test.accuracy("chosen"),
        "accuracy_kind": "fine_tuned",
        **_fused_figures(context, partition_at("SplitNets", built.graph, cuts, context.system, views=views)),
    }


def _fused_figures(context: ViewContext, split: Partition) -> dict[str, Any]:
    """Parameters, operations of all views, what one view sends, and the share of one sensor (Figure 8)."""
    sensor, aggregator = split.sensor, split.aggregator
    side, _, channels = split.graph.tensor(split.sent[0][0]).shape
    return {
        "params": sensor.params + aggregator.params,
        "macs": context.space.views * sensor.macs + aggregator.macs,
        "sensor_share": sensor.macs / (sensor.macs + aggregator.macs),
        "channels": channels,
        "side": side,
    }


def _position_text(context: ViewContext, network: Any) -> str:
    """As Table 5 writes it: behind which of how many blocks."""
    segments = blueprint(context.space, network, context.num_classes).segments
    counts = [sum(isinstance(block, MBBlock) for block in segment) for segment in segments]
    return f"block {counts[0]} of {sum(counts)}"
