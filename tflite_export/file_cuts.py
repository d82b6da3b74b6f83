"""Where a .tflite file can be cut, and what each cut costs on a system. No TensorFlow.

A cut is a position in the file's order of operators. Everything that was made before it and is read behind it crosses,
so every position is legal at which the part before it makes something that crosses.
"""

import dataclasses
import difflib
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

from splitnets_tf.errors import UserError
from splitnets_tf.hardware import (
    Graph,
    Processor,
    System,
    crossing_tensors,
    latency_ms,
    part,
    plan_arena,
    total_macs,
    transfer_ms,
    weight_bytes,
)

__all__ = ["FileCut", "device_bytes", "fastest_cut", "find_cut", "legal_file_cuts", "predict_ms"]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class FileCut:
    """One place at which a file can be cut in two."""

    position: int
    """Operations before it."""
    tensor: str
    """Result of the last operation before it; the name that `--at` takes."""
    crossing: tuple[str, ...]
    """Tensors that are sent, each once."""
    link_bytes: int
    """Their bytes, in the element types of the file."""
    latency_ms: float | None
    """Predicted time from input to answer; None without a system."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return dataclasses.asdict(self) | {"crossing": list(self.crossing)}


def legal_file_cuts(graph: Graph, system: System | None = None) -> tuple[FileCut, ...]:
    """Lists the cuts of a file.

    Args:
        graph: The file as `read_tflite` gives it.
        system: Its first and last processor hold the two parts; processors between them pass the bytes on.

    Returns:
        The cuts in the order of the file; none where the network has a single operation.
    """
    macs = list(accumulate((op.macs for op in graph.operations), initial=0))
    cuts = []
    for position in range(1, len(graph.operations)):
        crossing = crossing_tensors(graph, position)
        if all(name in graph.inputs for name in crossing):
            continue
        size = _bytes_of(graph, crossing)
        time_ms = None
        if system is not None:
            time_ms = (
                latency_ms(macs[position], system.sensor.macs_per_s)
                + system.sensor_to_aggregator_ms(size)
                + latency_ms(macs[-1] - macs[position], system.aggregator.macs_per_s)
            )
        name = graph.operations[position - 1].outputs[0]
        cuts.append(FileCut(position=position, tensor=name, crossing=crossing, link_bytes=size, latency_ms=time_ms))
    return tuple(cuts)


def find_cut(tensor: str, graph: Graph) -> int:
    """The position behind the operation that makes a tensor.

    Args:
        tensor: Its name, or a part of it that no other operation's result has; converters make names long.
        graph: The file as `read_tflite` gives it.

    Raises:
        UserError: There is no such tensor or there are several, or the file cannot be cut behind it.
    """
    makers = {name: position for position, op in enumerate(graph.operations, start=1) for name in op.outputs}
    found = [tensor] if tensor in makers else [name for name in makers if tensor in name]
    legal = legal_file_cuts(graph)
    if len(found) == 1:
        if makers[found[0]] not in {cut.position for cut in legal}:
            raise UserError(f"{graph.name}: behind {tensor!r} nothing is left to compute; --list shows the legal cuts")
        return makers[found[0]]
    if found:
        raise UserError(
            f"{graph.name}: {len(found)} tensors have {tensor!r} in their name, such as {found[:2]}; say more"
        )
    near = difflib.get_close_matches(tensor, [cut.tensor for cut in legal], n=1)
    hint = f"did you mean {near[0]!r}?" if near else "--list shows the legal ones"
    raise UserError(f"{graph.name}: no operation makes a tensor {tensor!r}; {hint}")


def fastest_cut(graph: Graph, system: System) -> FileCut:
    """The cut of lowest predicted latency whose parts fit, weights and arena, into their processors' memory.

    Among equally fast cuts the last one is taken, so that what follows a convolution stays with it.

    Args:
        graph: The file as `read_tflite` gives it.
        system: Its first and last processor hold the two parts.

    Raises:
        UserError: The file has no cut, or none fits.
    """
    cuts = legal_file_cuts(graph, system)
    if not cuts:
        raise UserError(f"{graph.name}: it has one operation only and cannot be cut")
    for cut in sorted(cuts, key=lambda cut: (cut.latency_ms, -cut.position)):
        head, tail = part(graph, 0, cut.position), part(graph, cut.position, len(graph.operations))
        if _fits(head, system.sensor) and _fits(tail, system.aggregator):
            return cut
    room = ", ".join(f"{p.name} {p.memory_bytes or 'unlimited'}" for p in (system.sensor, system.aggregator))
    raise UserError(
        f"{graph.name}: at no cut do weights and arena fit into the memory of {system.name} (bytes: {room}); choose a "
        "larger system, a smaller network, or a place of your own with --at"
    )


def predict_ms(graph: Graph, positions: Sequence[int], system: System) -> float | None:
    """Predicted time from input to answer: computing at peak speed and sending, nothing overlaps.

    Args:
        graph: The file as `read_tflite` gives it.
        positions: Ascending cuts: one, or one for each link of the system's chain.
        system: The devices. With one cut, processors between the first and the last pass the bytes on.

    Returns:
        Milliseconds; None where the number of parts suits neither.
    """
    hops, chain = system.hops, system.chain
    cuts = tuple(positions) if len(positions) == len(hops) else tuple(positions) * len(hops)
    if len(cuts) != len(hops):
        return None
    total_ms = 0.0
    for (start, end), device in zip(pairwise((0, *cuts, len(graph.operations))), chain, strict=True):
        piece = part(graph, start, end)
        total_ms += latency_ms(total_macs(piece) if piece else 0, device.macs_per_s)
    for position, hop in zip(cuts, hops, strict=True):
        total_ms += transfer_ms(_bytes_of(graph, crossing_tensors(graph, position)), hop.share_bytes_per_s)
    return total_ms


def device_bytes(graph: Graph | None) -> int:
    """Weights plus planned arena of a part; 0 where there is none."""
    return 0 if graph is None else weight_bytes(graph) + plan_arena(graph).arena_bytes


def _fits(graph: Graph | None, processor: Processor) -> bool:
    return processor.memory_bytes is None or device_bytes(graph) <= processor.memory_bytes


def _bytes_of(graph: Graph, names: Sequence[str]) -> int:
    return sum(graph.tensor(name).size_bytes for name in names)
