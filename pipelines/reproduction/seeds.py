"""Runs that differ in their seed: each figure by seed, and the differences to the baselines over all seeds.

A run's interval says how far the answer depends on the test families; it knows nothing of what another seed of training
and search would have found.
"""

import dataclasses
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.front_table import front_hypervolume
from pipelines.imagenet.summary_rows import ACCURACY_MARGIN, TEST_SET, Predictions
from pipelines.run_directory import RunDirectory, dotted_keys
from pipelines.statistics import pooled_estimate
from splitnets_tf.errors import UserError
from splitnets_tf.files import read_json
from splitnets_tf.search import Candidate, read_pareto_csv

__all__ = ["FinishedRun", "read_finished_runs", "seeds_record"]

_MAY_DIFFER = ("seed", "full", "backbones", "picks", "max_latencies_ms", "min_accuracies", "cache_dir")
"""Keys, or last parts of dotted ones: the seeds, and what a finished run may take up."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """One run, as far as it is compared."""

    path: Path
    """Its directory."""
    config: Mapping[str, Any]
    """Its configuration, by dotted keys."""
    summary: Mapping[str, Any]
    """Its summary.json."""
    test: Predictions
    """Its predictions of the test set."""
    test_images: str
    """Digest of some of the test images."""
    front: tuple[Candidate, ...]
    """What its search found."""


def read_finished_runs(paths: Sequence[Path]) -> tuple[FinishedRun, ...]:
    """Read runs and check that their seeds differ, and nothing else.

    Args:
        paths: Run directories of one pipeline.

    Raises:
        UserError: There is one run only, one is not finished, or two differ in more than their seed or not in that.
    """
    if len(paths) < 2:
        raise UserError("seeds compares several runs; name at least two")
    runs = tuple(_read(path) for path in paths)
    first = runs[0]
    for run in runs[1:]:
        keys = [key for key in {*first.config, *run.config} if first.config.get(key) != run.config.get(key)]
        differing = sorted(key for key in keys if key.split(".")[-1] not in _MAY_DIFFER)
        if differing:
            raise UserError(
                f"{first.path} and {run.path} differ in {', '.join(differing)}; name runs of one experiment"
            )
        if first.test_images != run.test_images or not np.array_equal(first.test.labels, run.test.labels):
            raise UserError(
                f"{first.path} and {run.path} have different test sets; name runs of one experiment (where the data "
                "has no test set of its own, another --seed holds other images out: give it one)"
            )
    if len({run.summary["seed"] for run in runs}) < len(runs):
        raise UserError(f"two of the runs have the same seed: {[run.summary['seed'] for run in runs]}")
    return runs


def _read(path: Path) -> FinishedRun:
    config = RunDirectory(path).stored_config()
    test_set = path / "predictions" / TEST_SET
    if config is None or not test_set.is_file():
        raise UserError(
            f"{path} is no finished run of pipelines.imagenet or pipelines.modelnet; run the pipeline there to its end "
            "(for a run of an earlier version: its report once more)"
        )
    summary = read_json(path / "summary.json", "the summary of a run")
    try:
        with np.load(test_set, allow_pickle=False) as file:
            arrays = {name: file[name] for name in ("labels", "families", "objects")}
            images = str(file["images"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(f"{test_set}: cannot be read ({error}); run the report there once more") from error
    test = Predictions(**arrays, seed=summary["seed"], directory=test_set.parent)
    return FinishedRun(
        path=path,
        config=dotted_keys(config),
        summary=summary,
        test=test,
        test_images=images,
        front=read_pareto_csv(path / "search" / "pareto.csv"),
    )


def seeds_record(runs: Sequence[FinishedRun]) -> dict[str, Any]:
    """Plain data: `reference` of the hypervolumes, `runs`, and `pooled` differences.

    A front's hypervolume is its share of the rectangle between (accuracy 1, 0 ms) and the lowest accuracy of any front
    at the latency of the fastest feasible baseline. A pooled difference is resampled over seeds and families.
    """
    lowest = min(candidate.accuracy for run in runs for candidate in run.front)
    reference_ms = max(_fastest_baseline_ms(run) for run in runs)
    return {
        "schema_version": 1,
        "reference": {"accuracy": lowest, "latency_ms": reference_ms},
        "runs": [_row(run, lowest, reference_ms) for run in runs],
        "pooled": _pooled(runs),
    }


def _fastest_baseline_ms(run: FinishedRun) -> float:
    rows = run.summary["baselines"]
    feasible = [row["latency_ms"] for row in rows if row["feasible"] and row["latency_ms"] is not None]
    # Without a feasible baseline nothing is cut off.
    return min(feasible, default=max(candidate.cost.latency_ms for candidate in run.front))


def _row(run: FinishedRun, lowest: float, reference_ms: float) -> dict[str, Any]:
    summary = run.summary
    return {
        "run": str(run.path),
        "seed": summary["seed"],
        "split": summary["split"],
        "latency_ms": summary["latency_ms"],
        "accuracy": summary["accuracy"],
        "hypervolume": front_hypervolume(run.front, lowest, reference_ms),
        "comparisons": summary["comparisons"],
    }


def _pooled(runs: Sequence[FinishedRun]) -> list[dict[str, Any]]:
    """For every baseline that all runs have: the mean difference over seeds, and the largest ratio of latencies."""
    by_run = [{row["network"]: row for row in run.summary["comparisons"] if "network" in row} for run in runs]
    rows = []
    for network in [name for name in by_run[0] if all(name in rows for rows in by_run)]:
        differences = [_difference(run, network) for run in runs]
        estimate = pooled_estimate(np.stack(differences), runs[0].test.families, seed=0)
        ratios = [row[network]["latency_ratio"] for row in by_run]
        rows.append(
            {
                "against": by_run[0][network]["against"],
                "network": network,
                "by_seed": [float(values.mean()) for values in differences],
                "difference": estimate.to_dict(),
                "largest_latency_ratio": None if None in ratios else max(ratios),
                "as_accurate": bool(estimate.low > -ACCURACY_MARGIN),
            }
        )
    return rows


def _difference(run: FinishedRun, network: str) -> np.ndarray:
    chosen, other = run.test.correct("chosen"), run.test.correct(network)
    if chosen is None or other is None:
        raise UserError(f"{run.path} lacks predictions of chosen or {network}; run the pipeline there again")
    return chosen.astype(np.float64) - other.astype(np.float64)
