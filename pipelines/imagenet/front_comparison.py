"""The front against every baseline: which built network is as accurate as a baseline, and how much faster it is.

A search yields a front and not one network, so a baseline is not compared with the chosen network alone: of all that
were built (the chosen one and the picks) the fastest one that is at least as accurate stands against it.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

from pipelines.imagenet.context import Context
from pipelines.imagenet.full_summary import FullBaselines
from pipelines.imagenet.mobilenet import BACKBONE
from pipelines.imagenet.networks import select
from pipelines.imagenet.picks import pick_predictions, picked
from pipelines.imagenet.summary_rows import ACCURACY_MARGIN, Predictions
from pipelines.statistics import Estimate, paired_difference
from splitnets_tf.partition import Partition
from splitnets_tf.search import Candidate, read_pareto_csv

__all__ = ["Built", "front_comparisons", "front_rows"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Built:
    """A network of the front that was fine-tuned and tested."""

    number: int | None
    """Its row in search/pareto.csv, counted from 1; None for one that is chosen from off the front."""
    candidate: Candidate
    """What it costs."""
    test: Predictions
    """Its predictions, as `chosen`."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Placed:
    """A baseline: a network at its place."""

    backbone: str
    """What is placed."""
    placement: Partition
    """Where, and what that costs."""
    network: str
    """The name under which its test predictions are kept."""


def front_comparisons(context: Context, test: Predictions, full: FullBaselines | None) -> list[dict[str, Any]]:
    """Rows of summary.json: one for each feasible baseline; none where nothing but the chosen network was built.

    Args:
        context: The run.
        test: The test predictions of the chosen network and the baselines.
        full: The baselines of `--full`, if they were trained.
    """
    if not picked(context):
        return []
    placed = [
        Placed(backbone=f"largest of {context.space.name}", placement=placement, network="largest")
        for placement in context.baselines
    ]
    if full is not None:
        placed += [Placed(backbone=BACKBONE, placement=each, network="mobilenet_v2") for each in full.placements]
        placed.append(Placed(backbone=BACKBONE, placement=full.distilled, network="head_distillation"))
    return front_rows(_built(context, test), placed, test)


def _built(context: Context, test: Predictions) -> list[Built]:
    front = read_pareto_csv(context.path("search", "pareto.csv"))
    numbers = {candidate.architecture: number for number, candidate in enumerate(front, start=1)}
    chosen, _ = select(context)
    built = [Built(number=numbers.get(chosen.architecture), candidate=chosen, test=test)]
    for number, candidate in picked(context).items():
        if candidate.architecture != chosen.architecture:
            built.append(Built(number=number, candidate=candidate, test=pick_predictions(context, number, test)))
    return built


def front_rows(built: Sequence[Built], placed: Sequence[Placed], test: Predictions) -> list[dict[str, Any]]:
    """For each feasible baseline that was tested, the fastest built network that is at least as accurate.

    Args:
        built: Networks of the front, at least one.
        placed: The baselines.
        test: Their predictions.

    Returns:
        `against`, `latency_ms` of the baseline, `number` and `front_latency_ms` of the network, `difference` (its
        accuracy minus the baseline's, paired), `latency_ratio`, and `holds`: at least as accurate in less time. Where
        no network is as accurate, the most accurate one stands in the row and `holds` is false.
    """
    rows = []
    for baseline in placed:
        correct = test.correct(baseline.network)
        if correct is None or not baseline.placement.feasible:
            continue
        compared = [(each, _difference(each, correct, test)) for each in built]
        compared = [(each, difference) for each, difference in compared if difference is not None]
        enough = [pair for pair in compared if pair[1].low > -ACCURACY_MARGIN]
        if enough:
            each, difference = min(enough, key=lambda pair: pair[0].candidate.cost.latency_ms)
        else:
            each, difference = max(compared, key=lambda pair: pair[1].value)
        ratio = each.candidate.cost.latency_ms / baseline.placement.latency_ms
        rows.append(
            {
                "against": f"{baseline.placement.method}, {baseline.backbone}",
                "latency_ms": baseline.placement.latency_ms,
                "number": each.number,
                "front_latency_ms": each.candidate.cost.latency_ms,
                "difference": difference.to_dict(),
                "latency_ratio": ratio,
                "holds": bool(enough) and ratio < 1,
            }
        )
    return rows


def _difference(built: Built, correct: Any, test: Predictions) -> Estimate | None:
    own = built.test.correct("chosen")
    return None if own is None else paired_difference(own, correct, test.families, seed=test.seed)
