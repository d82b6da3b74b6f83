"""How often the search ends among the best: on a rugged synthetic table and on real supernet evaluations.

    python -m benchmarks.search_success --json success.json

Three constrained problems a table, 20 seeds each. On the synthetic table (19 200 architectures) the search may evaluate
5 % of it, on the real one (2 160 evaluations of `tests/assets/supernet_table`) 10 %. A seed succeeds where the most
accurate candidate that it found is among the best 0.1 % of the feasible ones, rounded up to whole architectures; on the
real table that is a single one, so the best two are counted beside it. Random search has the same rules and numbers.
The search is the oracle's, without its files. About 10 minutes on one core.
"""

import argparse
import dataclasses
import functools
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.synthetic_problem import SPACE, RuggedTable, synthetic_cost
from pipelines.cli import run_command
from splitnets_tf.data.spread import spread_order
from splitnets_tf.files import write_json
from splitnets_tf.hardware import load_system
from splitnets_tf.search import (
    COST_FIGURES,
    AnalyticCost,
    Candidate,
    Cost,
    FeasibilityProblem,
    SearchSettings,
    parse_constraints,
    total_violation,
)
from splitnets_tf.search.generation import begin_generation, propose_next
from splitnets_tf.search.halving import Evaluation, evaluate_in_parts
from splitnets_tf.space import Architecture, SearchSpace, every_architecture, load_space

_ASSET = Path(__file__).parents[1] / "tests" / "assets" / "supernet_table"
_CLASSES = 34
METHODS = {
    "search": {},
    "with predictor": {"predictor": True},
    "random": {"generations": 1},
}
"""Name -> changes of the table's settings; a single generation is random but for the extremes."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Table:
    """A space of which everything is known."""

    name: str
    space: SearchSpace
    settings: SearchSettings
    """Population and generations within the share of evaluations."""
    problems: tuple[tuple[str, ...], ...]
    """Constraints."""
    accuracy: Mapping[Architecture, float]
    costs: Mapping[Architecture, Cost]
    bits: Mapping[Architecture, np.ndarray] = dataclasses.field(default_factory=dict)
    """Which images were classified correctly, bool `[images]`, where that is known."""

    population_figures = frozenset(COST_FIGURES)

    def cost(self, architecture: Architecture) -> Cost:
        """Looked up."""
        return self.costs[architecture]

    def figures(self, vectors: np.ndarray) -> dict[str, np.ndarray]:
        """Looked up for n value vectors, arrays `[n]` by name."""
        rows, columns = self._columns
        found = [rows[key] for key in map(bytes, vectors.astype(np.int32))]
        return {name: column[found] for name, column in columns.items()}

    @functools.cached_property
    def _columns(self) -> tuple[dict[bytes, int], dict[str, np.ndarray]]:
        """The row of each value vector, and the figures as columns."""
        rows = {bytes(self.space.encode(each)): row for row, each in enumerate(self.costs)}
        return rows, {name: np.array([getattr(cost, name) for cost in self.costs.values()]) for name in COST_FIGURES}

    def correct_in_parts(self, architecture: Architecture, shares: Sequence[float]) -> Iterator[np.ndarray]:
        """The images part by part, as an evaluator gives them."""
        correct = self.bits[architecture]
        rows = spread_order(len(correct))
        yield from np.split(correct[rows], [round(share * len(rows)) for share in shares])

    def evaluate(
        self, architecture: Architecture, settings: SearchSettings, floors: Sequence[float | None]
    ) -> Evaluation:
        """As the search's tuner evaluates a trial."""
        if settings.validation_parts:
            return evaluate_in_parts(self, architecture, settings.validation_parts, floors)
        return Evaluation(accuracy=self.accuracy[architecture], counted=1.0, after_parts=())

    def feasible_accuracies(self, texts: Sequence[str]) -> list[float]:
        """Accuracies of the feasible architectures, highest first."""
        constraints = parse_constraints(texts)
        kept = (each for each, cost in self.costs.items() if total_violation(constraints, cost.as_dict()) == 0)
        return sorted((self.accuracy[each] for each in kept), reverse=True)


@functools.cache
def synthetic_table() -> Table:
    """The rugged table over 19 200 architectures; 960 evaluations are 5 %."""
    space = dataclasses.replace(SPACE, name="synthetic-large", split_widths=(4, 6, 8, 12, 16))
    accuracy = RuggedTable(space).accuracy
    architectures = list(every_architecture(space))
    return Table(
        name="synthetic",
        space=space,
        settings=SearchSettings(population=48, generations=20),
        problems=(
            ("latency_ms <= 0.2",),
            ("latency_ms <= 0.1", "peak_bytes <= 12000"),
            ("link_bytes <= 600", "macs <= 3e6", "latency_ms <= 0.3"),
        ),
        accuracy={each: accuracy(each) for each in architectures},
        costs={each: synthetic_cost(each) for each in architectures},
    )


def supernet_bits(folder: Path = _ASSET) -> tuple[list[Architecture], np.ndarray]:
    """The architectures of the shipped table and which images each classified correctly, bool `[n, images]`."""
    whole = load_space("demo")
    with np.load(folder / "evaluations.npz") as stored:
        bits = np.unpackbits(stored["correct"], axis=1, count=int(stored["images"])).astype(bool)
        return [whole.decode(vector) for vector in stored["vectors"]], bits


@functools.cache
def supernet_table() -> Table:
    """The shipped evaluations of a trained supernet; 216 of 2 160 are 10 %."""
    space = load_space(str(_ASSET / "space.yaml"))
    architectures, bits = supernet_bits()
    return Table(
        name="supernet",
        space=space,
        settings=SearchSettings(population=18, generations=12),
        problems=(
            ("latency_ms <= 0.6",),
            ("latency_ms <= 0.7", "peak_bytes <= 50000"),
            ("latency_ms <= 0.8", "link_bytes <= 600", "sensor_macs <= 1e6"),
        ),
        accuracy=dict(zip(architectures, bits.mean(axis=1).tolist(), strict=True)),
        costs=dict(zip(architectures, _priced(space, architectures), strict=True)),
        bits=dict(zip(architectures, bits, strict=True)),
    )


def _priced(space: SearchSpace, architectures: Sequence[Architecture]) -> list[Cost]:
    """Figures of all at once; the planned arenas, which no problem here names, are left at 0."""
    cost = AnalyticCost(space, load_system("hmd-demo"), _CLASSES)
    figures = cost.figures(np.stack([space.encode(each) for each in architectures]))
    columns = {name: values.tolist() for name, values in figures.items()}
    memory = {"sensor_memory_bytes": 0, "aggregator_memory_bytes": 0}
    return [
        Cost(**memory, **{name: values[row] for name, values in columns.items()}) for row in range(len(architectures))
    ]


TABLES: dict[str, Callable[[], Table]] = {"synthetic": synthetic_table, "supernet": supernet_table}
"""Name -> table, made when asked for."""


def evolve(table: Table, texts: Sequence[str], settings: SearchSettings) -> Iterator[Candidate]:
    """What `run_search` evaluates, without Keras Tuner and files."""
    problem = FeasibilityProblem(space=table.space, cost=table, constraints=parse_constraints(texts))
    rng = np.random.default_rng(settings.seed)
    earlier: list[list[Candidate]] = []
    known: set[Architecture] = set()
    for _ in range(settings.generations):
        generation = begin_generation(problem, settings, earlier)
        earlier.append([])
        for _ in range(settings.population):
            proposed = propose_next(problem, settings, generation, known, rng)
            if proposed is None:
                return
            known.add(proposed)
            cost = table.cost(proposed)
            evaluation = table.evaluate(proposed, settings, generation.floors_of(cost, settings))
            found = {field.name: getattr(evaluation, field.name) for field in dataclasses.fields(evaluation)}
            earlier[-1].append(Candidate(architecture=proposed, cost=cost, **found))
            yield earlier[-1][-1]


def ranks(table: Table, texts: Sequence[str], method: str, seeds: Sequence[int]) -> list[int]:
    """Rank among the feasible ones, from 1, of the most accurate candidate that each seed found."""
    feasible = np.array(table.feasible_accuracies(texts))
    found = []
    for seed in seeds:
        settings = dataclasses.replace(table.settings, seed=seed, **METHODS[method])
        if settings.generations == 1:
            settings = dataclasses.replace(settings, population=table.settings.max_candidates)
        best = max(candidate.accuracy for candidate in evolve(table, texts, settings))
        found.append(int(np.count_nonzero(feasible > best)) + 1)
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Print a row for each problem and method; exit code 1 where fewer than nine of ten seeds succeed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", choices=TABLES, action="append", help="only this table (default: both)")
    parser.add_argument("--method", choices=METHODS, action="append", help="only this method (default: all)")
    parser.add_argument("--seeds", type=int, default=20, metavar="N")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args(argv)
    rows: list[dict[str, Any]] = []
    for name in options.table or TABLES:
        table = TABLES[name]()
        for texts in table.problems:
            feasible = len(table.feasible_accuracies(texts))
            mark = math.ceil(feasible / 1000)
            for method in options.method or METHODS:
                found = ranks(table, texts, method, range(options.seeds))
                row = {"table": name, "constraints": list(texts), "feasible": feasible, "mark": mark, "method": method}
                rows.append(row | {"evaluations": table.settings.max_candidates, "ranks": found})
                hits, two = (sum(rank <= limit for rank in found) for limit in (mark, max(mark, 2)))
                print(
                    f"{name:9}  {' and '.join(texts):60}  {feasible:5} feasible  {method:14}  "
                    f"best {mark}: {hits} of {options.seeds}  best {max(mark, 2)}: {two}  worst rank {max(found)}",
                    flush=True,
                )
    if options.json:
        write_json(options.json, {"schema_version": 1, "rows": rows})
    poor = [row for row in rows if row["method"] != "random" and _share(row) < 0.9]
    return 1 if poor else 0


def _share(row: Mapping[str, Any]) -> float:
    return float(np.mean([rank <= max(row["mark"], 2) for rank in row["ranks"]]))


if __name__ == "__main__":
    sys.exit(run_command(main))
