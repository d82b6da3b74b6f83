"""What every stage of a multi-view run shares: objects in several views, and MVCNN as the baseline."""

import dataclasses
import functools
from pathlib import Path
from typing import ClassVar

import numpy as np

from pipelines.imagenet.context import Context, check_context, parts_of_context
from pipelines.modelnet.config import ModelnetConfig
from pipelines.modelnet.mvcnn import mvcnn_placements
from splitnets_tf.data import Split, StoredImages, ViewArrays
from splitnets_tf.errors import UserError
from splitnets_tf.partition import Partition, all_on_aggregator, partition_at
from splitnets_tf.space import architecture_graph

__all__ = ["ViewContext", "open_view_context"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ViewContext(Context):
    """A resolved multi-view run; where the single-view one speaks of images, these are objects in all their views."""

    latency_share: ClassVar[float] = 0.2
    unit: ClassVar[str] = "objects"
    config: ModelnetConfig

    @functools.cached_property
    def baselines(self) -> tuple[Partition, ...]:
        """Every MVCNN and the largest network fused last, all on the aggregator and split where they fuse."""
        return (*self.mvcnn, *self.late_fusion)

    @functools.cached_property
    def mvcnn(self) -> tuple[Partition, ...]:
        """Every MVCNN in both placements."""
        return tuple(
            placement
            for backbone in self.config.backbones
            for placement in mvcnn_placements(backbone, self.space, self.num_classes, self.system)
        )

    @property
    def best_baseline(self) -> Partition | None:
        """The fastest feasible MVCNN; what is fused last comes out of the same supernet as the chosen network."""
        feasible = [placement for placement in self.mvcnn if placement.feasible]
        return min(feasible, key=lambda placement: placement.latency_ms, default=None)

    @functools.cached_property
    def late_fusion(self) -> tuple[Partition, ...]:
        """The space's largest network, fused behind its last block, on the aggregator and split there."""
        built = architecture_graph(self.space, self.space.largest(), self.num_classes)
        views = self.space.views
        return (
            all_on_aggregator(built.graph, self.system, views=views),
            partition_at("split-at-fusion", built.graph, (built.sensor_operations,), self.system, views=views),
        )

    def total(self, split: Split) -> int:
        """Number of objects of a split as the source has them."""
        return self.source.count(split) // self.source.views

    def read(self, split: Split, rows: np.ndarray | None) -> ViewArrays:
        """The objects of a split in all their views, read anew; None for all."""
        return self.source.view_arrays(split) if rows is None else self.source.view_rows(split, rows)

    def stored(self, split: Split) -> tuple[StoredImages, np.ndarray]:
        """A split that doesn't fit in memory: views that are read as they are needed, and labels."""
        return self.source.stored_views(split), self.source.object_labels(split)


def open_view_context(config: ModelnetConfig, output_dir: Path, *, checkpoint_minutes: float = 10.0) -> ViewContext:
    """Load and check everything that needs neither a network nor TensorFlow.

    The space takes the number of views from the data, so that spaces of single images serve as well.

    Args:
        config: The settings.
        output_dir: The run directory.
        checkpoint_minutes: Minutes between two checkpoints within an epoch of supernet training.

    Raises:
        UserError: A name, file, folder or value is wrong, or nothing satisfies the constraints.
    """
    parts = parts_of_context(config, output_dir, checkpoint_minutes)
    source, space = parts["source"], parts["space"]
    if source.views < 2:
        raise UserError(
            f"data set {source.name} has one view of each object; name components, modelnet40 or mesh-folder, or run "
            "python -m pipelines.imagenet"
        )
    fusion = config.view_fusion or space.view_fusion
    parts["space"] = dataclasses.replace(space, views=source.views, view_fusion=fusion)
    context = ViewContext(**parts)
    check_context(context)
    return context
