"""On which devices and processes a supernet trains. Free of TensorFlow until a strategy is opened."""

import dataclasses
import json
import os
from collections.abc import Mapping
from typing import Any

from splitnets_tf.errors import UserError

__all__ = ["STRATEGIES", "Cluster", "batch_parts", "check_strategy", "open_strategy", "read_cluster"]

STRATEGIES = ("single", "mirrored", "multi-worker", "tpu")
"""One device; all accelerators of this machine; all machines that TF_CONFIG names; a TPU (never tried)."""
_EXPECTED = 'expected {"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}'


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Cluster:
    """The processes that train together, and which of them this one is."""

    workers: tuple[str, ...]
    """Addresses `host:port`, the chief's first."""
    index: int
    """Place of this process."""

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the run directory and does what follows training."""
        return self.index == 0


def read_cluster(environment: Mapping[str, str] = os.environ) -> Cluster:
    """The cluster of the environment variable TF_CONFIG, the chief first.

    Raises:
        UserError: It is missing or describes no cluster of workers.
    """
    text = environment.get("TF_CONFIG", "")
    if not text:
        raise UserError(
            f"--strategy multi-worker needs the environment variable TF_CONFIG, which is not set; {_EXPECTED}"
        )
    try:
        data = json.loads(text)
        cluster, task = data["cluster"], data["task"]
        addresses = {kind: cluster.get(kind, []) for kind in ("chief", "worker")}
        kind, index = task["type"], int(task["index"])
        before = len(addresses["chief"]) if kind == "worker" else 0
        own = addresses[kind][index]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise UserError(
            f"TF_CONFIG does not describe a cluster and this process's place in it: {text}; {_EXPECTED}"
        ) from error
    workers = tuple(str(address) for address in [*addresses["chief"], *addresses["worker"]])
    if index < 0 or not isinstance(own, str) or not all(":" in address for address in workers):
        raise UserError(f"TF_CONFIG names no address host:port for each worker: {text}; {_EXPECTED}")
    return Cluster(workers=workers, index=before + index)


def check_strategy(name: str) -> None:
    """Make sure that a strategy is known.

    Raises:
        UserError: It isn't one of `STRATEGIES`.
    """
    if name not in STRATEGIES:
        raise UserError(f"unknown strategy {name!r}; known are {', '.join(STRATEGIES)}")


def open_strategy(name: str, batch_size: int) -> Any:
    """The `tf.distribute` strategy of a name; call it before anything else touches TensorFlow's devices.

    Args:
        name: One of `STRATEGIES`. `mirrored` takes every GPU, or where there is none every logical CPU device.
            `multi-worker` waits until all workers of TF_CONFIG are there.
        batch_size: Images of a step over all replicas.

    Raises:
        UserError: The devices cannot be had, or they do not divide the batch evenly.
    """
    import tensorflow as tf

    check_strategy(name)
    if name == "single":
        return tf.distribute.get_strategy()
    if name == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        strategy = tf.distribute.MirroredStrategy([device.name for device in devices])
    elif name == "multi-worker":
        read_cluster()
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    else:
        strategy = _tpu_strategy()
    replicas = strategy.num_replicas_in_sync
    if batch_size % replicas:
        raise UserError(
            f"a batch of {batch_size} images does not divide into {replicas} equal parts; change --batch-size"
        )
    return strategy


def _tpu_strategy() -> Any:
    import tensorflow as tf

    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver()
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, RuntimeError, tf.errors.OpError) as error:
        raise UserError(
            f"--strategy tpu: no TPU was found ({error}); set TPU_NAME or choose another strategy"
        ) from error
    return tf.distribute.TPUStrategy(resolver)


def batch_parts(batch_size: int, replicas: int, pipelines: int, pipeline: int) -> tuple[tuple[int, int], ...]:
    """Which rows of a step's batch one input pipeline delivers, one part after the other for each of its replicas.

    Args:
        batch_size: Images of a step over all replicas, a multiple of `replicas`.
        replicas: Replicas in all.
        pipelines: Input pipelines, one for each worker process.
        pipeline: Which of them.

    Returns:
        (first row, rows) of each replica of the pipeline.
    """
    rows, own = batch_size // replicas, replicas // pipelines
    return tuple((replica * rows, rows) for replica in range(pipeline * own, (pipeline + 1) * own))
