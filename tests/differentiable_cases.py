"""Latencies with random times, for chains and meshes."""

import itertools

import numpy as np

from splitnets_tf.hardware import Topology, device_order
from splitnets_tf.search.differentiable import PlacedLatency

CHAIN = Topology(kind="chain", path=("ue", "sbs", "cloud"))
MESH = Topology(kind="mesh", path=("ue", "sbs", ("a", "b", "c"), "cloud"))


def random_latency(topology, layers_each, candidates, seed):
    rng = np.random.default_rng(seed)
    names = device_order(topology)
    devices = tuple(name for name in names for _ in range(layers_each))
    times = tuple(rng.uniform(0.1, 2.0, candidates) for _ in devices)
    return PlacedLatency(
        topology=topology,
        layer_devices=devices,
        operation_ms=times,
        fixed_ms={names[0]: 0.3, names[-1]: 0.2},
        sent_ms={name: 0.0 if name == names[-1] else float(rng.uniform(0.1, 1)) for name in names},
    )


def random_scores(latency, seed, spread=2.0):
    rng = np.random.default_rng(seed)
    scores = []
    for times in latency.operation_ms:
        alphas = rng.normal(0, spread, len(times))
        scores.append(alphas - np.log(np.exp(alphas).sum()))
    return scores


def all_choices(latency):
    return np.array(list(itertools.product(*(range(len(times)) for times in latency.operation_ms)))).T
