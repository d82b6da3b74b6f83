"""Splitting a network that exists already over the devices of a system."""

from splitnets_tf.partition.dads import dads
from splitnets_tf.partition.distillation_models import DistillationModels, build_distillation, feature_loss
from splitnets_tf.partition.head_distillation import (
    Convolution,
    HeadStudent,
    design_student,
    head_distillation,
    head_student,
    student_graph,
    teacher_cut,
)
from splitnets_tf.partition.hivemind import hivemind
from splitnets_tf.partition.keras_halves import KerasHalves, keras_halves
from splitnets_tf.partition.positions import CutTable, cut_table, last_working, legal_cuts
from splitnets_tf.partition.result import Partition, partition_at
from splitnets_tf.partition.two_devices import all_on_aggregator, all_on_sensor, neurosurgeon

__all__ = [
    "Convolution",
    "CutTable",
    "DistillationModels",
    "HeadStudent",
    "KerasHalves",
    "Partition",
    "all_on_aggregator",
    "all_on_sensor",
    "build_distillation",
    "cut_table",
    "dads",
    "design_student",
    "feature_loss",
    "head_distillation",
    "head_student",
    "hivemind",
    "keras_halves",
    "last_working",
    "legal_cuts",
    "neurosurgeon",
    "partition_at",
    "student_graph",
    "teacher_cut",
]
