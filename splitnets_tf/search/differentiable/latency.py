"""T and E[T]: the latency of networks of a layered space, as a function of the operations or of their probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitnets_tf.hardware import Topology, completion_ms, device_order

__all__ = ["PlacedLatency"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class PlacedLatency:
    """U of every candidate on its layer's device, and all times that do not depend on the choices."""

    topology: Topology
    """Chain or mesh."""

    layer_devices: tuple[str, ...]
    """Device of each layer."""

    operation_ms: tuple[Floats, ...]
    """For each layer U_n^m(v_i), one value for each candidate."""

    fixed_ms: Mapping[str, float]
    """Device -> time of what it always computes (stem, head)."""

    sent_ms: Mapping[str, float]
    """Device -> time to send its result; the candidates of a layer share their output shape, so it is a constant."""

    def network_ms(self, choices: Any) -> Any:
        """Returns T of networks.

        Args:
            choices: Index of the chosen candidate of each layer, integers `[layers]`, or of many networks
                `[layers, networks]`.

        Returns:
            A number, or one for each network.
        """
        return self._completion_ms([times[index] for times, index in zip(self.operation_ms, choices, strict=True)])

    def expected_ms(self, probabilities: Sequence[Floats]) -> float:
        """Returns E[T]: each layer's time replaced by its expectation.

        On a mesh this is the largest of the branches' expectations, which is a lower bound of the expected latency.

        Args:
            probabilities: For each layer the probability of each candidate.

        Reference:
            JMSNAS (arXiv 2111.08206), section IV-B.
        """
        return float(self._completion_ms(self._layer_ms(probabilities)))

    def sampled_mean_ms(self, probabilities: Sequence[Floats], networks: int, rng: np.random.Generator) -> float:
        """Returns the mean T of networks that are drawn by their probabilities; on a mesh not below E[T] but by chance.

        Args:
            probabilities: For each layer the probability of each candidate.
            networks: How many are drawn.
            rng: Source of randomness.
        """
        choices = [rng.choice(len(p), size=networks, p=p / p.sum()) for p in probabilities]
        return float(np.mean(self.network_ms(np.array(choices))))

    def expected_gradient(self, probabilities: Sequence[Floats]) -> tuple[Floats, ...]:
        """Returns dE[T] / d alpha for each layer, where the probabilities are the softmax of alpha.

        On a mesh only the slowest branch has a gradient (of equally slow ones the first).
        """
        means = self._layer_ms(probabilities)
        slowest = self._slowest_branch(means)
        off = set(self._group()) - {slowest}
        return tuple(
            np.zeros_like(times) if device in off else probability * (times - mean)
            for device, times, probability, mean in zip(
                self.layer_devices, self.operation_ms, probabilities, means, strict=True
            )
        )

    def _layer_ms(self, probabilities: Sequence[Floats]) -> list[float]:
        return [float(p @ times) for p, times in zip(probabilities, self.operation_ms, strict=True)]

    def _device_ms(self, layer_ms: Sequence[Any]) -> dict[str, Any]:
        totals: dict[str, Any] = {name: self.fixed_ms.get(name, 0.0) for name in device_order(self.topology)}
        for device, time_ms in zip(self.layer_devices, layer_ms, strict=True):
            totals[device] = totals[device] + time_ms
        return totals

    def _completion_ms(self, layer_ms: Sequence[Any]) -> Any:
        return completion_ms(self.topology, self._device_ms(layer_ms), self.sent_ms)

    def _group(self) -> tuple[str, ...]:
        return next((step for step in self.topology.path if isinstance(step, tuple)), ())

    def _slowest_branch(self, layer_ms: Sequence[float]) -> str:
        totals = self._device_ms(layer_ms)
        return max(self._group(), key=lambda name: totals[name] + self.sent_ms[name], default="")
