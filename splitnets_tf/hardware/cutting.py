"""Cutting a graph into parts that run on different devices."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from splitnets_tf.hardware.graph import Graph

__all__ = ["crossing_tensors", "cut", "part", "reorder"]


def crossing_tensors(graph: Graph, n: int) -> tuple[str, ...]:
    """Names the tensors that a cut after the first `n` operations has to send, each once.

    Args:
        graph: The network; its inputs exist on the near side of the cut.
        n: Number of operations on the near side, 0 to `len(graph.operations)`.

    Returns:
        Tensors (graph inputs included) that exist before the cut and are read behind it, in the graph's tensor order.

    Raises:
        ValueError: If `n` is out of range.
    """
    _check_position(graph, n)
    needed = {name for operation in graph.operations[n:] for name in operation.inputs}
    made = {name for operation in graph.operations[:n] for name in operation.outputs}
    return tuple(t.name for t in graph.tensors if t.name in needed and (t.name in made or t.name in graph.inputs))


def cut(graph: Graph, n: int) -> tuple[Graph | None, Graph | None]:
    """Cuts a graph after its first `n` operations.

    Every tensor that crosses, residual edges included, becomes an output of the head and an input of the tail, once.
    A result of the whole graph that is made in the head stays an output of the head.

    Args:
        graph: The network.
        n: Number of operations in the head, 0 to `len(graph.operations)`.

    Returns:
        Head and tail; None for the head at `n` = 0 and for the tail at `n` = all operations.

    Raises:
        ValueError: If `n` is out of range.
    """
    _check_position(graph, n)
    return part(graph, 0, n, "head"), part(graph, n, len(graph.operations), "tail")


def part(graph: Graph, start: int, end: int, name: str = "part") -> Graph | None:
    """Takes the operations from position `start` up to, not including, `end`.

    Args:
        graph: The network.
        start: First position.
        end: Position behind the last one.
        name: Name of the part, appended to the graph's.

    Returns:
        The part, None where it has no operation. Its inputs are the tensors that arrive, its outputs those that leave
        and the results made in it; a tensor that only passes through is both, for the device has to hold it.

    Raises:
        ValueError: If a position is out of range.
    """
    _check_position(graph, start)
    _check_position(graph, end)
    if start >= end:
        return None
    if start == 0 and end == len(graph.operations):
        return graph
    operations = graph.operations[start:end]
    inputs = graph.inputs if start == 0 else crossing_tensors(graph, start)
    made = [name for operation in operations for name in operation.outputs]
    leaving = crossing_tensors(graph, end)
    results = (name for name in graph.outputs if name in set(made) and name not in leaving)
    return Graph(
        name=f"{graph.name}/{name}",
        operations=operations,
        tensors=tuple(graph.tensor(tensor) for tensor in (*inputs, *made)),
        inputs=inputs,
        outputs=(*leaving, *results),
    )


def reorder(graph: Graph, first: Collection[str]) -> Graph:
    """Reorders the operations so that the named ones come first, keeping the order within both groups.

    Args:
        graph: The network.
        first: Names of operations; with each operation all that it depends on.

    Returns:
        The same network, cut by `cut(graph, len(first))` into the named operations and the rest.

    Raises:
        ValueError: If an operation of `first` depends on one that is not in it.
    """
    front = [operation for operation in graph.operations if operation.name in first]
    back = [operation for operation in graph.operations if operation.name not in first]
    rank = {name: i for i, name in enumerate(graph.inputs)}
    for operation in (*front, *back):
        for name in operation.outputs:
            rank[name] = len(rank)
    tensors = tuple(sorted(graph.tensors, key=lambda tensor: rank[tensor.name]))
    return replace(graph, operations=(*front, *back), tensors=tensors)


def _check_position(graph: Graph, n: int) -> None:
    if not 0 <= n <= len(graph.operations):
        raise ValueError(f"cut position {n} is outside 0..{len(graph.operations)} of graph {graph.name!r}")
