"""JMSNAS's differentiable search: expected latency, architecture parameters, derivation.

`loop`, which needs TensorFlow, is imported by whoever searches.
"""

from splitnets_tf.search.differentiable.alphas import AlphaState, latency_penalty, sample_network, sample_pairs, updated
from splitnets_tf.search.differentiable.derivation import DerivedNetwork, derive
from splitnets_tf.search.differentiable.latency import PlacedLatency
from splitnets_tf.search.differentiable.pricing import cloud_computing_ms, placed_latency, sent_bytes
from splitnets_tf.search.differentiable.settings import DifferentiableSettings

__all__ = [
    "AlphaState",
    "DerivedNetwork",
    "DifferentiableSettings",
    "PlacedLatency",
    "cloud_computing_ms",
    "derive",
    "latency_penalty",
    "placed_latency",
    "sample_network",
    "sample_pairs",
    "sent_bytes",
    "updated",
]
