"""Which point of the front is built: the rule, and a sentence that says it."""

from collections.abc import Sequence

from splitnets_tf.errors import UserError
from splitnets_tf.search.candidate import Candidate
from splitnets_tf.search.pareto import knee_index, objective_array, pareto_front
from splitnets_tf.search.rounding import as_limit

__all__ = ["choose"]

BASELINE_SHARE = 0.5
"""Share of the best feasible baseline's latency that the default choice may take."""
_SHARES = {0.5: "half", 0.2: "a fifth of"}


def choose(
    front: Sequence[Candidate],
    *,
    max_latency_ms: float | None = None,
    min_accuracy: float | None = None,
    best_baseline_latency_ms: float | None = None,
    baseline_share: float = BASELINE_SHARE,
) -> tuple[Candidate, str]:
    """Choose one candidate.

    With a latency limit: the most accurate one within it. With an accuracy floor alone: the fastest one above it. With
    neither: the most accurate one at no more than a share of the latency of the best feasible baseline, or the front's
    knee where there is no such baseline or no such candidate.

    Args:
        front: Candidates to choose from; dominated ones are passed over.
        max_latency_ms: The user's limit.
        min_accuracy: The user's floor, in [0, 1].
        best_baseline_latency_ms: Latency of the best feasible baseline, if there is one.
        baseline_share: The share of it that the choice may take.

    Returns:
        The candidate, and the rule applied as a sentence for the report.

    Raises:
        UserError: No candidate keeps the user's limits; the message names the nearest value that one keeps.
    """
    points = pareto_front(front)
    if not points:
        raise UserError("the search found no candidate to choose from; loosen its constraints")
    if max_latency_ms is not None:
        return _within_latency(points, max_latency_ms, min_accuracy)
    if min_accuracy is not None:
        chosen = _accurate_enough(points, min_accuracy)[0]
        return chosen, f"The fastest candidate with a validation accuracy of at least {min_accuracy:g}."
    if best_baseline_latency_ms is not None:
        return _against_baseline(points, best_baseline_latency_ms, baseline_share)
    return _knee(points), "The knee of the front, since no baseline is feasible."


def _within_latency(points: Sequence[Candidate], limit: float, floor: float | None) -> tuple[Candidate, str]:
    fast = _fast_enough(points, limit)
    if not fast:
        nearest = as_limit(points[0].cost.latency_ms, upper=True)
        raise UserError(
            f"no candidate of the front keeps a latency of at most {limit:g} ms: the fastest takes "
            f"{nearest} ms; allow at least --max-latency-ms {nearest}"
        )
    rule = f"The most accurate candidate at no more than {limit:g} ms"
    if floor is None:
        return fast[-1], f"{rule}."
    if fast[-1].accuracy < floor:
        below = as_limit(fast[-1].accuracy, upper=False)
        message = (
            f"no candidate of the front has both a latency of at most {limit:g} ms and a validation accuracy of at "
            f"least {floor:g}: within {limit:g} ms the most accurate has {below}; ask for "
            f"--min-accuracy {below} or less"
        )
        if points[-1].accuracy >= floor:
            fastest = _accurate_enough(points, floor)[0]
            message += f", or allow --max-latency-ms {as_limit(fastest.cost.latency_ms, upper=True)}"
        raise UserError(message)
    return fast[-1], f"{rule} (its validation accuracy is at least {floor:g})."


def _against_baseline(points: Sequence[Candidate], baseline_ms: float, share: float) -> tuple[Candidate, str]:
    limit = share * baseline_ms
    fast = _fast_enough(points, limit)
    words = _SHARES.get(share, f"{share:.0%} of")
    half = f"{words} the latency of the best feasible baseline ({limit:.3g} of {baseline_ms:.3g} ms)"
    if fast:
        return fast[-1], f"The most accurate candidate at no more than {half}."
    return _knee(points), f"The knee of the front, since no candidate takes at most {half}."


def _fast_enough(points: Sequence[Candidate], limit_ms: float) -> list[Candidate]:
    """Those within the limit; along a front the last is the most accurate."""
    return [candidate for candidate in points if candidate.cost.latency_ms <= limit_ms]


def _accurate_enough(points: Sequence[Candidate], floor: float) -> list[Candidate]:
    """Those above the floor; along a front the first is the fastest."""
    accurate = [candidate for candidate in points if candidate.accuracy >= floor]
    if not accurate:
        nearest = as_limit(points[-1].accuracy, upper=False)
        raise UserError(
            f"no candidate of the front reaches a validation accuracy of {floor:g}: the most accurate has {nearest} "
            f"at {points[-1].cost.latency_ms:.3g} ms; ask for --min-accuracy {nearest} or less"
        )
    return accurate


def _knee(points: Sequence[Candidate]) -> Candidate:
    return points[knee_index(objective_array(points))]
