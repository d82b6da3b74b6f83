"""What every stage of a run shares: configuration, data, space, system."""

import dataclasses
import functools
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from pipelines.imagenet.config import DataSettings, ImagenetConfig
from pipelines.imagenet.mobilenet import check_mobilenet
from pipelines.imagenet.other_supernet import check_supernet
from pipelines.run_directory import RunDirectory, json_fingerprint
from splitnets_tf.data import DataSource, ImageArrays, Split, StoredImages, ViewArrays, open_source
from splitnets_tf.errors import UserError
from splitnets_tf.files import sha256_of_file
from splitnets_tf.hardware import System, load_system
from splitnets_tf.partition import Partition, all_on_aggregator, all_on_sensor, neurosurgeon
from splitnets_tf.search import (
    AnalyticCost,
    Constraint,
    FeasibilityProblem,
    check_feasible,
    memory_constraints,
    parse_constraints,
)
from splitnets_tf.space import SearchSpace, architecture_graph, load_space, space_to_dict
from splitnets_tf.supernet import Cluster, read_cluster

__all__ = ["Arrays", "Context", "check_context", "open_context", "open_data", "parts_of_context", "spread_rows"]

Arrays = ImageArrays | ViewArrays
"""Single images, or objects in several views."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Context:
    """A resolved run."""

    latency_share: ClassVar[float] = 0.5
    """Share of the best feasible baseline's latency that the choice may take, and that is claimed."""
    unit: ClassVar[str] = "images"
    """What is classified."""
    config: ImagenetConfig
    """All settings."""
    run: RunDirectory
    """Where results go."""
    source: DataSource
    """The images."""
    space: SearchSpace
    """The architectures."""
    system: System
    """The hardware."""
    cluster: Cluster | None = None
    """The processes that train together, where there are several."""
    checkpoint_interval_s: float = 600.0
    """Seconds between two checkpoints within an epoch of supernet training."""

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the run directory and does all that follows training."""
        return self.cluster is None or self.cluster.is_chief

    @property
    def num_classes(self) -> int:
        """Number of logits."""
        return len(self.source.class_names)

    def path(self, *parts: str) -> Path:
        """A path in the run directory."""
        return self.run.path.joinpath(*parts)

    @property
    def home(self) -> Path:
        """The run directory that holds the supernet: this run's, or the one that it was told to take it from."""
        return self.run.path if self.config.supernet_run is None else Path(self.config.supernet_run)

    @functools.cached_property
    def cost(self) -> AnalyticCost:
        """The cost model bound to space and system."""
        return AnalyticCost(self.space, self.system, self.num_classes)

    @functools.cached_property
    def constraints(self) -> tuple[Constraint, ...]:
        """The sensor's memory, and what the user added."""
        return (*memory_constraints(self.system), *parse_constraints(self.config.constraints))

    @functools.cached_property
    def problem(self) -> FeasibilityProblem:
        """What the search may propose."""
        return FeasibilityProblem(space=self.space, cost=self.cost, constraints=self.constraints)

    @functools.cached_property
    def baselines(self) -> tuple[Partition, ...]:
        """The largest network without a split on the sensor, on the aggregator, and cut by Neurosurgeon."""
        graph = architecture_graph(self.space, self.space.largest(), self.num_classes).graph
        placements = [all_on_sensor(graph, self.system), all_on_aggregator(graph, self.system)]
        placements += [neurosurgeon(graph, self.system, memory_limit=limit) for limit in (True, False)]
        return tuple(placements)

    @property
    def best_baseline(self) -> Partition | None:
        """The fastest feasible baseline; all of them are the same network, so none is more accurate."""
        feasible = [baseline for baseline in self.baselines if baseline.feasible]
        return min(feasible, key=lambda baseline: baseline.cost.latency_ms, default=None)

    @functools.cached_property
    def _arrays(self) -> dict[Split, Arrays]:
        return {}

    def arrays(self, split: Split) -> Arrays:
        """The images of a split, read once; with `data.max_images`, evenly spread ones."""
        if split not in self._arrays:
            self._arrays[split] = self.read(split, self._rows(split))
        return self._arrays[split]

    def sample(self, split: Split, count: int | None) -> Arrays:
        """At most `count` of the images of `arrays`, evenly spread; all of them for None."""
        rows = spread_rows(self.count(split), count)
        if self.source.fits_in_memory:
            arrays = self.arrays(split)
            return arrays if len(rows) == len(arrays.labels) else arrays.take(rows)
        all_rows = self._rows(split)
        return self.read(split, rows if all_rows is None else all_rows[rows])

    def read(self, split: Split, rows: np.ndarray | None) -> Arrays:
        """The rows of a split as the source has them, read anew; None for all."""
        return self.source.arrays(split, rows)

    def total(self, split: Split) -> int:
        """Number of images (in several views: objects) of a split as the source has them."""
        return self.source.count(split)

    def stored(self, split: Split) -> tuple[StoredImages, np.ndarray]:
        """A split that doesn't fit in memory: images that are read as they are needed, and labels."""
        return self.source.stored(split), self.source.split_labels(split)

    def training_images(self) -> tuple[np.ndarray | StoredImages, np.ndarray]:
        """What networks learn from: images, in memory or read as they are needed, and their labels."""
        if self.source.fits_in_memory or self._rows("train") is not None:
            arrays = self.arrays("train")
            return arrays.images, arrays.labels
        return self.stored("train")

    def count(self, split: Split) -> int:
        """Number of images of a split, after `data.max_images`."""
        count = self.total(split)
        return min(count, self.config.data.max_images or count)

    def _rows(self, split: Split) -> np.ndarray | None:
        """Rows that `data.max_images` leaves; None for all."""
        total = self.total(split)
        return None if self.count(split) == total else spread_rows(total, self.config.data.max_images)

    def inputs(self, *artefacts: Path) -> dict[str, str]:
        """Fingerprints of the data, the space and the named artefacts, for a stage's record."""
        named = {self._name(path): sha256_of_file(path) for path in artefacts}
        return {"data": self.source.fingerprint, "space": json_fingerprint(space_to_dict(self.space)), **named}

    def _name(self, path: Path) -> str:
        root = self.run.path if path.is_relative_to(self.run.path) else self.home
        return str(path.relative_to(root))


def _check_fit(context: Context) -> None:
    """What no part can see alone: whether images, space, system and settings suit one another.

    Raises:
        UserError: They do not.
    """
    config, source = context.config, context.source
    if len(context.system.hops) != 1:
        raise UserError(
            f"system {context.system.name} has {len(context.system.chain)} devices in a row; this pipeline splits over "
            "one sensor and one aggregator, so name a system of two"
        )
    if context.space.resolutions[-1] > source.image_size:
        raise UserError(
            f"space {context.space.name} takes images of up to {context.space.resolutions[-1]} pixels, but they are "
            f"kept at {source.image_size}; raise --image-size or lower the space's resolutions"
        )
    count = context.count("train")
    largest_batch = max(config.train.batch_size, config.fine_tune.batch_size)
    if count < largest_batch:
        raise UserError(f"{count} training {context.unit} do not fill one batch of {largest_batch}; lower --batch-size")
    workers = len(context.cluster.workers) if context.cluster else 1
    if config.train.batch_size % workers:
        raise UserError(
            f"a batch of {config.train.batch_size} images does not divide into parts for {workers} workers; change "
            "--batch-size"
        )
    _ = context.baselines  # refuses a system on which no placement of the baseline fits


def spread_rows(total: int, count: int | None) -> np.ndarray:
    """At most `count` of `total` rows, evenly spread; all of them for None."""
    if count is None or count >= total:
        return np.arange(total)
    return np.linspace(0, total - 1, count).astype(int)


def open_context(config: ImagenetConfig, output_dir: Path, *, checkpoint_minutes: float = 10.0) -> Context:
    """Load and check everything that needs neither a network nor TensorFlow.

    Args:
        config: The settings.
        output_dir: The run directory.
        checkpoint_minutes: Minutes between two checkpoints within an epoch of supernet training.

    Raises:
        UserError: A name, file, folder or value is wrong, or nothing satisfies the constraints.
    """
    context = Context(**parts_of_context(config, output_dir, checkpoint_minutes))
    if context.space.views > 1:
        raise UserError(
            f"space {context.space.name} fuses {context.space.views} views of each object; search it with "
            "python -m pipelines.modelnet, or name a space of single images"
        )
    check_context(context)
    if config.full:
        check_mobilenet(context.space, context.num_classes, context.system)
    return context


def parts_of_context(config: ImagenetConfig, output_dir: Path, checkpoint_minutes: float) -> dict[str, Any]:
    """The fields of a context, loaded; see `open_context`."""
    if not checkpoint_minutes >= 0:
        raise UserError(f"--checkpoint-minutes must not be negative, received {checkpoint_minutes}")
    return {
        "config": config,
        "cluster": read_cluster() if config.strategy == "multi-worker" else None,
        "checkpoint_interval_s": 60.0 * checkpoint_minutes,
        "run": RunDirectory(output_dir),
        "space": load_space(config.space),
        "system": load_system(config.system),
        "source": open_data(config.data, config.seed),
    }


def open_data(settings: DataSettings, seed: int) -> DataSource:
    """The data set of a run; meshes that are not in the cache of views yet are rendered."""
    return open_source(
        dataset=settings.dataset,
        data_dir=settings.data_dir,
        image_size=settings.image_size,
        seed=seed,
        cache_dir=settings.cache_dir,
    )


def check_context(context: Context) -> None:
    """Check all that can be known before anything is trained.

    Raises:
        UserError: What does not fit is named.
    """
    _check_fit(context)
    check_supernet(context.config, context.inputs())
    check_feasible(context.problem, np.random.default_rng(context.config.search.seed))
