"""What a Keras Tuner trial carries: its rivals among the values, its evaluation among the metrics."""

from collections.abc import Mapping, Sequence
from typing import Any

from splitnets_tf.search.halving import Evaluation

__all__ = ["OBJECTIVE", "evaluation_to_metrics", "metrics_to_evaluation", "rivals_to_values", "values_to_rivals"]

OBJECTIVE = "accuracy"
"""Name of the metric that a trial reports."""
_COUNTED = "counted"
_PART = "accuracy_after_part_{}"
_RIVAL = "rival_after_part_{}"


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


def rivals_to_values(rivals: Sequence[float | None]) -> dict[str, float]:
    """A trial's values with what its rivals reached after each part; a part without a rival is left out."""
    return {_RIVAL.format(index): rival for index, rival in enumerate(rivals) if rival is not None}


def values_to_rivals(values: Mapping[str, Any], parts: int) -> list[float | None]:
    """Inverse of `rivals_to_values`."""
    return [values.get(_RIVAL.format(index)) for index in range(parts)]
