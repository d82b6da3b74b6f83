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


def front_hypervolume(front: Sequence[Candidate], num_classes: int, reference_ms: float) -> float:
    """The share of the rectangle between perfection and the reference that the front dominates.

    Perfection is accuracy 1 in no time; the reference is the accuracy of guessing at a latency that does not depend on
    the search, so that the figures of several searches on one supernet and system can be compared.

    Args:
        front: The networks.
        num_classes: Classes among which is guessed.
        reference_ms: The reference's latency; slower networks add nothing.
    """
    guessing = 1 / num_classes
    objectives = np.array([(-each.accuracy, each.cost.latency_ms) for each in front]).reshape(-1, 2)
    return hypervolume_2d(objectives, (-guessing, reference_ms)) / ((1 - guessing) * reference_ms)
