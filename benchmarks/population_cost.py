"""How fast a population is priced at once, with the price of one graph at a time beside it.

    python -m benchmarks.population_cost

Expected on one core: over 100 000 architectures of `attentive_nas_split` a second at once, under 200 a second one by
one. Takes about twenty seconds. What is priced one by one is compared, too; a difference ends with exit code 1.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np

from splitnets_tf.hardware import load_system
from splitnets_tf.search import AnalyticCost
from splitnets_tf.space import PRESETS, load_space, sample_vectors

_CLASSES = 1000


def main(arguments: list[str] | None = None) -> int:
    """Prints both speeds for each space."""
    parser = argparse.ArgumentParser(description="Architectures priced a second, at once and one by one.")
    parser.add_argument("--system", default="hmd", help="system: a preset or a YAML file")
    parser.add_argument("--at-once", type=int, default=200_000, metavar="N", help="architectures priced at once")
    parser.add_argument("--one-by-one", type=int, default=200, metavar="N", help="architectures priced one by one")
    options = parser.parse_args(arguments)
    equal = True
    for name in PRESETS:
        space = load_space(name)
        cost = AnalyticCost(space, load_system(options.system), _CLASSES)
        vectors = sample_vectors(space, np.random.default_rng(0), options.at_once)
        start = time.perf_counter()
        figures = cost.figures(vectors)
        at_once = len(vectors) / (time.perf_counter() - start)
        architectures = [space.decode(vector) for vector in vectors[: options.one_by_one]]
        start = time.perf_counter()
        singles = [cost.cost(architecture).as_dict() for architecture in architectures]
        one_by_one = len(singles) / (time.perf_counter() - start)
        differing = sum(single[key] != values[i] for i, single in enumerate(singles) for key, values in figures.items())
        equal &= differing == 0
        sys.stdout.write(
            f"{name}: {at_once:,.0f} a second at once (without the arena), {one_by_one:,.0f} a second one by one "
            f"(with it); {differing} of {len(singles) * len(figures)} figures differ\n"
        )
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
