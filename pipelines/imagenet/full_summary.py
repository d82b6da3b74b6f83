"""What `--full` adds to summary.json: rows of MobileNetV2 and Head Distillation, claims against them, teachers."""

import dataclasses
from typing import Any

from pipelines.imagenet.config import ImagenetConfig
from pipelines.imagenet.context import Context
from pipelines.imagenet.full_baselines import new_mobilenet
from pipelines.imagenet.mobilenet import BACKBONE, mobilenet_placements
from pipelines.imagenet.summary_rows import Predictions, baseline_row, claim_row
from splitnets_tf.graph import read_keras_model
from splitnets_tf.partition import Partition, design_student, head_distillation

__all__ = ["FullBaselines", "full_baselines", "full_training"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class FullBaselines:
    """The placed networks of `--full`."""

    placements: tuple[Partition, ...]
    """MobileNetV2: one network, so all have one accuracy."""
    distilled: Partition
    """Its head replaced by a student."""

    def rows(self, predictions: Predictions) -> list[dict[str, Any]]:
        """Rows of the comparison; Head Distillation's tail inherits weights, so it counts as fine-tuned."""
        accuracy = predictions.accuracy("mobilenet_v2")
        rows = [baseline_row(placement, BACKBONE, accuracy, "trained_alone") for placement in self.placements]
        return [*rows, baseline_row(self.distilled, BACKBONE, predictions.accuracy("head_distillation"), "fine_tuned")]

    def comparisons(self, predictions: Predictions, chosen_latency_ms: float) -> list[dict[str, Any]]:
        """The chosen network against the fastest feasible placement, and against Head Distillation if feasible."""
        feasible = [placement for placement in self.placements if placement.feasible]
        fastest = sorted(feasible, key=lambda placement: placement.latency_ms)[:1]
        compared = [("mobilenet_v2", placement) for placement in fastest]
        compared += [("head_distillation", self.distilled)] if self.distilled.feasible else []
        rows = []
        for network, placement in compared:
            difference = predictions.difference("chosen", network)
            if difference is not None:
                ratio = chosen_latency_ms / placement.latency_ms
                rows.append(claim_row(f"{placement.method}, {BACKBONE}", network, difference, ratio))
        return rows


def full_baselines(context: Context) -> FullBaselines:
    """Place the networks on the run's system."""
    graph = read_keras_model(new_mobilenet(context))
    distilled = head_distillation(graph, design_student(graph, context.system), context.system)
    return FullBaselines(placements=mobilenet_placements(graph, context.system), distilled=distilled)


def full_training(config: ImagenetConfig) -> dict[str, str]:
    """What teacher each network had, and for how long it was trained."""
    feature, labels = config.train.epochs, config.fine_tune.epochs
    return {
        BACKBONE: f"none; trained alone on labels for {feature + labels} epochs",
        "head-distillation": f"the trained {BACKBONE} for the student's feature (epochs: {feature}); then none, "
        f"student and tail on labels (epochs: {labels}); with its teacher's, twice the epochs of every other network",
    }
