"""Single-view supernet: construction, sandwich training, calibration, and networks taken out of it.

Names that need TensorFlow are imported when they are first used.
"""

import importlib
from typing import Any

from splitnets_tf.supernet.distribution import STRATEGIES, Cluster, check_strategy, open_strategy, read_cluster
from splitnets_tf.supernet.settings import SandwichSettings, SupernetSettings, TrainingSettings

_LAZY = {
    "CheckpointCallback": "checkpoints",
    "NetworkModels": "materialize",
    "SubnetworkEvaluator": "evaluation",
    "Position": "checkpoints",
    "RandAugment": "rand_augment",
    "Supernet": "supernet",
    "ValidationCallback": "evaluation",
    "augment_batch": "images",
    "build_network": "materialize",
    "get_network_weights": "materialize",
    "load_network_weights": "materialize",
    "resize_batch": "images",
    "restore_latest": "checkpoints",
    "sandwich_vectors": "sandwich",
    "save_network_weights": "materialize",
    "set_network_weights": "materialize",
    "steps_per_epoch": "input_pipeline",
    "subnetwork_weights": "materialize",
    "train_network": "training",
    "train_supernet": "training",
    "training_batches": "input_pipeline",
    "wait_for_all": "replicas",
}

__all__ = [
    "STRATEGIES",
    "Cluster",
    "SandwichSettings",
    "SupernetSettings",
    "TrainingSettings",
    "check_strategy",
    "open_strategy",
    "read_cluster",
    *_LAZY,
]


def __getattr__(name: str) -> Any:
    """Import a name's module on first use."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
