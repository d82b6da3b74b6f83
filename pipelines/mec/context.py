"""What every stage of a run shares: configuration, data, space, system, times."""

import dataclasses
import functools
from pathlib import Path

import numpy as np

from pipelines.imagenet.context import Context, open_data
from pipelines.mec.config import MecConfig
from pipelines.mec.other_runs import check_baselines, check_warmup
from pipelines.run_directory import RunDirectory, json_fingerprint
from splitnets_tf.errors import UserError
from splitnets_tf.files import sha256_of_file
from splitnets_tf.hardware import System, load_system
from splitnets_tf.search.differentiable import PlacedLatency, derive, placed_latency
from splitnets_tf.search.differentiable.outer_search import neighbouring_spaces, uniform_expected_ms
from splitnets_tf.space import (
    LayeredSpace,
    TimeModel,
    layered_space_to_dict,
    load_layered_space,
    mixed_layers,
    reference_times,
    system_times,
)

__all__ = ["MecContext", "constraint_ms", "open_mec"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class MecContext(Context):
    """A resolved run; its images are handled like those of the single-view pipeline."""

    config: MecConfig  # type: ignore[assignment]
    """All settings."""
    space: LayeredSpace  # type: ignore[assignment]
    """The layers."""

    @property
    def home(self) -> Path:
        """The run directory."""
        return self.run.path

    @property
    def warmup_home(self) -> Path:
        """The run directory that holds the warm-up: this run's, or the one that it was told to take it from."""
        return self.run.path if self.config.warmup_run is None else Path(self.config.warmup_run)

    @property
    def baselines_home(self) -> Path:
        """The run directory that holds the trained baselines: this run's, or the one that it was told to compare."""
        return self.run.path if self.config.baselines_run is None else Path(self.config.baselines_run)

    @functools.cached_property
    def models(self) -> dict[str, TimeModel]:
        """Processor -> U(.)."""
        return self.models_of(self.system)

    def models_of(self, system: System) -> dict[str, TimeModel]:
        """U(.) of the processors of a system that differs in speeds alone."""
        entries = dict(entry.split("=", 1) for entry in self.config.times)
        tables = {name: Path(path) for name, path in entries.items()}
        return system_times(system, reference_times(), tables)

    def latency_of(self, system: System) -> PlacedLatency:
        """The price of every candidate on a system that differs in speeds alone."""
        return placed_latency(self.space, system, self.models_of(system), self.num_classes, bits=self.config.bits)

    @functools.cached_property
    def latency(self) -> PlacedLatency:
        """The price of every candidate."""
        return self.latency_of(self.system)

    @functools.cached_property
    def limit_ms(self) -> float:
        """T_const."""
        return self.config.latency_ms or constraint_ms(self.latency)

    def inputs(self, *artefacts: Path) -> dict[str, str]:
        """Fingerprints of data, space, times and the named artefacts, for a stage's record."""
        times = [row.tolist() for row in self.latency.operation_ms]
        return {
            "data": self.source.fingerprint,
            "space": json_fingerprint(layered_space_to_dict(self.space)),
            "times": json_fingerprint([times, dict(self.latency.sent_ms), dict(self.latency.fixed_ms)]),
            **{str(path.relative_to(self.run.path)): sha256_of_file(path) for path in artefacts},
        }

    def baseline_inputs(self) -> dict[str, str]:
        """Fingerprints of what a baseline's training depends on; the rest is configuration."""
        epochs = self.config.equal_budget.epochs
        return {"data": self.source.fingerprint, "resolution": f"{self.space.resolution}", "epochs": f"{epochs}"}


def constraint_ms(latency: PlacedLatency, factor: float = 1.25) -> float:
    """A multiple of the fastest network's latency, to three digits."""
    fastest_ms = float(latency.network_ms([int(np.argmin(times)) for times in latency.operation_ms]))
    return float(f"{factor * fastest_ms:.3g}")


def open_mec(config: MecConfig, output_dir: Path) -> MecContext:
    """Load and check everything that needs neither a network nor TensorFlow.

    Args:
        config: The settings.
        output_dir: The run directory.

    Raises:
        UserError: A name, file, folder or value is wrong, or no network answers within the constraint.
    """
    context = MecContext(
        config=config,
        run=RunDirectory(output_dir),
        space=load_layered_space(config.space_name),
        system=load_system(config.system_name),
        source=open_data(config.data, config.seed),
    )
    topology = context.system.topology.kind
    if (topology == "mesh") != (config.topology == "mesh"):
        raise UserError(
            f"system {config.system_name} is a {topology}, but the topology asked for is a {config.topology}; name a "
            "system that is one, or change --topology"
        )
    mixed_layers(context.space, context.system.topology)
    if context.space.resolution > context.source.image_size:
        raise UserError(
            f"space {context.space.name} takes images of {context.space.resolution} pixels, but they are kept at "
            f"{context.source.image_size}; raise --image-size"
        )
    largest_batch = max(config.search.batch_size, config.train.batch_size)
    for split in ("train", "validation"):
        if context.count(split) < largest_batch:
            raise UserError(f"{context.count(split)} {split} images do not fill one batch of {largest_batch}")
    if config.outer_search:
        context = dataclasses.replace(context, space=_best_assignment(context))
    derive(context.latency, [0.0 * times for times in context.latency.operation_ms], context.limit_ms)
    check_warmup(config, context.inputs())
    check_baselines(config, config.baselines.names, context.baseline_inputs())
    return context


def _best_assignment(context: MecContext) -> LayeredSpace:
    """Of all ways to deal the layers out, the one of least expected latency."""
    path = context.system.topology.path
    parallel = next((place for place, step in enumerate(path) if isinstance(step, tuple)), None)

    def expected(space: LayeredSpace) -> float:
        return uniform_expected_ms(dataclasses.replace(context, space=space).latency)

    return min(neighbouring_spaces(context.space, parallel), key=expected)
