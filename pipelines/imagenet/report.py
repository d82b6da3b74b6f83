"""Stage `report`: summary.json, report.html and the summary on the terminal."""

from typing import Any

from pipelines.imagenet.context import Context
from pipelines.imagenet.summary import build_summary
from pipelines.progress import console
from pipelines.report import terminal_summary, write_report
from splitnets_tf.files import write_json

__all__ = ["report", "write_reports"]


def report(context: Context) -> None:
    """Write both files; they are made anew each time, since that takes a second."""
    write_reports(context, build_summary(context))


def write_reports(context: Context, summary: dict[str, Any]) -> None:
    """Write a run's summary.json and report.html, and the summary on the terminal."""
    write_json(context.path("summary.json"), summary)
    path = write_report(context.run.path)
    out = console()
    out.print(terminal_summary(summary))
    out.print(f"report: {path}")
