"""What the report reads from a run directory."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from pipelines.report.drawn_blocks import DrawnBlock, blocks_from_architecture_file, blocks_from_summary
from pipelines.report.front import FrontPoint, read_front
from pipelines.report.json_node import Node, read_node
from pipelines.report.memory_profile import MemoryProfile, memory_profile_from_node
from pipelines.report.records import RunSummary
from pipelines.report.run_summary import summary_from_node
from splitnets_tf.errors import UserError

__all__ = ["RunFiles", "read_run"]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class RunFiles:
    """The files of a run as records; None for what is not there."""

    summary: RunSummary | None
    """`summary.json`."""
    front: tuple[FrontPoint, ...] | None
    """`search/pareto.csv`."""
    memory: MemoryProfile | None
    """`memory.json`."""
    network: tuple[int, tuple[DrawnBlock, ...]] | None
    """Side of the input in pixels and shapes of the chosen network: `architecture.json`, or the summary's genotype."""
    provenance: Mapping[str, str] | None
    """`provenance.json` under dotted keys."""
    stage_seconds: Mapping[str, float]
    """Wall time of each stage, by the summary or else by `provenance.json`."""


def read_run(run_directory: Path) -> RunFiles:
    """Read what a run has left.

    Raises:
        UserError: There is no such directory, or a file in it is malformed; file and key are named.
    """
    if not run_directory.is_dir():
        raise UserError(f"no run directory {run_directory}: give the --output-dir of a run")
    summary_node = read_node(run_directory / "summary.json")
    memory_node = read_node(run_directory / "memory.json")
    provenance_node = read_node(run_directory / "provenance.json")
    summary = summary_from_node(summary_node) if summary_node else None
    return RunFiles(
        summary=summary,
        front=read_front(run_directory / "search" / "pareto.csv"),
        memory=memory_profile_from_node(memory_node) if memory_node else None,
        network=_network(run_directory, summary),
        provenance=_provenance(provenance_node),
        stage_seconds=(summary.stage_seconds if summary else {}) or _recorded_seconds(provenance_node),
    )


def _network(run_directory: Path, summary: RunSummary | None) -> tuple[int, tuple[DrawnBlock, ...]] | None:
    node = read_node(run_directory / "architecture.json")
    if node is not None:
        return blocks_from_architecture_file(node)
    if summary is None or summary.space_name is None or "classes" not in summary.data:
        return None
    return blocks_from_summary(summary.space_name, summary.architecture, int(summary.data["classes"]))


def _recorded_seconds(provenance: Node | None) -> dict[str, float]:
    stages = provenance.get("stages") if provenance else None
    return {name: record["seconds"].amount() for name, record in stages.items()} if stages else {}


def _provenance(node: Node | None, prefix: str = "") -> dict[str, str] | None:
    if node is None:
        return None
    flat: dict[str, str] = {}
    for key, child in node.items():
        name = f"{prefix}{key}"
        if isinstance(child.value, dict):
            flat |= _provenance(child, f"{name}.") or {}
        elif isinstance(child.value, list):
            flat[name] = " ".join(str(element.value) for element in child.elements())
        elif child.value is not None:
            flat[name] = str(child.value)
    return flat
