"""The joint-search ablation as a table and as a figure."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

from pipelines.report.figures import CHOSEN, INK, MUTED, SERIES_COLOURS
from pipelines.reproduction.joint_search import JOINT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["ablation_figure", "ablation_table"]

_FIXED = "split fixed"
"""How the names of the arms with a fixed split begin."""


def ablation_table(record: Mapping[str, Any]) -> Table:
    """One row an arm with a line for each seed, so that it fits a terminal of 80 columns."""
    table = Table(title="Hypervolume and latency at equal accuracy, a line a seed", show_lines=True)
    table.add_column("arm", max_width=26)
    table.add_column("hyper-\nvolume", justify="right")
    for level in record["levels"]:
        table.add_column(f"ms at\n{100 * level:.1f} %", justify="right")
    table.add_column("joint is", justify="right")
    verdicts = {row["against"]: row["joint_is"] for row in record["comparisons"]}
    for arm, rows in _by_arm(record["rows"]).items():
        volumes = "\n".join(f"{row['hypervolume']:.3f}" for row in rows)
        columns = zip(*(row["latency_ms_at"] for row in rows), strict=True)
        latencies = ["\n".join("-" if each is None else f"{each:.3f}" for each in column) for column in columns]
        table.add_row(arm, volumes, *latencies, verdicts.get(arm, ""))
    return table


def ablation_figure(record: Mapping[str, Any], title: str) -> "Figure":
    """Draw the first seed's fronts beside every seed's hypervolume; of the fixed splits only the best one's front."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.6, 5.0), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.1, 1))
    by_arm = _by_arm(record["rows"])
    colours = _colours(list(by_arm))
    drawn = [arm for arm in by_arm if not arm.startswith(_FIXED)]
    fixed = [arm for arm in by_arm if arm.startswith(_FIXED)]
    if fixed:
        drawn.insert(1, max(fixed, key=lambda arm: np.median([row["hypervolume"] for row in by_arm[arm]])))
    _draw_fronts(left, {arm: by_arm[arm][0]["front"] for arm in drawn}, colours, record["reference"]["latency_ms"])
    left.set_title(f"fronts of seed {record['rows'][0]['seed']} (of the fixed splits: the best)")
    _draw_volumes(right, by_arm, colours)
    figure.suptitle(title)
    return figure


def _by_arm(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    return {arm: [row for row in rows if row["arm"] == arm] for arm in dict.fromkeys(row["arm"] for row in rows)}


def _colours(arms: Sequence[str]) -> dict[str, str]:
    """The joint search stands out; all fixed splits share a colour."""
    others = [arm for arm in arms if arm != JOINT and not arm.startswith(_FIXED)]
    colours = {arm: SERIES_COLOURS[1 + index % (len(SERIES_COLOURS) - 1)] for index, arm in enumerate(others)}
    return colours | {JOINT: CHOSEN} | {arm: SERIES_COLOURS[0] for arm in arms if arm.startswith(_FIXED)}


def _draw_fronts(
    panel: "Axes", fronts: Mapping[str, Sequence[Sequence[Any]]], colours: Mapping[str, str], limit_ms: float
) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter

    for arm, front in fronts.items():
        latencies = [point[0] for point in front]
        accuracies = [100 * point[1] for point in front]
        width = 2.2 if arm == JOINT else 1.2
        panel.step(latencies, accuracies, where="post", color=colours[arm], linewidth=width, label=arm)
        panel.plot(latencies, accuracies, "o", color=colours[arm], markersize=3)
    panel.axvline(limit_ms, color=MUTED, linewidth=0.8, linestyle=":")
    panel.set_xscale("log")
    panel.xaxis.set_major_formatter("{x:g}")
    panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.set_xlabel("latency per image, cost model (ms); dotted: the hypervolume's limit")
    panel.set_ylabel("validation accuracy, inherited (%)")
    panel.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)


def _draw_volumes(panel: "Axes", by_arm: Mapping[str, Sequence[Mapping[str, Any]]], colours: Mapping[str, str]) -> None:
    for place, (arm, rows) in enumerate(by_arm.items()):
        panel.plot(
            [row["hypervolume"] for row in rows], [place] * len(rows), "o", color=colours[arm], markeredgecolor=INK
        )
    panel.set_yticks(range(len(by_arm)), list(by_arm))
    panel.invert_yaxis()
    panel.set_xlabel("hypervolume, one point a seed (more is better)")
    panel.set_title("all arms, all seeds")
