"""Reads and partitions every image classifier of keras.applications by every method, and says how long it took.

    python benchmarks/keras_applications_partition.py [--system hmd] [--only NAME ...] [--json FILE]

Building the models takes some minutes; reading and partitioning is what is timed, in seconds of processor time so that
other work on the machine does not count. Expected result: no exception, and at most 10 seconds for each model, all
methods together. Exit code 1 otherwise.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from pipelines.cli import quiet_tensorflow, run_command
from pipelines.progress import console

LIMIT_S = 10.0


def measure(name: str, system_name: str) -> dict[str, Any]:
    """Partitions one model by every method.

    Args:
        name: Name of the classifier.
        system_name: The system.

    Returns:
        Figures of the model, latency in milliseconds by method, and seconds that it took after the model was built.
    """
    import keras

    from pipelines.partitioning.load_model import load_model
    from pipelines.partitioning.methods import METHODS
    from splitnets_tf.graph import read_keras_model
    from splitnets_tf.hardware import load_system, peak_bytes, total_macs, total_params

    keras.backend.clear_session()
    model = load_model(f"keras.applications:{name}").keras_model
    system, chain = load_system(system_name), load_system("jmsnas-chain")
    start = time.process_time()
    graph = read_keras_model(model)
    partitions = {method: run(graph, system) for method, run in METHODS.items()}
    partitions["hivemind on jmsnas-chain"] = METHODS["hivemind"](graph, chain)
    seconds = time.process_time() - start
    return {
        "model": name,
        "operations": len(graph.operations),
        "params": total_params(graph),
        "macs": total_macs(graph),
        "peak_bytes": peak_bytes(graph),
        "latency_ms": {method: partition.latency_ms for method, partition in partitions.items()},
        "cut_after": {method: list(partition.cut_after) for method, partition in partitions.items()},
        "seconds": seconds,
    }


def render(rows: Sequence[dict[str, Any]]) -> Table:
    """Returns one line for each model."""
    table = Table(title="keras.applications: latency in ms by method")
    for heading in ("model", "operations", "M params", "M MACs", "peak MB", *rows[0]["latency_ms"], "seconds"):
        table.add_column(heading, justify="left" if heading == "model" else "right")
    for row in rows:
        table.add_row(
            row["model"],
            str(row["operations"]),
            f"{row['params'] / 1e6:.1f}",
            f"{row['macs'] / 1e6:.0f}",
            f"{row['peak_bytes'] / 1e6:.1f}",
            *(f"{value:.2f}" for value in row["latency_ms"].values()),
            f"{row['seconds']:.2f}",
        )
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns 1 if a model took longer than the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--system", default="hmd")
    parser.add_argument("--only", nargs="+", metavar="NAME")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    quiet_tensorflow()
    from pipelines.partitioning.load_model import application_names
    from pipelines.reproduction.json_file import write_json_for_user

    out = console(width=230)
    rows = []
    for name in options.only or application_names():
        rows.append(measure(name, options.system))
        out.print(f"{name}: {rows[-1]['operations']} operations, {rows[-1]['seconds']:.2f} s")
    out.print(render(rows))
    if options.json is not None:
        write_json_for_user(options.json, {"schema_version": 1, "system": options.system, "models": rows})
    return 0 if all(row["seconds"] <= LIMIT_S for row in rows) else 1


if __name__ == "__main__":
    sys.exit(run_command(main))
