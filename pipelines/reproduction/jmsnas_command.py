"""The command `reproduce jmsnas`: three constraints on each topology, Figures 5 and 6 of the paper.

Each of the six runs has a directory of its own and resumes by itself. What does not depend on the constraint is made
once: the baselines for all, the warm-up for each topology by the run of its tightest constraint.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.cli import quiet_tensorflow
from splitnets_tf.errors import UserError
from splitnets_tf.files import read_json, write_json, write_text

if TYPE_CHECKING:
    from pipelines.mec.config import MecConfig

__all__ = ["answers", "check_order", "check_runs", "run_jmsnas"]

FACTORS = (1.1, 1.25, 1.5)
"""The three constraints as multiples of the fastest network's latency."""
_BIT_EXACT_INPUTS = 256
"""Test images on which each run's devices are compared with the whole int8 network. Reference kernels are slow, and the
figures are of networks before quantisation; so these are quantised without further training, too."""
_KEYS = (
    "limit_ms",
    "latency_ms",
    "expected_ms",
    "expectation",
    "cloud_computing_ms",
    "reduction",
    "sensitivity",
    "accuracy",
    "baselines",
    "comparisons",
    "history",
    "stages",
)
"""What jmsnas.json has of a run's summary."""


def run_jmsnas(output_dir: Path, *, smoke: bool, topologies: Sequence[str] = ()) -> int:
    """Run what is missing of the six runs; write jmsnas.json and jmsnas.svg, or jmsnas-mesh.* of a single topology.

    Args:
        output_dir: Holds one directory for each run, and one for the baselines.
        smoke: Shortened runs, whose accuracies mean nothing.
        topologies: Chain, mesh; both where empty.

    Returns:
        Exit code: 0; 1 if a derived network misses its constraint.
    """
    quiet_tensorflow()
    from pipelines.mec.config import DEMO, SMOKE, TOPOLOGIES
    from pipelines.progress import console
    from pipelines.report.figures import figure_svg
    from pipelines.reproduction.jmsnas_view import jmsnas_figure, jmsnas_table

    config = SMOKE if smoke else DEMO
    if not smoke:
        export = dataclasses.replace(config.export, method="ptq", bit_exact_inputs=_BIT_EXACT_INPUTS)
        config = dataclasses.replace(config, export=export)
    wanted = [topology for topology in TOPOLOGIES if topology in topologies or not topologies]
    rows = [row for topology in wanted for row in _runs(output_dir, config, topology)]
    chosen, faults, notes = answers(rows), check_runs(rows), check_order(rows)
    data = {"schema_version": 2, "faults": faults, "as_searched": notes, "answers": chosen, "runs": rows}
    stem = "jmsnas" if len(wanted) == len(TOPOLOGIES) else "-".join(["jmsnas", *wanted])
    figures, drawn = output_dir / f"{stem}.json", output_dir / f"{stem}.svg"
    write_json(figures, data)
    write_text(drawn, figure_svg(lambda: jmsnas_figure(rows)))
    out = console()
    for text in faults + notes:
        out.print(f"Shortfall: {text}")
    out.print(jmsnas_table(rows, chosen))
    out.print(f"figures: {figures}, drawn: {drawn}")
    return 1 if faults else 0


def _runs(output_dir: Path, config: MecConfig, topology: str) -> list[dict[str, Any]]:
    """Three runs of a topology, those behind the first with its warm-up, all with the same baselines."""
    from pipelines.mec.__main__ import run_stages
    from pipelines.mec.context import constraint_ms, open_mec
    from pipelines.progress import console

    baselines = output_dir / "baselines"
    run_stages(open_mec(config, baselines), "baselines")
    config = dataclasses.replace(config, topology=topology, baselines_run=str(baselines))
    times = open_mec(config, output_dir / topology).latency
    first: Path | None = None
    rows = []
    for limit_ms in (constraint_ms(times, factor) for factor in FACTORS):
        path = output_dir / f"{topology}-{limit_ms:g}ms"
        console().print(f"{topology}, T_const {limit_ms:g} ms: {path}")
        warmup_run = None if first is None else str(first)
        run_stages(open_mec(dataclasses.replace(config, latency_ms=limit_ms, warmup_run=warmup_run), path))
        first = first or path
        rows.append(_row(topology, path))
    return rows


def _row(topology: str, path: Path) -> dict[str, Any]:
    summary = read_json(path / "summary.json", "the summary of a run")
    if summary.get("kind") != "jmsnas":
        raise UserError(f"{path}/summary.json is not that of pipelines.mec; name another --output-dir")
    return {"topology": topology, "run": str(path)} | {key: summary[key] for key in _KEYS}


def answers(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """For each constraint the most accurate network within it on validation images; of equal ones the fastest.

    All networks of a topology count, whichever constraint they were searched for: a network within a tighter constraint
    is within a looser one. So a tighter constraint never gets a slower network, and never a more accurate one on
    validation images.
    """
    chosen = []
    for row in rows:
        meeting = [
            other for other in rows if other["topology"] == row["topology"] and other["latency_ms"] <= row["limit_ms"]
        ]
        if meeting:
            best = max(meeting, key=lambda other: (other["accuracy"]["validation"]["value"], -other["latency_ms"]))
            keys = ("run", "latency_ms", "cloud_computing_ms", "reduction", "accuracy")
            chosen.append({"topology": row["topology"], "limit_ms": row["limit_ms"]} | {key: best[key] for key in keys})
    return chosen


def check_runs(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The networks that miss their constraint, one sentence each."""
    return sorted(
        f"{row['topology']}: {row['latency_ms']:.3f} ms is beyond T_const {row['limit_ms']:g} ms"
        for row in rows
        if row["latency_ms"] > row["limit_ms"]
    )


def check_order(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Where the search of a tighter constraint gave a slower network than that of a looser one, one sentence each."""
    notes = []
    for topology in {row["topology"] for row in rows}:
        own = sorted((row for row in rows if row["topology"] == topology), key=lambda row: row["limit_ms"])
        notes += [
            f"{topology}: searched for T_const {tight['limit_ms']:g} ms, a network is slower than for "
            f"{loose['limit_ms']:g} ms ({tight['latency_ms']:.3f} and {loose['latency_ms']:.3f} ms)"
            for tight, loose in itertools.combinations(own, 2)
            if tight["latency_ms"] > loose["latency_ms"]
        ]
    return sorted(notes)
