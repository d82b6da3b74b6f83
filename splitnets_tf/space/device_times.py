"""Which operations a layered space needs times of, and U(.) of every device of a system.

Only this project's reference machine was measured. Another device's times are the measured ones times the ratio of
speeds: the table's multiply-accumulates a second over those of the system file. This keeps the shape of the
measurement (depthwise operations are slower than their multiply-accumulates say) and takes the level from the system
file, where each speed says whether it is assumed. A table that was measured on the device itself replaces both.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from splitnets_tf.errors import UserError
from splitnets_tf.hardware import System, Topology
from splitnets_tf.space.layered_space import LayeredSpace, head_input, mixed_layers
from splitnets_tf.space.operation_times import (
    OperationShape,
    OperationTimes,
    TimeModel,
    operation_shape,
    read_operation_times,
)
from splitnets_tf.space.placed_network import head_blocks_of, stem_of

__all__ = ["REFERENCE_TABLE", "needed_shapes", "reference_times", "system_times"]

REFERENCE_TABLE = "x86-64-litert.csv"
"""The table that ships with the project."""


def reference_times() -> OperationTimes:
    """The table that ships with the project."""
    with resources.as_file(resources.files(__package__) / "operation_tables" / REFERENCE_TABLE) as path:
        return read_operation_times(path)


def needed_shapes(space: LayeredSpace, topology: Topology, num_classes: int) -> tuple[OperationShape, ...]:
    """Every operation that some network of a space has, each once, the identity left out."""
    shapes = {operation_shape(stem_of(space), space.resolution)}
    for layer in mixed_layers(space, topology):
        blocks = [layer.block(choice) for choice in layer.candidates]
        shapes |= {operation_shape(block, layer.size) for block in blocks if block is not None}
    channels, size = head_input(space, topology)
    shapes |= {operation_shape(block, size) for block in head_blocks_of(space, channels, num_classes)}
    return tuple(sorted(shapes))


def system_times(
    system: System, reference: OperationTimes, tables: Mapping[str, Path] | None = None
) -> dict[str, TimeModel]:
    """U(.) of every processor.

    Args:
        system: Devices with their speeds.
        reference: What was measured on the reference machine.
        tables: Processor -> CSV of times that were measured on it.

    Raises:
        UserError: There is no such processor, or a table cannot be read.
    """
    names = [processor.name for processor in system.processors]
    unknown = sorted(set(tables or ()) - set(names))
    if unknown:
        raise UserError(f"system {system.name} has no processor {unknown[0]!r}; it has {names}")
    models = {}
    for processor in system.processors:
        if tables and processor.name in tables:
            path = tables[processor.name]
            times = read_operation_times(path)
            models[processor.name] = TimeModel(times=times, source=f"measured: {times.device}")
            continue
        models[processor.name] = TimeModel(
            times=reference,
            factor=reference.macs_per_s / processor.macs_per_s,
            source=f"{processor.source}; shape of the times: {reference.device}",
            assumed=True,
        )
    return models
