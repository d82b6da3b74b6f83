"""A predictor of accuracy, fitted to what a search has evaluated: a Gaussian process on genes and costs.

It says how sure it is, so that a search can try what might be good, and not only what the average of its beliefs
prefers. It gives the same answer whenever it is fitted to the same candidates; so a resumed search fits it again.

Source: Rasmussen and Williams, "Gaussian Processes for Machine Learning" (2006), chapters 2 and 5.
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from splitnets_tf.search.candidate import Candidate
from splitnets_tf.space import NO_SPLIT, SearchSpace

__all__ = ["LOGARITHMS", "AccuracyPredictor", "rank_correlation"]

LOGARITHMS = ("macs", "sensor_macs", "link_bytes")
"""Figures whose logarithm helps: accuracy rises with the size, less and less."""
COST_WEIGHT = 0.5
"""Spread of such a logarithm among the fitted candidates."""
EXTENT = math.sqrt(2)
"""Distance of a gene's first and last choice: that of two places of the split."""
MOST_FITTED = 256
"""Candidates to which it is fitted, the latest; the time grows with the cube of their number."""
JITTERS = (1e-8, 1e-6, 1e-4, 1e-2)
"""Shares of the largest variance, of which the first that makes up for rounding is added to all."""

Figures = Mapping[str, npt.NDArray[Any]]
Floats = npt.NDArray[np.float64]


class AccuracyPredictor:
    """Predicts the accuracy of architectures of one space.

    Args:
        space: The space.
        candidates: At least two evaluated candidates; it is fitted to the latest `MOST_FITTED`.
        like: A predictor fitted to most of these candidates, whose kernel is taken over instead of being sought again.
    """

    def __init__(
        self, space: SearchSpace, candidates: Sequence[Candidate], *, like: "AccuracyPredictor | None" = None
    ) -> None:
        import sklearn.gaussian_process  # noqa: F401  (loads the libraries whose threads are limited)
        from threadpoolctl import ThreadpoolController

        self._belief: tuple[Any, float]
        self._threads = ThreadpoolController()
        latest = candidates[-MOST_FITTED:]
        self._space = space
        logarithms = _logarithms({name: np.array([each.figure(name) for each in latest]) for name in LOGARITHMS})
        self._mean, spread = logarithms.mean(axis=0), logarithms.std(axis=0)
        self._spread = np.where(spread > 0, spread, 1.0) / COST_WEIGHT
        accuracies = np.array([each.accuracy for each in latest])
        self._level, self._scale = accuracies.mean(), accuracies.std() or 1.0
        rows = self._features(np.stack([space.encode(each.architecture) for each in latest]), logarithms)
        targets = (accuracies - self._level) / self._scale
        with self._one_thread():
            self._belief = like._belief if like else _likeliest_kernel(rows, targets)
            kernel, noise = self._belief
            self._model = _process(kernel, alpha=noise, optimizer=None).fit(rows, targets)

    def predict(self, vectors: npt.NDArray[np.integer[Any]], figures: Figures) -> Floats:
        """The accuracies that are most likely.

        Args:
            vectors: int `[n, vector_length]` as `SearchSpace.encode` makes them, each with exactly one split.
            figures: Arrays `[n]` of at least `LOGARITHMS`.

        Returns:
            float64 `[n]`.
        """
        rows = self._features(vectors, _logarithms(figures))
        with self._one_thread():
            return np.asarray(self._level + self._scale * self._model.predict(rows), dtype=np.float64)

    def draw(self, vectors: npt.NDArray[np.integer[Any]], figures: Figures, rng: np.random.Generator) -> Floats:
        """Accuracies as they may be: one draw from what is believed of all n together.

        Args:
            vectors: As for `predict`.
            figures: As for `predict`.
            rng: Draws.

        Returns:
            float64 `[n]`.
        """
        rows = self._features(vectors, _logarithms(figures))
        with self._one_thread():
            mean, covariance = self._model.predict(rows, return_cov=True)
            drawn = mean + _root(covariance) @ rng.standard_normal(len(rows))
        return np.asarray(self._level + self._scale * drawn, dtype=np.float64)

    def _one_thread(self) -> Any:
        """Matrices so small are slower on several cores, many times so where others use those.

        One core also rounds alike on every machine.
        """
        return self._threads.limit(limits=1)

    def _features(self, vectors: npt.NDArray[np.integer[Any]], logarithms: Floats) -> Floats:
        """float64 `[n, features]`: genes and the split's width by order, its place as 0 or 1, logarithms of costs."""
        genes = len(self._space.genes)
        columns = [_steps(vectors[:, index], gene.choices) for index, gene in enumerate(self._space.genes)]
        positions = vectors[:, genes::2]
        deepest = [stage.depths[-1] for stage in self._space.stages]
        columns += [positions[:, phase] == position for phase, position in self._space.split_choices(deepest)]
        widths = np.where(positions != NO_SPLIT, vectors[:, genes + 1 :: 2], 0).max(axis=1)
        columns.append(_steps(widths, self._space.split_widths))
        scaled = (logarithms - self._mean) / self._spread
        return np.concatenate([np.stack(columns, axis=1).astype(np.float64), scaled], axis=1)


def _steps(values: npt.NDArray[np.integer[Any]], choices: Sequence[int]) -> Floats:
    """The position of each value among the rising choices, from 0 to `EXTENT`."""
    return EXTENT * np.searchsorted(choices, values) / max(len(choices) - 1, 1)


def _likeliest_kernel(rows: Floats, targets: Floats) -> tuple[Any, float]:
    """The kernel, one length for all features, and the variance of the noise under which the targets are likeliest."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    smooth = Matern(2.0, (0.1, 100.0), nu=2.5)
    kernel = ConstantKernel(1.0, (1e-2, 1e2)) * smooth + WhiteKernel(0.1, (1e-4, 1.0))
    with warnings.catch_warnings():
        # A length or a noise at its bound is no fault: an additive accuracy wants the longest length.
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = _process(kernel).fit(rows, targets).kernel_
    return found.k1, float(found.k2.noise_level)


def _process(kernel: Any, **options: Any) -> Any:
    from sklearn.gaussian_process import GaussianProcessRegressor

    return GaussianProcessRegressor(kernel, **options)


def _root(covariance: Floats) -> Floats:
    """Lower triangular `[n, n]` whose product with its transpose is the covariance, but for a jitter."""
    for jitter in JITTERS:
        try:
            return np.linalg.cholesky(covariance + jitter * covariance.max() * np.eye(len(covariance)))
        except np.linalg.LinAlgError:
            continue
    return np.zeros_like(covariance)  # nothing but rounding: what is drawn is what is most likely


def _logarithms(figures: Figures) -> Floats:
    """float64 `[n, len(LOGARITHMS)]`."""
    return np.stack([np.log(np.maximum(figures[name], 1)) for name in LOGARITHMS], axis=1).astype(np.float64)


def rank_correlation(predicted: npt.ArrayLike, measured: npt.ArrayLike) -> float:
    """Spearman's rank correlation; 0 where one side is constant, since that ranks nothing."""
    from scipy.stats import spearmanr

    if np.ptp(predicted) == 0 or np.ptp(measured) == 0:
        return 0.0
    return float(spearmanr(predicted, measured).statistic)
