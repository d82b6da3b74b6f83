"""Splitting a network that exists already over the devices of a system."""

from splitnets_tf.partition.dads import dads
from splitnets_tf.partition.hivemind import hivemind
from splitnets_tf.partition.keras_halves import KerasHalves, keras_halves
from splitnets_tf.partition.positions import CutTable, cut_table, last_working, legal_cuts
from splitnets_tf.partition.result import Partition, partition_at
from splitnets_tf.partition.two_devices import all_on_aggregator, all_on_sensor, neurosurgeon

__all__ = [
    "CutTable",
    "KerasHalves",
    "Partition",
    "all_on_aggregator",
    "all_on_sensor",
    "cut_table",
    "dads",
    "hivemind",
    "keras_halves",
    "last_working",
    "legal_cuts",
    "neurosurgeon",
    "partition_at",
]
