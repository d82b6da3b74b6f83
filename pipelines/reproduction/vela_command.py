"""The command `reproduce vela-ranking`: study, print, write JSON."""

from pathlib import Path
from typing import Any

from pipelines.progress import console, progress_bar
from pipelines.reproduction.json_file import write_json_for_user
from pipelines.reproduction.vela_ranking import ranking_study, study_architectures
from splitnets_tf.hardware import load_system
from splitnets_tf.space import load_space

__all__ = ["run_vela_ranking"]

_CLASSES = 34
_LABELS = {"sensor_ms": "sensor half", "aggregator_ms": "aggregator half", "latency_ms": "total, link included"}


def run_vela_ranking(
    space_name: str, system_name: str, count: int, seed: int, run: Path | None, json_path: Path | None
) -> int:
    """Compare the cost model's order of random networks with Vela's, and what Vela would have chosen in a run.

    Args:
        space_name: Search space.
        system_name: System.
        count: Number of networks, at least 2.
        seed: Of networks and bootstrap.
        run: A run of pipelines.imagenet with a finished search; None leaves that part out.
        json_path: Where to write all figures; None writes nothing.

    Returns:
        Exit code 0.

    Raises:
        UserError: Vela is not installed, a name is wrong, or the run has no search.
    """
    space, system = load_space(space_name), load_system(system_name)
    architectures = study_architectures(space, count, seed)
    with progress_bar("networks", count) as advance:
        result = ranking_study(
            space, system, architectures, _CLASSES, seed=seed, on_progress=lambda done, _: advance(done, "")
        )
    record = {"schema_version": 1, "space": space.name, "system": system.name, "seed": seed} | result
    if run is not None:
        record["choice"] = _choice(run)
    if json_path is not None:
        write_json_for_user(json_path, record)
    _print(record)
    return 0


def _choice(run: Path) -> dict[str, Any]:
    from pipelines.imagenet.config import DEMO, with_overrides
    from pipelines.imagenet.context import open_context
    from pipelines.imagenet.other_supernet import inherited_config
    from pipelines.imagenet.rerank import compare_choices, select_in_record, vela_record

    context = open_context(with_overrides(DEMO, inherited_config(run)), run)
    figures = vela_record(context)
    chosen, rule = select_in_record(context, figures)
    return compare_choices(context, figures, chosen) | {"rule": rule, "candidates": len(figures["candidates"])}


def _print(record: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table(
        title=f"{record['architectures']} random networks of {record['space']} on {record['system']}: OPs / peak "
        "against Vela"
    )
    for heading in ("", "Kendall's tau", "95 % interval", "Vela / OPs over peak, median", "5 % to 95 %"):
        table.add_column(heading, justify="left" if not heading else "right")
    for part, label in _LABELS.items():
        tau, ratio = (record["agreement"][part][key] for key in ("tau", "ratio"))
        interval, spread = f"{tau['low']:.2f} to {tau['high']:.2f}", f"{ratio['p5']:.1f} to {ratio['p95']:.1f}"
        table.add_row(label, f"{tau['value']:.2f}", interval, f"{ratio['median']:.1f}", spread)
    out = console()
    out.print(table)
    out.print(f"{record['seconds_per_network']:.2f} s a network")
    if "choice" in record:
        _print_choice(record["choice"])


def _print_choice(choice: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table(title=f"The choice among {choice['candidates']} candidates of the run, in Vela's ms")
    for heading in ("chosen by", "network", "inherited accuracy", "sensor", "aggregator", "total", "OPs / peak total"):
        table.add_column(heading, justify="left" if heading in ("chosen by", "network") else "right")
    for label, key in (("Vela", "chosen"), ("OPs / peak", "by_cost_model")):
        row = choice[key]
        times = (f"{row[name]:.3g}" for name in ("sensor_ms", "aggregator_ms", "latency_ms", "cost_model_latency_ms"))
        table.add_row(label, row["id"], f"{100 * row['supernet_accuracy']:.1f} %", *times)
    console().print(table)
