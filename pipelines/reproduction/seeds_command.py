"""The command `reproduce seeds`: runs that differ in their seed, as two tables."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.progress import console
from pipelines.reproduction.json_file import write_json_for_user
from pipelines.reproduction.seeds import read_finished_runs, seeds_record

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["run_seeds", "seeds_tables"]


def run_seeds(paths: Sequence[Path], json_path: Path | None) -> int:
    """Compare finished runs of one experiment.

    Args:
        paths: Their directories.
        json_path: Where to write all figures; None writes nothing.

    Returns:
        Exit code 0.

    Raises:
        UserError: See `read_finished_runs`.
    """
    record = seeds_record(read_finished_runs(paths))
    if json_path is not None:
        write_json_for_user(json_path, record)
    out = console()
    for table in seeds_tables(record):
        out.print(table)
    reference = record["reference"]
    out.print(
        f"hypervolume: share of the rectangle from 100 % in 0 ms to {100 * reference['accuracy']:.1f} % in "
        f"{reference['latency_ms']:.3g} ms; intervals over seeds and families"
    )
    return 0


def seeds_tables(record: Mapping[str, Any]) -> tuple["Table", "Table"]:
    """What each run chose, and how it compares with each baseline over all runs."""
    from rich.table import Table

    chosen = Table(title="Chosen networks")
    for heading in ("seed", "split at stride", "latency, ms", "float test, %", "int8 test, %", "hypervolume"):
        chosen.add_column(heading, justify="right")
    for row in record["runs"]:
        split = "-" if row["split"] is None else str(row["split"]["stride"])
        accuracies = [_accuracy(row["accuracy"].get(kind)) for kind in ("fine_tuned", "int8")]
        chosen.add_row(str(row["seed"]), split, f"{row['latency_ms']:.2f}", *accuracies, f"{row['hypervolume']:.3f}")
    pooled = Table(title="Accuracy minus the baseline's, in points")
    for heading in ("baseline", "by seed", "over all seeds, 95 % interval", "latency ratio at most"):
        pooled.add_column(heading, justify="right" if heading != "baseline" else "left")
    for row in record["pooled"]:
        by_seed = " ".join(f"{100 * value:+.1f}" for value in row["by_seed"])
        value, low, high = (100 * row["difference"][key] for key in ("value", "low", "high"))
        ratio = "-" if row["largest_latency_ratio"] is None else f"{row['largest_latency_ratio']:.2f}"
        pooled.add_row(
            row["against"],
            by_seed,
            f"{value:+.1f} ({low:+.1f} to {high:+.1f})",
            ratio,
        )
    return chosen, pooled


def _accuracy(estimate: Mapping[str, float] | None) -> str:
    return "-" if estimate is None else f"{100 * estimate['value']:.1f}"
