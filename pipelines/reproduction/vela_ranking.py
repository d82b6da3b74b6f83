"""How well multiply-accumulates over peak speed rank networks, judged by Arm's Vela: the study `vela-ranking`."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from splitnets_tf.hardware import System, split_cost
from splitnets_tf.space import Architecture, SearchSpace, architecture_graph, sample
from tflite_export import vela_costs

__all__ = ["kendall_tau", "ranking_study", "study_architectures"]

RESAMPLES = 1000
_PARTS = ("sensor_ms", "aggregator_ms", "latency_ms")


def study_architectures(space: SearchSpace, count: int, seed: int) -> list[Architecture]:
    """Different random architectures with one split each, uniform in their genes."""
    rng = np.random.default_rng(seed)
    found: dict[Architecture, None] = {}
    while len(found) < count:
        architecture = sample(space, rng)
        if architecture.split is not None:
            found[architecture] = None
    return list(found)


def ranking_study(
    space: SearchSpace,
    system: System,
    architectures: Sequence[Architecture],
    num_classes: int,
    *,
    seed: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Price architectures with the cost model and with Vela, and compare the orders.

    Args:
        space: Of the architectures.
        system: The devices.
        architectures: Networks with one split each.
        num_classes: Width of the logits.
        seed: Of the bootstrap.
        on_progress: Called with the number of networks done and in total.

    Returns:
        `rows` with both figures of each network in ms, `tau` with its interval and `ratio` (Vela's time over the cost
        model's: 5th, 50th and 95th percentile) for sensor, aggregator and total, `seconds_per_network`.

    Raises:
        UserError: Vela is not installed.
    """
    graphs = [architecture_graph(space, each, num_classes) for each in architectures]
    started = time.monotonic()
    costs = vela_costs([(built.graph, built.sensor_operations) for built in graphs], system, on_progress)
    seconds = (time.monotonic() - started) / len(architectures)
    rows = []
    for architecture, built, vela in zip(architectures, graphs, costs, strict=True):
        cost = split_cost(built.graph, built.sensor_operations, system)
        model = (cost.sensor.latency_ms, cost.aggregator.latency_ms, cost.latency_ms)
        rows.append(
            {
                "id": architecture.short_id,
                "link_ms": vela.link_ms,
                "cpu_operations": vela.cpu_operations,
                "cost_model": dict(zip(_PARTS, model, strict=True)),
                "vela": {part: getattr(vela, part) for part in _PARTS},
            }
        )
    figures = {}
    for part in _PARTS:
        model_ms, vela_ms = (np.array([row[by][part] for row in rows]) for by in ("cost_model", "vela"))
        percentiles = np.percentile(vela_ms / model_ms, [5, 50, 95])
        figures[part] = {
            "tau": kendall_tau(model_ms, vela_ms, seed),
            "ratio": dict(zip(("p5", "median", "p95"), percentiles.tolist(), strict=True)),
        }
    return {"architectures": len(rows), "seconds_per_network": seconds, "agreement": figures, "rows": rows}


def kendall_tau(first: np.ndarray, second: np.ndarray, seed: int) -> dict[str, float]:
    """Kendall's tau-b with a 95 % interval bootstrapped over networks."""
    from scipy.stats import kendalltau

    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(RESAMPLES):
        rows = rng.integers(0, len(first), len(first))
        draws.append(kendalltau(first[rows], second[rows]).statistic)
    low, high = np.nanpercentile(draws, [2.5, 97.5])
    return {"value": float(kendalltau(first, second).statistic), "low": float(low), "high": float(high)}
