"""Binary gates over candidate operations, and gradients through them: pure functions on arrays of one layer.

Reference:
    JMSNAS (arXiv 2111.08206), section IV-A and Lemma 1; how two paths stand for all is ProxylessNAS's way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "PathPair",
    "choice_entropy",
    "gate_to_alpha_gradient",
    "log_softmax",
    "pair_probability",
    "pair_to_alpha_gradient",
    "sample_pair",
    "softmax",
    "with_joint_mass",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class PathPair:
    """The two paths of a layer that are kept in an update of the architecture parameters."""

    active: int
    """The path whose gate is 1."""

    idle: int
    """The path whose gate is 0."""

    @property
    def paths(self) -> tuple[int, int]:
        """Both, the active one first."""
        return (self.active, self.idle)


def log_softmax(alphas: Floats) -> Floats:
    """Returns log p_i for p_i = exp(alpha_i) / sum of exp(alpha_j)."""
    shifted = alphas - np.max(alphas)
    result: Floats = shifted - np.log(np.sum(np.exp(shifted)))
    return result


def softmax(alphas: Floats) -> Floats:
    """Returns p_i = exp(alpha_i) / sum of exp(alpha_j)."""
    result: Floats = np.exp(log_softmax(alphas))
    return result


def choice_entropy(alphas: Floats) -> float:
    """Returns the entropy of the choice in nats; 0 once a layer is decided."""
    logs = log_softmax(alphas)
    return float(-np.sum(np.exp(logs) * logs))


def gate_to_alpha_gradient(gate_gradient: Floats, probabilities: Floats) -> Floats:
    """Returns dL/d alpha_i = sum over j of dL/dg_j p_j (delta_ij - p_i).

    Args:
        gate_gradient: dL/dg_j of all R paths.
        probabilities: p of all R paths.

    Reference:
        JMSNAS, equation (5).
    """
    return probabilities * (gate_gradient - gate_gradient @ probabilities)


def pair_probability(probabilities: Floats, first: int, second: int) -> float:
    """Returns how probable it is that two paths, in any order, are drawn one after the other without replacement."""
    p, q = float(probabilities[first]), float(probabilities[second])
    return p * q / (1.0 - p) + q * p / (1.0 - q)


def sample_pair(probabilities: Floats, rng: np.random.Generator) -> PathPair:
    """Draws two paths without replacement by p and, of these, the active one by p renormalised over the pair."""
    # Two zeros would leave nothing to draw from; a path of probability 1e-12 is never active by chance.
    safe = np.maximum(probabilities, 1e-12)
    pair = rng.choice(len(safe), size=2, replace=False, p=safe / safe.sum())
    share = safe[pair[0]] / (safe[pair[0]] + safe[pair[1]])
    first_is_active = rng.random() < share
    active, idle = (pair[0], pair[1]) if first_is_active else (pair[1], pair[0])
    return PathPair(active=int(active), idle=int(idle))


def pair_to_alpha_gradient(
    gate_gradient: tuple[float, float], pair: PathPair, probabilities: Floats, *, unbiased: bool = False
) -> Floats:
    """Returns equation (5) applied to two paths alone; 0 for all others.

    Args:
        gate_gradient: dL/dg of the active and of the idle path.
        pair: The two paths.
        probabilities: p of all R paths.
        unbiased: Weight the result so that its mean over pairs is equation (5) with all R paths. Without it, as in
            ProxylessNAS, the mean has the same direction between any two paths but another scale: with equal
            probabilities it is R / (2 (R - 1)) of equation (5).

    Returns:
        `[R]`; the two entries sum to 0.
    """
    own = probabilities[list(pair.paths)]
    shares = own / own.sum()
    gradient = np.zeros_like(probabilities)
    gradient[list(pair.paths)] = gate_to_alpha_gradient(np.asarray(gate_gradient), shares)
    if unbiased:
        drawn = pair_probability(probabilities, *pair.paths)
        gradient *= own[0] * own[1] / (drawn * shares[0] * shares[1])
    return gradient


def with_joint_mass(alphas: Floats, moved: Floats, pair: PathPair) -> Floats:
    """Returns moved parameters, those of the pair shifted so that its joint probability is what it was.

    Args:
        alphas: Before the update.
        moved: After an update of the pair's two entries.
        pair: The two paths.
    """
    rows = list(pair.paths)
    shifted = moved.copy()
    shifted[rows] += np.logaddexp.reduce(alphas[rows]) - np.logaddexp.reduce(moved[rows])
    return shifted
