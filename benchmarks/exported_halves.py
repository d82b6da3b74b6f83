"""Whether every built network of a run costs what the search was told: its row against its exported halves.

    python -m benchmarks.exported_halves --run runs/demo

For the chosen network and every pick: MACs, bytes on the link, weights and planned arenas are read off `sensor.tflite`
and `aggregator.tflite`, the paper's peak memory off the network as Keras builds it, and each is compared with the row
of `search/evaluated.csv`. The shape of the last reshape, a constant of 8 bytes that the converter adds behind the
logits, is left out of the aggregator's weights. Exit code 1 where a figure differs. About ten seconds.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from pipelines.cli import quiet_tensorflow, run_command
from splitnets_tf.errors import UserError
from splitnets_tf.hardware import peak_bytes, plan_arena, total_macs, weight_bytes
from splitnets_tf.search import read_pareto_csv
from splitnets_tf.space import Architecture, blueprint, space_from_dict


def exported_figures(folder: Path) -> tuple[Architecture, dict[str, int]]:
    """A built network and its figures by the names that the search gives them.

    Args:
        folder: A run, or one of its picks.
    """
    import keras

    from splitnets_tf.graph import read_keras_model, read_tflite
    from splitnets_tf.supernet import build_network

    sensor, aggregator = (read_tflite(folder / f"{name}.tflite") for name in ("sensor", "aggregator"))
    told = json.loads((folder / "architecture.json").read_text("utf-8"))
    architecture = Architecture.from_dict(told["architecture"])
    plan = blueprint(space_from_dict(told["space"]), architecture, told["num_classes"])
    shapes = sum(operation.constant_bytes for operation in aggregator.operations if operation.kind == "reshape")
    return architecture, {
        "sensor_macs": total_macs(sensor),
        "macs": total_macs(sensor) + total_macs(aggregator),
        "link_bytes": sum(sensor.tensor(name).elements for name in sensor.outputs),
        "peak_bytes": peak_bytes(read_keras_model(build_network(keras, plan).segments[0])),
        "sensor_memory_bytes": weight_bytes(sensor) + plan_arena(sensor).arena_bytes,
        "aggregator_memory_bytes": weight_bytes(aggregator) - shapes + plan_arena(aggregator).arena_bytes,
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Print each network's figures and what differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="a run with exported networks")
    options = parser.parse_args(argv)
    if not (options.run / "sensor.tflite").exists():
        raise UserError(f"--run {options.run}: no exported network is there; finish the run's export first")
    quiet_tensorflow()
    rows = {each.architecture: each for each in read_pareto_csv(options.run / "search" / "evaluated.csv")}
    differing = 0
    for folder in (options.run, *sorted(file.parent for file in (options.run / "picks").glob("*/sensor.tflite"))):
        architecture, figures = exported_figures(folder)
        promised = {name: getattr(rows[architecture].cost, name) for name in figures}
        wrong = [name for name, value in figures.items() if value != promised[name]]
        differing += len(wrong)
        shown = ", ".join(f"{name} {value}" for name, value in figures.items())
        verdict = f"DIFFERS: {', '.join(f'{name} (search: {promised[name]})' for name in wrong)}" if wrong else "equal"
        print(f"{folder.name}, {architecture.short_id}: {shown}: {verdict}", flush=True)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(run_command(main))
