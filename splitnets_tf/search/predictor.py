"""A predictor of accuracy, fitted to what a search has evaluated: ridge regression on genes and costs.

A linear model ranks the children of one supernet well from a few dozen evaluations on, is fitted in milliseconds, and
gives the same answer whenever it is fitted to the same candidates; so a resumed search fits it again.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from splitnets_tf.search.candidate import Candidate
from splitnets_tf.search.genes import to_genes
from splitnets_tf.search.protocols import Cost
from splitnets_tf.space import Architecture, SearchSpace

__all__ = ["AccuracyPredictor", "rank_correlation"]

LOGARITHMS = ("macs", "sensor_macs", "link_bytes")
"""Figures whose logarithm helps: accuracy rises with the size, less and less."""
PENALTY = 1.0
"""Weight of the squared coefficients, for features of unit variance."""


class AccuracyPredictor:
    """Predicts the accuracy of architectures of one space.

    Args:
        space: The space.
        candidates: At least two evaluated candidates, to which it is fitted.
    """

    def __init__(self, space: SearchSpace, candidates: Sequence[Candidate]) -> None:
        from sklearn.linear_model import Ridge
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        self._space = space
        self._model = make_pipeline(StandardScaler(), Ridge(alpha=PENALTY))
        rows = self._features([(each.architecture, each.cost) for each in candidates])
        self._model.fit(rows, [each.accuracy for each in candidates])

    def predict(self, priced: Sequence[tuple[Architecture, Cost]]) -> npt.NDArray[np.float64]:
        """Predicted accuracies, float64 `[n]`, of n architectures with their costs."""
        return np.asarray(self._model.predict(self._features(priced)), dtype=np.float64)

    def _features(self, priced: Sequence[tuple[Architecture, Cost]]) -> npt.NDArray[np.float64]:
        """float64 `[n, features]`: each choice of each gene as 0 or 1, the split likewise, and logarithms of costs."""
        return np.array([self._row(architecture, cost) for architecture, cost in priced])

    def _row(self, architecture: Architecture, cost: Cost) -> list[float]:
        genes = to_genes(self._space, architecture)
        row = [float(genes[gene.name] == choice) for gene in self._space.genes for choice in gene.choices]
        deepest = [stage.depths[-1] for stage in self._space.stages]
        place = (genes["split.phase"], genes["split.position"])
        row += [float(place == other) for other in self._space.split_choices(deepest)]
        row += [float(genes["split.width"] == width) for width in self._space.split_widths]
        return row + [float(np.log(max(getattr(cost, name), 1))) for name in LOGARITHMS]


def rank_correlation(predicted: npt.ArrayLike, measured: npt.ArrayLike) -> float:
    """Spearman's rank correlation; 0 where one side is constant, since that ranks nothing."""
    from scipy.stats import spearmanr

    if np.ptp(predicted) == 0 or np.ptp(measured) == 0:
        return 0.0
    return float(spearmanr(predicted, measured).statistic)
