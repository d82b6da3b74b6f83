"""Stage `report`: summary.json, report.html and a summary on the terminal."""

from typing import Any

from pipelines.mec.context import MecContext
from pipelines.mec.summary import build_summary
from pipelines.mec.views import mec_page, networks_of
from pipelines.progress import console
from pipelines.report.page import render_page
from pipelines.report.units import NOTHING, ms_text, points_text
from splitnets_tf.files import write_json, write_text

__all__ = ["report"]


def report(context: MecContext) -> None:
    """Write both files; they are made anew each time, since that takes seconds."""
    summary = build_summary(context)
    write_json(context.path("summary.json"), summary)
    path = context.path("report.html")
    write_text(path, render_page(mec_page(summary)))
    out = console()
    out.print(summary["headline"])
    out.print(_table(summary))
    out.print(f"report: {path}")


def _table(summary: dict[str, Any]) -> Any:
    from rich.table import Table

    table = Table(title=f"{summary['system']['name']}, T_const {ms_text(summary['limit_ms'])}")
    for title in ("network", "latency", "test accuracy %"):
        table.add_column(title, justify="left" if title == "network" else "right")
    for network in networks_of(summary):
        accuracy = points_text(network.accuracy.value) if network.accuracy else NOTHING
        table.add_row(f"{network.method}, {network.backbone}", ms_text(network.latency_ms), accuracy)
    return table
