"""Stage `positions`: what each place of the fusion, early to late, means for accuracy and cost.

Source: SplitNets, Figures 8 and 9: earlier methods fuse behind the last convolution; does searching the place pay?
"""

import dataclasses
from pathlib import Path
from typing import Any

from pipelines.imagenet.networks import build_baseline, chosen_architecture, predictions_path
from pipelines.imagenet.summary_rows import Predictions
from pipelines.imagenet.train import TrainedEvaluator, supernet_weights
from pipelines.modelnet.context import ViewContext
from pipelines.progress import progress_bar
from splitnets_tf.files import read_json, write_json
from splitnets_tf.space import Architecture, Split

__all__ = ["measure_positions", "position_rows", "train_positions"]


def _places(context: ViewContext) -> list[Architecture]:
    """The chosen network fused at every place, the earliest first."""
    chosen = chosen_architecture(context)
    width = chosen.splits[0].width
    depths = [choice.depth for choice in chosen.stages]
    return [
        dataclasses.replace(chosen, splits=(Split(phase=phase, position=position, width=width),))
        for phase, position in context.space.split_choices(depths)
    ]


def _record(context: ViewContext) -> Path:
    return context.path("fusion", "positions.json")


def measure_positions(context: ViewContext, trained: TrainedEvaluator) -> None:
    """Validation accuracy with inherited weights of the chosen network, fused at every place instead of its own."""
    inputs = context.inputs(supernet_weights(context), context.path("architecture.json"))
    if context.run.is_done("positions", inputs):
        return
    networks = _places(context)
    with (
        context.run.stage("positions", inputs, context.config.seed),
        progress_bar("places of the fusion", len(networks)) as advance,
    ):
        accuracies = []
        for index, network in enumerate(networks):
            accuracies.append(trained.evaluator.evaluate(network))
            advance(index + 1, "")
        write_json(_record(context), {"inherited": accuracies})


def _name(network: Architecture) -> str:
    return f"fused_{network.splits[0].phase}_{network.splits[0].position}"


def _ends_of_phases(context: ViewContext) -> list[Architecture]:
    """The last place of each phase: early, middle and late fusion."""
    by_phase = {network.splits[0].phase: network for network in _places(context)}
    return list(by_phase.values())


def train_positions(context: ViewContext, trained: TrainedEvaluator) -> None:
    """Stage `fused` of `--full`: the chosen network fused at the end of each phase, fine-tuned and tested like it."""
    inputs = context.inputs(supernet_weights(context), context.path("architecture.json"))
    if context.run.is_done("fused", inputs):
        return
    with context.run.stage("fused", inputs, context.config.seed):
        for network in _ends_of_phases(context):
            if not predictions_path(context, _name(network)).is_file():
                build_baseline(context, trained, network, _name(network))


def position_rows(context: ViewContext, test: Predictions) -> list[dict[str, Any]]:
    """One row for each place: where, what it costs, how accurate it is.

    Args:
        context: The run, whose stage `positions` is done.
        test: The test predictions, some of them by `train_positions`.
    """
    inherited = read_json(_record(context), "accuracies by place of the fusion")["inherited"]
    chosen, limit = chosen_architecture(context), context.system.sensor.memory_bytes
    rows = []
    for network, accuracy in zip(_places(context), inherited, strict=True):
        cost, split = context.cost.cost(network), network.splits[0]
        rows.append(
            {
                "phase": split.phase,
                "position": split.position,
                "stride": context.space.phases[split.phase].stride,
                "sensor_share": cost.sensor_macs / cost.macs,
                "sensor_macs": cost.sensor_macs,
                "aggregator_macs": cost.macs - cost.sensor_macs,
                "feature_bytes": cost.link_bytes,
                "latency_ms": cost.latency_ms,
                "feasible": limit is None or cost.peak_bytes <= limit,
                "chosen": network == chosen,
                "inherited": accuracy,
                "fine_tuned": test.accuracy("chosen" if network == chosen else _name(network)),
            }
        )
    return rows
