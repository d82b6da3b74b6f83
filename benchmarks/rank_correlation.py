"""How well the supernet ranks: inherited validation accuracy against accuracy after a short training alone.

    python -m benchmarks.rank_correlation --run runs/demo --architectures 10 --epochs 3 --json rank.json

Architectures are spread over the space by their MACs: of many random ones with one split, those at equal steps of the
sorted list. Each is trained alone from scratch for a few epochs with the recipe of the run's supernet, and counted on
the same validation images as in the search. Finished trainings are kept beside the run, so the command resumes.
About 40 s an architecture and 3 epochs on two cores.
"""

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.cli import quiet_tensorflow, run_command
from pipelines.run_directory import RunDirectory
from splitnets_tf.errors import UserError
from splitnets_tf.files import write_json
from splitnets_tf.space import Architecture, SearchSpace, sample

_POOL = 400
_RESAMPLES = 2000


def spread_architectures(space: SearchSpace, cost: Any, count: int, seed: int) -> list[Architecture]:
    """`count` split architectures at equal steps of a random pool sorted by MACs."""
    rng = np.random.default_rng(seed)
    pool = sorted((sample(space, rng) for _ in range(_POOL)), key=lambda a: cost.cost(a).macs)
    return [pool[round(index)] for index in np.linspace(0, _POOL - 1, count)]


def kendall(first: Sequence[float], second: Sequence[float], seed: int) -> dict[str, float]:
    """Kendall's tau-b with a 95 % interval bootstrapped over architectures."""
    from scipy.stats import kendalltau

    a, b = np.asarray(first), np.asarray(second)
    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(_RESAMPLES):
        rows = rng.integers(len(a), size=len(a))
        if len(np.unique(rows)) > 2:
            draws.append(kendalltau(a[rows], b[rows]).statistic)
    low, high = np.nanpercentile(draws, [2.5, 97.5])
    return {"tau": float(kendalltau(a, b).statistic), "low": float(low), "high": float(high)}


def main(argv: Sequence[str] | None = None) -> int:
    """Train, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="run directory with a trained supernet")
    parser.add_argument("--architectures", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args(argv)
    quiet_tensorflow()
    rows = _measure(arguments)
    result = kendall([row["inherited"] for row in rows], [row["alone"] for row in rows], arguments.seed)
    result |= {"epochs": arguments.epochs, "architectures": rows}
    print(
        f"Kendall's tau {result['tau']:.2f} (95 % interval {result['low']:.2f} to {result['high']:.2f}) over "
        f"{len(rows)} architectures, {arguments.epochs} epochs alone"
    )
    if arguments.json:
        write_json(arguments.json, result)
    return 0


def _measure(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    from pipelines.imagenet.config import DEMO, with_overrides
    from pipelines.imagenet.context import open_context
    from pipelines.imagenet.train import TrainedEvaluator, supernet_weights

    stored = RunDirectory(arguments.run).stored_config()
    if stored is None:
        raise UserError(f"--run {arguments.run} holds no run; make one with python -m pipelines.imagenet train")
    context = open_context(with_overrides(DEMO, stored), arguments.run)
    if not supernet_weights(context).is_file():
        raise UserError(f"--run {arguments.run} has no trained supernet; finish it with the verb train")
    evaluator = TrainedEvaluator(context).evaluator
    rows = []
    for architecture in spread_architectures(context.space, context.cost, arguments.architectures, arguments.seed):
        alone = _train_alone(context, architecture, arguments)
        rows.append(
            {
                "id": architecture.short_id,
                "macs": context.cost.cost(architecture).macs,
                "inherited": evaluator.evaluate(architecture),
                "alone": alone,
            }
        )
        row = rows[-1]
        print(
            f"{row['id']}  {row['macs'] / 1e6:5.2f} M MACs  inherited {row['inherited']:.3f}  alone {row['alone']:.3f}",
            flush=True,
        )
    return rows


def _train_alone(context: Any, architecture: Architecture, arguments: argparse.Namespace) -> float:
    """Validation accuracy after a short training from scratch; read back where it is known already."""
    import keras

    from pipelines.imagenet.networks import predict
    from pipelines.imagenet.train import validation_arrays
    from splitnets_tf.space import blueprint
    from splitnets_tf.supernet import build_network, train_network

    path = context.path("rank_correlation", f"{architecture.short_id}-{arguments.epochs}-{arguments.seed}.json")
    if path.is_file():
        return float(json.loads(path.read_text("utf-8"))["accuracy"])
    keras.utils.set_random_seed(arguments.seed)
    model = build_network(keras, blueprint(context.space, architecture, context.num_classes)).whole
    settings = dataclasses.replace(context.config.train, epochs=arguments.epochs, seed=arguments.seed)
    train, validation = context.arrays("train"), validation_arrays(context)
    train_network(model, train.images, train.labels, settings=settings)
    accuracy = float(np.mean(predict(model, validation.images) == validation.labels))
    write_json(path, {"accuracy": accuracy})
    return accuracy


if __name__ == "__main__":
    sys.exit(run_command(main))
