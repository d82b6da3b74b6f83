"""Cuts and parts of a .tflite file for people, and the same figures as plain data."""

from collections.abc import Sequence
from typing import Any

from splitnets_tf.hardware import Graph, System, latency_ms, part, total_macs
from tflite_export.file_cuts import device_bytes, legal_file_cuts, predict_ms
from tflite_export.file_parts import SplitFile
from tflite_export.terminal import console

__all__ = ["list_cuts", "report_split"]


def list_cuts(graph: Graph, system: System) -> dict[str, Any]:
    """Print the legal cuts of a file with their price on a system; returns the same as plain data."""
    from rich.table import Table

    table = Table(title=f"Legal cuts of {graph.name} on {system.name}")
    table.add_column("tensor (for --at)", overflow="fold")
    for heading in ("sent", "bytes", "latency ms", "sensor bytes"):
        table.add_column(heading, justify="right")
    table.add_column("fits")
    rows = []
    for cut in legal_file_cuts(graph, system):
        needs = [device_bytes(part(graph, 0, cut.position)), device_bytes(part(graph, cut.position, _end(graph)))]
        limits = (system.sensor.memory_bytes, system.aggregator.memory_bytes)
        fits = all(limit is None or need <= limit for need, limit in zip(needs, limits, strict=True))
        numbers = (f"{len(cut.crossing)}", f"{cut.link_bytes:,}", f"{cut.latency_ms:.4g}", f"{needs[0]:,}")
        table.add_row(cut.tensor, *numbers, "yes" if fits else "no")
        rows.append(cut.to_dict() | {"sensor_bytes": needs[0], "aggregator_bytes": needs[1], "fits": fits})
    out = console()
    out.print(table)
    out.print("sensor bytes: weights + planned arena of the part before the cut")
    return {"schema_version": 1, "model": graph.name, "system": system.name, "cuts": rows} | _unsplit(graph, system)


def report_split(made: SplitFile, graph: Graph, positions: Sequence[int], system: System) -> dict[str, Any]:
    """Print what was written and what it should cost; returns the same as plain data."""
    from rich.table import Table

    table = Table(title=f"{made.model} in {len(made.parts)} parts")
    table.add_column("file", overflow="fold")
    for heading in ("MACs", "weights", "arena", "takes", "gives"):
        table.add_column(heading, justify="right")
    for piece in made.parts:
        sizes = (piece.macs, piece.weight_bytes, piece.arena_bytes, *map(_size, (piece.inputs, piece.outputs)))
        table.add_row(str(piece.path), *(f"{size:,}" for size in sizes))
    out = console()
    out.print(table)
    for piece in made.parts:
        for tensor in piece.inputs:
            shape = "x".join(map(str, tensor.shape))
            out.print(f"{piece.path.name} takes {tensor.name} from {tensor.source}: {tensor.type} {shape}")
    out.print(
        f"In sequence equal to the whole, bit for bit, on {made.checked_inputs} random inputs ({made.checked_with})"
    )
    predicted = predict_ms(graph, positions, system)
    unsplit = _unsplit(graph, system)
    if predicted is None:
        out.print(f"No latency predicted: {len(made.parts)} parts, {system.name} has {len(system.chain)} devices")
    else:
        out.print(
            f"Predicted on {system.name}: {predicted:.4g} ms; whole on the first device "
            f"{unsplit['all_on_sensor_ms']:.4g} ms, on the last {unsplit['all_on_aggregator_ms']:.4g} ms"
        )
    return made.to_dict() | {"system": system.name, "positions": list(positions), "latency_ms": predicted} | unsplit


def _unsplit(graph: Graph, system: System) -> dict[str, float]:
    """What running everything on one side would take; the input is sent in the file's own element type."""
    size = sum(graph.tensor(name).size_bytes for name in graph.inputs)
    macs = total_macs(graph)
    return {
        "all_on_sensor_ms": latency_ms(macs, system.sensor.macs_per_s),
        "all_on_aggregator_ms": system.sensor_to_aggregator_ms(size) + latency_ms(macs, system.aggregator.macs_per_s),
    }


def _end(graph: Graph) -> int:
    return len(graph.operations)


def _size(tensors: Sequence[Any]) -> int:
    return sum(tensor.bytes for tensor in tensors)
