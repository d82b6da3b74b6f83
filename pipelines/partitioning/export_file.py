"""Writes the parts of a partitioned .tflite file."""

from __future__ import annotations

from pathlib import Path

from splitnets_tf.errors import UserError
from splitnets_tf.hardware import Graph
from splitnets_tf.partition import Partition
from tflite_export.file_parts import SplitFile, split_file

__all__ = ["export_parts"]


def export_parts(path: Path, graph: Graph, partition: Partition, directory: Path) -> SplitFile:
    """Cuts a .tflite file where a method says, after checking that the parts equal it.

    Args:
        path: The whole file.
        graph: The file as it was read.
        partition: Where it is cut; devices without work get no file.
        directory: Folder for the parts and `split.json`; made where missing.

    Returns:
        What was written.

    Raises:
        UserError: If the method leaves the network whole or divides parallel branches, or the parts differ from it.
    """
    if partition.graph.operations != graph.operations:
        raise UserError(
            f"method {partition.method} takes parallel branches apart, but a file is cut in its own order; "
            "export another method's answer"
        )
    positions = sorted({n for n in partition.cuts if 0 < n < len(graph.operations)})
    if not positions:
        raise UserError(
            f"method {partition.method} leaves the network whole, so there is nothing to cut; try --at LAYER"
        )
    return split_file(path, positions, directory)
