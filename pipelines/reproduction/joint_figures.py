"""What the arms of the joint-search ablation are compared by: hypervolume, and latency at equal accuracy."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.front_table import front_hypervolume
from pipelines.reproduction.joint_search import JOINT
from splitnets_tf.search import Candidate, pareto_front

__all__ = ["LEVELS", "ablation_rows"]

LEVELS = (0.9, 0.95, 0.98)
"""Shares of the best accuracy of all arms and seeds at which latencies are compared."""
Points = Mapping[tuple[str, int], Sequence[Candidate]]
"""(arm, seed) -> its deployable candidates."""


def ablation_rows(points: Points, reference_ms: float) -> dict[str, Any]:
    """A row for each arm and seed, and a comparison with the joint search for each arm.

    Args:
        points: What the arms found, the joint search among them.
        reference_ms: The hypervolume's worst latency; slower candidates add nothing to it.

    Returns:
        Plain data: `reference` {`accuracy`, `latency_ms`}, `levels` (accuracies), `rows` and `comparisons`. The
        reference accuracy is the lowest of any front; a latency is None where no candidate is so accurate.
    """
    fronts = {key: pareto_front(found) for key, found in points.items()}
    every = [candidate for front in fronts.values() for candidate in front]
    lowest, best = min(each.accuracy for each in every), max(each.accuracy for each in every)
    levels = [share * best for share in LEVELS]
    rows = [
        {
            "arm": arm,
            "seed": seed,
            "deployable": len(points[arm, seed]),
            "hypervolume": front_hypervolume(front, lowest, reference_ms),
            "best_accuracy": max((each.accuracy for each in front), default=None),
            "latency_ms_at": [_fastest(front, level) for level in levels],
            "front": [[each.cost.latency_ms, each.accuracy, each.id] for each in front],
        }
        for (arm, seed), front in fronts.items()
    ]
    reference = {"accuracy": lowest, "latency_ms": reference_ms}
    return {"reference": reference, "levels": levels, "rows": rows, "comparisons": _comparisons(rows)}


def _fastest(front: Sequence[Candidate], level: float) -> float | None:
    return min((each.cost.latency_ms for each in front if each.accuracy >= level), default=None)


def _comparisons(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """For each arm the joint search's lead in hypervolume, seed by seed, and whether its sign is the same in all."""
    volumes = {(row["arm"], row["seed"]): row["hypervolume"] for row in rows}
    compared = []
    for arm in dict.fromkeys(row["arm"] for row in rows if row["arm"] != JOINT):
        leads = [volumes[JOINT, seed] - volume for (name, seed), volume in volumes.items() if name == arm]
        verdict = "better" if min(leads) > 0 else "worse" if max(leads) < 0 else "undecided"
        compared.append({"against": arm, "leads": leads, "joint_is": verdict})
    return compared
