"""The report of a run: pure functions from its figures to sections, tables and drawings, and one HTML page of them."""

from pipelines.report.splitnets_report import write_report
from pipelines.report.terminal import terminal_summary

__all__ = ["terminal_summary", "write_report"]
