"""Reproducing the papers: their tables as data, the model's figures beside them, and the list of their slips."""

from pipelines.reproduction.compare import Comparison, compare_table, tolerance
from pipelines.reproduction.discrepancies import DISCREPANCIES, Discrepancy
from pipelines.reproduction.paper_tables import COLUMNS, PaperFigure, PaperRow, read_table
from pipelines.reproduction.predict import predict_row

__all__ = [
    "COLUMNS",
    "DISCREPANCIES",
    "Comparison",
    "Discrepancy",
    "PaperFigure",
    "PaperRow",
    "compare_table",
    "predict_row",
    "read_table",
    "tolerance",
]
