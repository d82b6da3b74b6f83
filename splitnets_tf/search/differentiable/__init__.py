"""JMSNAS's differentiable search: expected latency, architecture parameters, derivation."""

from splitnets_tf.search.differentiable.derivation import DerivedNetwork, derive
from splitnets_tf.search.differentiable.latency import PlacedLatency

__all__ = ["DerivedNetwork", "PlacedLatency", "derive"]
