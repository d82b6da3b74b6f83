"""What successive halving saves, and whether it changes the front: on real supernet evaluations.

    python -m benchmarks.halving_fronts --json halving.json

The searches of `benchmarks.search_success` on `tests/assets/supernet_table`, each with and without parts, 20 seeds for
each of three problems. For each point of the front that was found without parts, the most accurate point of the other
front that is no slower is compared with it on the same images; the table counts the points at which it is worse and
the 95 % interval of the paired difference does not reach 0. About a minute.
"""

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.search_success import Table, evolve, supernet_table
from pipelines.cli import run_command
from splitnets_tf.files import write_json
from splitnets_tf.search import Candidate, hypervolume_2d, objective_array, pareto_front

_NORMAL_95 = 1.96


def compare(table: Table, texts: Sequence[str], parts: tuple[float, ...], seed: int) -> dict[str, Any]:
    """One seed with and without parts: plain data."""
    settings = dataclasses.replace(table.settings, seed=seed)
    plain = list(evolve(table, texts, settings))
    halved = list(evolve(table, texts, dataclasses.replace(settings, validation_parts=parts)))
    whole, kept = pareto_front(plain), pareto_front([each for each in halved if not each.given_up])
    corner = (-min(each.accuracy for each in plain), max(each.cost.latency_ms for each in plain))
    volumes = [hypervolume_2d(objective_array(front), corner) for front in (whole, kept)]
    return {
        "seed": seed,
        "given_up": sum(each.given_up for each in halved),
        "counted_share": float(np.mean([each.counted for each in halved])),
        "hypervolume_ratio": volumes[1] / volumes[0],
        "front_points": len(whole),
        "clearly_worse": sum(_clearly_worse(table, point, kept) for point in whole),
    }


def _clearly_worse(table: Table, point: Candidate, front: Sequence[Candidate]) -> bool:
    """Whether the front has nothing at this latency whose paired interval reaches the point's accuracy."""
    no_slower = [each for each in front if each.cost.latency_ms <= point.cost.latency_ms]
    if not no_slower:
        return True
    best = max(no_slower, key=lambda each: each.accuracy)
    difference = table.bits[best.architecture].astype(float) - table.bits[point.architecture]
    return bool(difference.mean() + _NORMAL_95 * difference.std() / np.sqrt(len(difference)) < 0)


def main(argv: Sequence[str] | None = None) -> int:
    """Print a row for each problem."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", type=float, nargs="+", default=[0.25], help="validation_parts (default: 0.25)")
    parser.add_argument("--seeds", type=int, default=20, metavar="N")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args(argv)
    table, record = supernet_table(), []
    for texts in table.problems:
        rows = [compare(table, texts, tuple(options.parts), seed) for seed in range(options.seeds)]
        record.append({"constraints": list(texts), "parts": options.parts, "rows": rows})
        ratios = [row["hypervolume_ratio"] for row in rows]
        print(
            f"{' and '.join(texts):72}  images counted {100 * np.mean([row['counted_share'] for row in rows]):.0f} %  "
            f"hypervolume {min(ratios):.3f} to {max(ratios):.3f} (median {np.median(ratios):.3f}) of that without "
            f"parts; clearly worse at {sum(row['clearly_worse'] for row in rows)} of "
            f"{sum(row['front_points'] for row in rows)} points",
            flush=True,
        )
    if options.json:
        write_json(options.json, {"schema_version": 1, "problems": record})
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
