"""Searches with a chief and workers on loopback, whose processes may be killed.

    python distributed_searches.py FOLDER SCENARIO

Every process is a fork of this one, which has paid for the import of Keras Tuner. Prints one JSON object: how each
process ended, and how many evaluations each worker began.
"""

import json
import os
import signal
import socket
import sys
import time
from pathlib import Path

import keras_tuner  # noqa: F401  (imported before the forks)
import numpy as np

from benchmarks.synthetic_problem import SPACE, RuggedTable, SyntheticCost
from splitnets_tf.search import SearchSettings, parse_constraints, run_search, run_worker, write_pareto_csv

SETTINGS = SearchSettings(population=6, generations=3, seed=0)
CONSTRAINTS = parse_constraints(["latency_ms <= 0.2", "peak_bytes <= 20000"])
QUESTION = {"space": SPACE, "constraints": CONSTRAINTS, "settings": SETTINGS, "identity": "one supernet"}
SPARING = QUESTION | {
    "settings": SearchSettings(
        population=16, generations=3, seed=0, validation_parts=(0.25,), predictor=True, least_rank_correlation=0.2
    )
}
"""With successive halving and the accuracy predictor."""
IMAGES = 20_000
LEASE_SECONDS = 1.5


class PartwiseTable(RuggedTable):
    """Can count its images in parts, too."""

    def correct_in_parts(self, architecture, shares):
        """Which images are correct, part by part; the same ones whenever it is asked."""
        right = round(IMAGES * self.evaluate(architecture))
        rng = np.random.default_rng(int(architecture.short_id, 16))
        yield from np.split(rng.permutation(IMAGES) < right, [round(share * IMAGES) for share in shares])


class MarkingTable(PartwiseTable):
    """Takes its time, marks each evaluation in a file, and hangs in its third one until it may go on."""

    def __init__(self, marks: Path, go_on: Path | None) -> None:
        """Write marks to a file; hang until the other file is there."""
        super().__init__(SPACE)
        self._marks = marks
        self._go_on = go_on

    def evaluate(self, architecture):
        """Accuracy, after a while."""
        with self._marks.open("a") as file:
            file.write("x")
        time.sleep(0.05)
        while self._go_on and len(self.asked) == 2 and not self._go_on.exists():
            time.sleep(0.01)
        return super().evaluate(architecture)


def start(folder: Path, name: str, port: int, question: dict, go_on: Path | None = None) -> int:
    """Fork a chief or a worker; returns its process id."""
    child = os.fork()
    if child:
        return child
    os.environ |= {
        "KERASTUNER_TUNER_ID": name,
        "KERASTUNER_ORACLE_IP": "127.0.0.1",
        "KERASTUNER_ORACLE_PORT": str(port),
    }
    if name == "chief":
        result = run_search(
            **question,
            cost=SyntheticCost(),
            evaluator=PartwiseTable(SPACE),
            directory=folder / "search",
            lease_seconds=LEASE_SECONDS,
        )
        write_pareto_csv(folder / "evaluated.csv", result.evaluated)
    else:
        table = MarkingTable(folder / name, go_on)
        run_worker(**question, cost=SyntheticCost(), evaluator=table, lease_seconds=LEASE_SECONDS, patience_seconds=60)
    os._exit(0)


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for_marks(path: Path, count: int) -> None:
    """Wait until a worker has begun so many evaluations."""
    deadline = time.monotonic() + 60
    while not path.exists() or len(path.read_text()) < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path} has not {count} marks")
        time.sleep(0.005)


def main(folder: Path, scenario: str) -> dict[str, dict[str, int]]:
    """Run one scenario: `plain`, `killed worker` or `killed chief`, both while worker two is in an evaluation.

    `sparing` is a killed worker of a search with halving and predictor.
    """
    question = SPARING if scenario == "sparing" else QUESTION
    folder.mkdir(parents=True)
    port = free_port()
    go_on = None if scenario == "plain" else folder / "go_on"
    processes = {"chief": start(folder, "chief", port, question), "two": start(folder, "two", port, question, go_on)}
    if go_on:
        wait_for_marks(folder / "two", 3)  # Worker one is not there yet to take its work away.
    processes["one"] = start(folder, "one", port, question)
    if scenario in ("killed worker", "sparing"):
        os.kill(processes["two"], signal.SIGKILL)
    if scenario == "killed chief":
        wait_for_marks(folder / "one", 1)
        os.kill(processes["chief"], signal.SIGKILL)
        os.waitpid(processes["chief"], 0)
        processes["chief"] = start(folder, "chief", port, question)
    if go_on:
        go_on.touch()
    ended = {name: os.waitpid(process, 0)[1] for name, process in processes.items()}
    return {"ended": ended, "begun": {name: len((folder / name).read_text()) for name in ("one", "two")}}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2])))
