"""What a search costs besides evaluating networks: proposals, prices, Keras Tuner's files.

    python -m benchmarks.search_bookkeeping

Processor time a candidate on the demo's space and system with an evaluator that answers at once: as in the demo, with
the accuracy predictor, and under constraints that one random network in a thousand keeps. The mark is 20 ms.
About half a minute.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from pipelines.cli import quiet_tensorflow, run_command
from splitnets_tf.hardware import load_system
from splitnets_tf.search import AnalyticCost, SearchSettings, memory_constraints, parse_constraints, run_search
from splitnets_tf.space import Architecture, load_space

_CASES = {
    "as in the demo": ({}, ()),
    "with predictor": ({"predictor": True}, ()),
    "tight constraints": ({}, ("latency_ms <= 0.2", "macs >= 1.2e6")),
}


class _SizeDecides:
    """Answers at once: larger networks are more accurate."""

    def __init__(self, cost: AnalyticCost) -> None:
        self._cost = cost

    def evaluate(self, architecture: Architecture) -> float:
        return min(1.0, 0.3 + self._cost.cost(architecture).macs / 1e7)


def main(argv: Sequence[str] | None = None) -> int:
    """Print milliseconds for each case; exit code 1 where one takes more than 20."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=120, metavar="N", help="of each case, a multiple of 20")
    options = parser.parse_args(argv)
    quiet_tensorflow()
    import keras_tuner  # noqa: F401  (imported before the clock runs)
    import sklearn.gaussian_process  # noqa: F401

    space, system = load_space("demo"), load_system("hmd-demo")
    slow = False
    for name, (changes, texts) in _CASES.items():
        cost = AnalyticCost(space, system, 34)
        settings = SearchSettings(population=20, generations=options.candidates // 20, **changes)
        with tempfile.TemporaryDirectory() as folder:
            start = time.process_time()
            result = run_search(
                space=space,
                cost=cost,
                evaluator=_SizeDecides(cost),
                constraints=(*memory_constraints(system), *parse_constraints(texts)),
                settings=settings,
                directory=Path(folder) / "search",
            )
            each_ms = 1e3 * (time.process_time() - start) / len(result.evaluated)
        print(f"{name}: {each_ms:.1f} ms a candidate over {len(result.evaluated)} candidates", flush=True)
        slow |= each_ms > 20
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(run_command(main))
