"""The architecture parameters: what a search state holds, and one update of it; pure functions."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from splitnets_tf.search.differentiable.gates import (
    PathPair,
    choice_entropy,
    log_softmax,
    pair_to_alpha_gradient,
    sample_pair,
    softmax,
    with_joint_mass,
)
from splitnets_tf.search.differentiable.latency import PlacedLatency
from splitnets_tf.search.differentiable.settings import DifferentiableSettings

__all__ = ["AlphaState", "latency_penalty", "sample_network", "sample_pairs", "updated"]

Floats = NDArray[np.float64]
_DECAY = 0.99
"""Of the running means of squared gradients: a memory of a hundred updates. With a longer one the penalty of the first
updates, when E[T] is several times T_const, would hold the cross-entropy down until the search ends."""
_EPSILON = 1e-8


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class AlphaState:
    """Architecture parameters and the state of their optimiser."""

    alphas: tuple[Floats, ...]
    """For each layer one value for each candidate."""
    squares: tuple[Floats, ...]
    """Running means of squared gradients."""
    updates: int = 0
    """Updates so far."""

    @property
    def probabilities(self) -> tuple[Floats, ...]:
        """P of each layer."""
        return tuple(softmax(alphas) for alphas in self.alphas)

    @property
    def log_probabilities(self) -> tuple[Floats, ...]:
        """Log p of each layer."""
        return tuple(log_softmax(alphas) for alphas in self.alphas)

    @property
    def mean_entropy(self) -> float:
        """Entropy of a layer's choice in nats, averaged over the layers."""
        return float(np.mean([choice_entropy(alphas) for alphas in self.alphas]))


def latency_penalty(
    expected_ms: float, limit_ms: float, weight: float, *, one_sided: bool = False
) -> tuple[float, float]:
    """Returns lambda 2 (T / T_const - 1)^2 and its derivative by T.

    Reference:
        JMSNAS (arXiv 2111.08206), equation (4), on T normalised by T_const.
    """
    distance = expected_ms / limit_ms - 1.0
    if one_sided:
        distance = max(0.0, distance)
    return weight * distance**2, 2.0 * weight * distance / limit_ms


def sample_network(state: AlphaState, rng: np.random.Generator) -> tuple[int, ...]:
    """Draws one candidate for each layer by its probability."""
    return tuple(int(rng.choice(len(p), p=p / p.sum())) for p in state.probabilities)


def sample_pairs(state: AlphaState, rng: np.random.Generator) -> tuple[PathPair, ...]:
    """Draws the two kept paths of each layer."""
    return tuple(sample_pair(p, rng) for p in state.probabilities)


def updated(
    state: AlphaState,
    pairs: Sequence[PathPair],
    gate_gradient: Floats,
    latency: PlacedLatency,
    limit_ms: float,
    settings: DifferentiableSettings,
) -> AlphaState:
    """One update by the gradient of equation (4).

    The cross-entropy moves the two kept paths of each layer against each other: their joint probability stays. The
    penalty on E[T] moves all candidates, or with `expectation = pair` these two alone.

    Args:
        state: Before.
        pairs: The kept paths of each layer.
        gate_gradient: dL/dg `[layers, 2]`, the active path first.
        latency: Times of all candidates.
        limit_ms: T_const.
        settings: Learning rate, lambda 2 and the readings.
    """
    probabilities = state.probabilities
    accuracy = [
        pair_to_alpha_gradient((float(row[0]), float(row[1])), pair, p, unbiased=settings.unbiased)
        for row, pair, p in zip(gate_gradient, pairs, probabilities, strict=True)
    ]
    on_pairs = settings.expectation == "pair"
    counted = [_renormalised(p, pair) for p, pair in zip(probabilities, pairs, strict=True)]
    over = counted if on_pairs else probabilities
    _, slope = latency_penalty(
        latency.expected_ms(over), limit_ms, settings.latency_weight, one_sided=settings.one_sided
    )
    penalty = [slope * row for row in latency.expected_gradient(over)]
    alphas, squares = [], []
    for old, square, pair, own, common in zip(state.alphas, state.squares, pairs, accuracy, penalty, strict=True):
        square = _DECAY * square + (1.0 - _DECAY) * (own + common) ** 2
        rate = settings.alpha_learning_rate / (np.sqrt(square / (1.0 - _DECAY ** (state.updates + 1))) + _EPSILON)
        within, beyond = (own + common, np.zeros_like(old)) if on_pairs else (own, common)
        alphas.append(with_joint_mass(old, old - rate * within, pair) - rate * beyond)
        squares.append(square)
    return AlphaState(alphas=tuple(alphas), squares=tuple(squares), updates=state.updates + 1)


def _renormalised(probabilities: Floats, pair: PathPair) -> Floats:
    kept = np.zeros_like(probabilities)
    rows = list(pair.paths)
    kept[rows] = probabilities[rows] / probabilities[rows].sum()
    return kept
