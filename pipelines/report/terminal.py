"""A run's result as a compact table for the terminal."""

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipelines.report.comparison_tables import accuracy_kinds
from pipelines.report.cost_plots import latency_pieces
from pipelines.report.pick_table import exceptions_text
from pipelines.report.records import Interval, Network
from pipelines.report.run_summary import summary_from_mapping
from pipelines.report.shortfalls import SHORTFALL_LABEL, shortfalls
from pipelines.report.units import NOTHING, bytes_text, interval_text, points_text

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["terminal_summary"]

_KIND_TITLES = {
    "inherited": "inherited\nvalida-\ntion %",
    "fine_tuned": "fine-\ntuned\ntest %",
    "trained_alone": "trained\nalone\ntest %",
}
_NAME_WIDTH = 17
"""Characters of a network's name: more would crop the figures of a terminal of 80 columns."""


def terminal_summary(summary: Mapping[str, Any]) -> "RenderableType":
    """Show headline, baselines and the chosen network.

    Args:
        summary: Content of `summary.json`.

    Returns:
        Something that a rich console prints.

    Raises:
        UserError: A key is missing or its value is not of the expected form; the key is named.
    """
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    run = summary_from_mapping(summary)
    kinds = accuracy_kinds(run.networks)
    pieces = next((latency_pieces(network) for network in reversed(run.networks) if network.devices), ())
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("network", min_width=_NAME_WIDTH, overflow="fold")
    for kind in kinds:
        table.add_column(_KIND_TITLES[kind], justify="right", no_wrap=True)
    table.add_column("latency\nms", justify="right", no_wrap=True)
    table.add_column(" +\n".join(name for name, _, _ in pieces) or "of which", justify="right", max_width=14)
    table.add_column(
        f"{run.chosen.devices[0].name}\npeak" if run.chosen.devices else "peak", justify="right", no_wrap=True
    )
    for network in run.networks:
        cells = [_name(network), *(_accuracy(network, kind) for kind in kinds), *_costs(network)]
        if network.chosen:
            table.add_section()
        style = "bold" if network.chosen else ""
        table.add_row(*(Text(cell) for cell in cells), style=style if network.feasible else "red")
    missed = shortfalls(run)
    parts: list[RenderableType] = [Text(SHORTFALL_LABEL, style="bold red")] if missed else []
    parts += [Text(run.headline, style="bold")] if run.headline else []
    parts += [Text(f"- {sentence}") for sentence in missed]
    parts.append(table)
    parts.append(Text(f"int8 (test): {points_text(run.int8.value)} % {_interval(run.int8)}"))
    if run.front_comparisons:
        parts.append(Text(exceptions_text(run.front_comparisons)))
    return Group(*parts)


def _name(network: Network) -> str:
    method = "\n".join(textwrap.wrap(network.method, _NAME_WIDTH))  # rich would fold it within a word
    name = f"{method}\n{network.backbone}"
    if network.feasible:
        return name
    return f"{name}\ninfeasible: {network.infeasible_because or 'no reason given'}"


def _accuracy(network: Network, kind: str) -> str:
    if network.accuracy is None or network.accuracy_kind != kind:
        return NOTHING
    return f"{points_text(network.accuracy.value)}\n{_interval(network.accuracy)}"


def _interval(interval: Interval) -> str:
    return interval_text(interval.low, interval.high)


def _costs(network: Network) -> list[str]:
    total = NOTHING if network.latency_ms is None else f"{network.latency_ms:.3g}"
    pieces = " + ".join(f"{milliseconds:.3g}" for _, milliseconds, _ in latency_pieces(network))
    peak = network.devices[0].peak_bytes if network.devices else None
    return [total, pieces or NOTHING, bytes_text(peak)]
