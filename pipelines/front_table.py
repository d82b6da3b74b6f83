"""What a search found, for the terminal: the front as a table, and its hypervolume."""

from collections.abc import Sequence

import numpy as np
from rich.table import Table

from splitnets_tf.search import Candidate, hypervolume_2d
from splitnets_tf.space import SearchSpace

__all__ = ["front_hypervolume", "front_table"]


def front_table(front: Sequence[Candidate], space: SearchSpace) -> Table:
    """One line for each network of the front, fastest first."""
    table = Table(title=f"The front: {len(front)} networks (inherited validation accuracy, cost model's latency)")
    for heading in ("row", "latency (ms)", "accuracy (%)", "input", "split at stride", "block", "channels"):
        table.add_column(heading, justify="right")
    for number, candidate in enumerate(front, start=1):
        split = candidate.architecture.split
        place = ("", "", "") if split is None else (space.phases[split.phase].stride, split.position, split.width)
        table.add_row(
            f"{number}",
            f"{candidate.cost.latency_ms:.3f}",
            f"{100 * candidate.accuracy:.1f}",
            f"{candidate.architecture.resolution}²",
            *map(str, place),
        )
    return table


def front_hypervolume(front: Sequence[Candidate], reference_accuracy: float, reference_ms: float) -> float:
    """The share of the rectangle between perfection and the reference that the front dominates.

    Perfection is accuracy 1 in no time. The figures of several searches can be compared where they have one reference.

    Args:
        front: The networks.
        reference_accuracy: Less accurate networks add nothing; where it is 1, there is nothing to dominate: 0.
        reference_ms: Slower networks add nothing.
    """
    area = (1 - reference_accuracy) * reference_ms
    objectives = np.array([(-each.accuracy, each.cost.latency_ms) for each in front]).reshape(-1, 2)
    return hypervolume_2d(objectives, (-reference_accuracy, reference_ms)) / area if area else 0.0
