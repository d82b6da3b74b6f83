"""The command `reproduce jmsnas`: three constraints on each topology, Figures 5 and 6 of the paper.

Each of the six runs has a directory of its own and resumes by itself.
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
    from matplotlib.figure import Figure

__all__ = ["check_runs", "jmsnas_figure", "run_jmsnas"]

FACTORS = (1.1, 1.25, 1.5)
"""The three constraints as multiples of the fastest network's latency."""
_WIDTH = 11.6


def run_jmsnas(output_dir: Path, *, smoke: bool) -> int:
    """Run what is missing of the six runs; write jmsnas.json and jmsnas.svg.

    Args:
        output_dir: Holds one directory for each run.
        smoke: Shortened runs, whose accuracies mean nothing.

    Returns:
        Exit code: 0; 1 if a derived network misses its constraint or a tighter one gave a slower network.
    """
    quiet_tensorflow()
    from pipelines.mec.__main__ import run_stages
    from pipelines.mec.config import DEMO, SMOKE, TOPOLOGIES
    from pipelines.mec.context import constraint_ms, open_mec
    from pipelines.progress import console
    from pipelines.report.figures import figure_svg

    out = console()
    rows = []
    for topology in TOPOLOGIES:
        config = dataclasses.replace(SMOKE if smoke else DEMO, topology=topology)
        times = open_mec(config, output_dir / topology).latency
        for limit_ms in (constraint_ms(times, factor) for factor in FACTORS):
            path = output_dir / f"{topology}-{limit_ms:g}ms"
            out.print(f"{topology}, T_const {limit_ms:g} ms: {path}")
            run_stages(open_mec(dataclasses.replace(config, latency_ms=limit_ms), path))
            rows.append(_row(topology, path))
    faults = check_runs(rows)
    write_json(output_dir / "jmsnas.json", {"schema_version": 1, "faults": faults, "runs": rows})
    write_text(output_dir / "jmsnas.svg", figure_svg(lambda: jmsnas_figure(rows)))
    for fault in faults:
        out.print(f"Shortfall: {fault}")
    out.print(f"figures: {output_dir / 'jmsnas.json'}, drawn: {output_dir / 'jmsnas.svg'}")
    return 1 if faults else 0


def _row(topology: str, path: Path) -> dict[str, Any]:
    summary = read_json(path / "summary.json", "the summary of a run")
    if summary.get("kind") != "jmsnas":
        raise UserError(f"{path}/summary.json is not that of pipelines.mec; name another --output-dir")
    keys = ("limit_ms", "latency_ms", "expected_ms", "cloud_computing_ms", "reduction", "accuracy", "baselines")
    return {"topology": topology, "run": str(path)} | {key: summary[key] for key in (*keys, "history", "comparisons")}


def check_runs(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the runs promise and do not keep, one sentence each."""
    faults = []
    for row in rows:
        if row["latency_ms"] > row["limit_ms"]:
            faults.append(f"{row['topology']}: {row['latency_ms']:.3f} ms is beyond T_const {row['limit_ms']:g} ms")
    for topology in {row["topology"] for row in rows}:
        own = sorted((row for row in rows if row["topology"] == topology), key=lambda row: row["limit_ms"])
        for tight, loose in itertools.pairwise(own):
            if tight["latency_ms"] > loose["latency_ms"]:
                faults.append(
                    f"{topology}: T_const {tight['limit_ms']:g} ms gave a slower network than {loose['limit_ms']:g} ms"
                )
    return sorted(faults)


def jmsnas_figure(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Above, validation accuracy over the epochs of the search (Figure 5); below, test accuracy against latency."""
    from matplotlib.figure import Figure

    from pipelines.report.figures import CHOSEN, SERIES_COLOURS

    topologies = sorted({row["topology"] for row in rows})
    figure = Figure(figsize=(_WIDTH, 7.0), layout="constrained")
    panels = figure.subplots(2, len(topologies), squeeze=False)
    for column, topology in enumerate(topologies):
        own = [row for row in rows if row["topology"] == topology]
        above, below = panels[0][column], panels[1][column]
        for row, colour in zip(own, SERIES_COLOURS, strict=False):
            epochs = [point["epoch"] for point in row["history"]]
            accuracies = [100 * point["validation_accuracy"] for point in row["history"]]
            above.plot(epochs, accuracies, color=colour, label=f"T_const {row['limit_ms']:g} ms")
        above.set(title=f"{topology}: the search", xlabel="epoch", ylabel="validation accuracy in %")
        above.legend()
        points = [("JMSNAS", row["latency_ms"], row["accuracy"]["fine_tuned"]) for row in own]
        points += [("cloud computing", row["cloud_computing_ms"], row["accuracy"]["fine_tuned"]) for row in own]
        points += [
            (f"{placed['backbone']}, {placed['method']}", placed["latency_ms"], placed["accuracy"])
            for placed in own[0]["baselines"]
            if placed["accuracy"]
        ]
        names = list(dict.fromkeys(name for name, _, _ in points))
        for index, name in enumerate(names):
            drawn = [(x, y) for other, x, y in points if other == name]
            values = [100 * y["value"] for _, y in drawn]
            low = [100 * (y["value"] - y["low"]) for _, y in drawn]
            high = [100 * (y["high"] - y["value"]) for _, y in drawn]
            colour = CHOSEN if name == "JMSNAS" else SERIES_COLOURS[index % len(SERIES_COLOURS)]
            below.errorbar([x for x, _ in drawn], values, [low, high], fmt="o", color=colour, label=name, capsize=2)
        below.set(title=f"{topology}: after training on", xlabel="latency in ms", ylabel="test accuracy in %")
        below.legend()
    return figure
