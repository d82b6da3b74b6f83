"""Starts searches in processes of their own and kills each with SIGKILL at another moment.

    python killed_searches.py FOLDER

One search a moment, in FOLDER/0, FOLDER/1 ...; prints how each process ended, as `os.waitpid` tells it. The slow import
of Keras Tuner is paid once: the processes are forks of this one.
"""

import os
import signal
import sys
import time
from pathlib import Path

import keras_tuner  # noqa: F401  (imported before the forks)

from benchmarks.synthetic_problem import SPACE, RuggedTable, SyntheticCost
from splitnets_tf.search import SearchSettings, parse_constraints, run_search

SETTINGS = SearchSettings(population=4, generations=3, seed=0)
CONSTRAINTS = parse_constraints(["latency_ms <= 0.2", "peak_bytes <= 20000"])
MOMENTS = ((0, 0.0), (1, 0.0), (5, 0.021), (8, 0.024), (12, 0.021))
"""Evaluations begun, and seconds after that: within an evaluation (0.02 s), or in the few milliseconds behind it."""


class SlowTable(RuggedTable):
    """Takes its time, and marks each evaluation in a file."""

    def __init__(self, marks: Path) -> None:
        """Write marks to a file."""
        super().__init__(SPACE)
        self._marks = marks

    def evaluate(self, architecture):
        """Accuracy, after a while."""
        with self._marks.open("a") as file:
            file.write("x")
        time.sleep(0.02)
        return super().evaluate(architecture)


def search(directory, evaluator):
    """The call that is killed, and repeated."""
    return run_search(
        space=SPACE,
        cost=SyntheticCost(),
        evaluator=evaluator,
        constraints=CONSTRAINTS,
        settings=SETTINGS,
        directory=directory,
    )


def killed(folder: Path, evaluations: int, delay_s: float) -> int:
    """Start one search and kill it; returns its wait status."""
    folder.mkdir(parents=True)
    marks = folder / "marks"
    marks.touch()
    child = os.fork()
    if child == 0:
        search(folder / "search", SlowTable(marks))
        time.sleep(60)  # Finished before it was killed: wait for that.
        os._exit(0)
    while len(marks.read_text()) < evaluations:
        if os.waitpid(child, os.WNOHANG)[0]:
            raise ChildProcessError("the search ended by itself")
        time.sleep(0.001)
    time.sleep(delay_s)
    os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


if __name__ == "__main__":
    for index, (evaluations, delay_s) in enumerate(MOMENTS):
        print(killed(Path(sys.argv[1]) / str(index), evaluations, delay_s))
