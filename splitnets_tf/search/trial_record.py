"""What a Keras Tuner trial carries: the floors that it must keep among the values, its evaluation among the metrics."""

from collections.abc import Mapping, Sequence
from typing import Any

from splitnets_tf.search.halving import Evaluation

__all__ = ["OBJECTIVE", "evaluation_to_metrics", "floors_to_values", "metrics_to_evaluation", "values_to_floors"]

OBJECTIVE = "accuracy"
"""Name of the metric that a trial reports."""
_COUNTED = "counted"
_PART = "accuracy_after_part_{}"
_FLOOR = "give_up_below_after_part_{}"


def evaluation_to_metrics(evaluation: Evaluation) -> dict[str, float]:
    """The metrics of a trial; only the accuracy where nothing is counted in parts."""
    metrics = {OBJECTIVE: evaluation.accuracy}
    if evaluation.after_parts:
        metrics[_COUNTED] = evaluation.counted
        metrics |= {_PART.format(index): accuracy for index, accuracy in enumerate(evaluation.after_parts)}
    return metrics


def metrics_to_evaluation(metrics: Any) -> Evaluation:
    """Inverse of `evaluation_to_metrics`.

    Args:
        metrics: The `MetricsTracker` of an ended trial.
    """
    after: list[float] = []
    while metrics.exists(name := _PART.format(len(after))):
        after.append(float(metrics.get_last_value(name)))
    return Evaluation(
        accuracy=float(metrics.get_last_value(OBJECTIVE)),
        counted=float(metrics.get_last_value(_COUNTED)) if metrics.exists(_COUNTED) else 1.0,
        after_parts=tuple(after),
    )


def floors_to_values(floors: Sequence[float | None]) -> dict[str, float]:
    """A trial's values with the accuracies below which it is given up; a part without one is left out."""
    return {_FLOOR.format(index): floor for index, floor in enumerate(floors) if floor is not None}


def values_to_floors(values: Mapping[str, Any], parts: int) -> list[float | None]:
    """Inverse of `floors_to_values`."""
    return [values.get(_FLOOR.format(index)) for index in range(parts)]
