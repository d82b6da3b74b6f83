"""A study as tables and as a figure."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table

from pipelines.report.figures import INK, MUTED, SERIES_COLOURS
from pipelines.reproduction.claims.summary import KINDS, RATIOS, WINDOW

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["accuracy_table", "ratio_table", "study_figure"]

_DRAWN_RATIOS = ("gradient_ratio_reduce", "gradient_ratio_recover", "gradient_rms_ratio_reduce")
_PAPER_RATIO = 10.0
"""What the paper observed without care."""
_STEP = 0.13
"""Distance of two seeds in a row of dots."""


def accuracy_table(record: Mapping[str, Any]) -> Table:
    """Accuracies and paired differences: a section for each kind of network, every seed printed."""
    table = Table(title=f"{record['title']}: validation accuracy (%) and difference to the first line (points)")
    table.add_column("variant")
    for heading in ("seeds", "mean [95 % interval]", "difference by seed", "mean [95 % interval]"):
        table.add_column(heading, justify="right")
    table.add_column("verdict")
    for kind, name in KINDS.items():
        table.add_section()
        table.add_row(name, style="bold")
        for variant in record["variants"].values():
            accuracy, difference = variant["accuracy"][kind], (variant["difference"] or {}).get(kind)
            cells = [_seeds(accuracy, "{:.1f}"), _interval(accuracy["mean"], "{:.1f}")]
            if difference is not None:
                cells += [_seeds(difference, "{:+.1f}"), _interval(difference["mean"], "{:+.1f}")]
                cells.append(difference["verdict"])
            table.add_row(variant["label"], *cells)
    return table


def ratio_table(record: Mapping[str, Any]) -> Table:
    """Gradient of splitting layers over that of regular ones: at the start, later, and at the highest."""
    table = Table(title=f"{record['title']}: gradient of splitting over regular layers")
    table.add_column("variant")
    for heading in ("at the start, by seed", "later, by seed", f"highest mean of {WINDOW} steps"):
        table.add_column(heading, justify="right")
    for ratio, name in RATIOS.items():
        table.add_section()
        table.add_row(name, style="bold")
        for variant in record["variants"].values():
            seeds = variant["gradient_ratios"][ratio]["seeds"].values()
            columns = ["  ".join(_number(each[key]) for each in seeds) for key in ("start", "training", "highest")]
            table.add_row(variant["label"], *columns)
    return table


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _seeds(estimates: Mapping[str, Any], form: str) -> str:
    return "  ".join(form.format(100 * each["value"]) for each in estimates["seeds"].values())


def _interval(estimate: Mapping[str, float], form: str) -> str:
    value, low, high = (form.format(100 * estimate[key]) for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def study_figure(record: Mapping[str, Any], *, ratios: bool) -> "Figure":
    """Draw accuracies, paired differences and, where asked for, the course of the gradient ratios.

    Args:
        record: What `study_record` makes.
        ratios: Whether gradient ratios are drawn.
    """
    from matplotlib.figure import Figure

    variants = list(record["variants"].values())
    heights = [1.4 + 0.6 * len(variants), *([3.2] if ratios else [])]
    figure = Figure(figsize=(10.5, sum(heights)), layout="constrained")
    parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    parts[0].suptitle(record["title"])
    left, right = parts[0].subplots(1, 2, sharey=True)
    _draw_accuracies(left, variants)
    _draw_differences(right, variants)
    parts[0].legend(loc="outside lower center", ncols=len(KINDS))
    if ratios:
        panels = parts[1].subplots(1, len(_DRAWN_RATIOS), sharey=True)
        for panel, ratio in zip(panels, _DRAWN_RATIOS, strict=True):
            _draw_ratio(panel, variants, ratio)
        panels[0].set_ylabel("gradient, splitting over regular layers")
        parts[1].legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(variants) + 1)
    return figure


def _draw_accuracies(panel: "Axes", variants: Sequence[Mapping[str, Any]]) -> None:
    for place, variant in enumerate(variants):
        for index, kind in enumerate(KINDS):
            _draw_estimates(panel, place, index, variant["accuracy"][kind], label=KINDS[kind] if place == 0 else "")
    panel.set_yticks(range(len(variants)), [variant["label"] for variant in variants])
    panel.set_ylim(len(variants) - 0.45, -0.55)
    panel.set_title("validation accuracy (%)")
    panel.grid(visible=False, axis="y")


def _draw_differences(panel: "Axes", variants: Sequence[Mapping[str, Any]]) -> None:
    panel.axvline(0, color=INK, linewidth=1)
    for place, variant in enumerate(variants):
        if variant["difference"] is None:
            panel.text(0, place, "  compared with", va="center", color=MUTED)
            continue
        for index, kind in enumerate(KINDS):
            _draw_estimates(panel, place, index, variant["difference"][kind], label="")
    panel.set_title("difference to the first line, paired (points)")
    panel.grid(visible=False, axis="y")


def _draw_estimates(panel: "Axes", place: int, index: int, estimates: Mapping[str, Any], *, label: str) -> None:
    """The mean with its interval as a line, each seed as a dot."""
    height = place + (index - (len(KINDS) - 1) / 2) * 0.25
    colour, mean = SERIES_COLOURS[index], estimates["mean"]
    panel.plot(
        [100 * mean["low"], 100 * mean["high"]], [height, height], color=colour, linewidth=2, solid_capstyle="butt"
    )
    panel.plot(100 * mean["value"], height, marker="|", markersize=10, markeredgewidth=2, color=colour)
    values = [100 * each["value"] for each in estimates["seeds"].values()]
    panel.plot(
        values,
        [height] * len(values),
        "o",
        markersize=4.5,
        color=colour,
        markeredgecolor="white",
        label=label or "_none",
    )


def _draw_ratio(panel: "Axes", variants: Sequence[Mapping[str, Any]], ratio: str) -> None:
    from matplotlib.ticker import LogLocator, NullLocator

    for index, variant in enumerate(variants):
        curve = variant["gradient_ratios"][ratio]["curve"]
        steps = [WINDOW * place + WINDOW / 2 for place in range(len(curve))]
        values = [float("nan") if value is None else value for value in curve]
        panel.plot(steps, values, color=SERIES_COLOURS[index], linewidth=1.4, label=variant["label"])
    panel.axhline(_PAPER_RATIO, color=MUTED, linewidth=1, linestyle="--", label="what the paper saw without care")
    panel.set_yscale("log")
    panel.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    panel.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    panel.yaxis.set_minor_locator(NullLocator())
    panel.set_xlabel("step")
    panel.set_title(RATIOS[ratio])
