"""From the results of single runs to the figures of a study: intervals, paired differences, gradient ratios.

Every difference is taken between two runs of one seed, image by image. A variant is called better or worse only where
all seeds agree in the sign and the interval of their mean leaves out zero.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipelines.reproduction.claims.settings import VARIANTS, ClaimsSettings, Study
from pipelines.statistics import accuracy_estimate

__all__ = ["KINDS", "RATIOS", "WINDOW", "Results", "correct_by_kind", "study_record", "verdict"]

KINDS = {
    "split": "random, one split (mean)",
    "largest": "largest, no split",
    "smallest": "smallest, one split",
}
"""Kind of network -> what it is called."""
RATIOS = {
    "gradient_ratio": "both, norm",
    "gradient_ratio_reduce": "Conv-Reduce, norm",
    "gradient_ratio_recover": "Conv-Recover, norm",
    "gradient_rms_ratio_reduce": "Conv-Reduce, rms",
    "gradient_rms_ratio_recover": "Conv-Recover, rms",
}
"""Value of a training step -> what it is called."""
WINDOW = 10
"""Steps over which the courses of gradient ratios are averaged."""
_LOSSES = ("loss", "loss_random", "loss_smallest")

Results = Mapping[tuple[str, int], Mapping[str, Any]]
"""(variant, seed) -> the run's result, with `correct` as bool arrays."""


def correct_by_kind(result: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """For each kind of `KINDS` the share of its networks that get an image right, float `[images]`."""
    networks = result["networks"]
    split = [record["correct"] for name, record in networks.items() if name not in KINDS]
    return {"split": np.mean(split, axis=0)} | {
        kind: np.asarray(networks[kind]["correct"], np.float64) for kind in KINDS if kind != "split"
    }


def study_record(study: Study, settings: ClaimsSettings, results: Results, families: np.ndarray) -> dict[str, Any]:
    """All figures of a study as plain data.

    Args:
        study: Its variants.
        settings: Seeds, and the bootstrap's seed.
        results: The runs.
        families: Family of each validation image, int `[images]`.
    """
    base = study.variants[0]
    return {
        "title": study.title,
        "claim": study.claim,
        "kinds": KINDS,
        "variants": {
            name: {
                **dataclasses.asdict(VARIANTS[name]),
                **({"label": study.base_label} if name == base else {}),
                "accuracy": _accuracies(name, settings, results, families),
                "difference": None if name == base else _differences(name, base, settings, results, families),
                "gradient_ratios": _ratios(name, settings, results),
                "training": _training(name, settings, results),
            }
            for name in study.variants
        },
    }


def _accuracies(name: str, settings: ClaimsSettings, results: Results, families: np.ndarray) -> dict[str, Any]:
    """By kind: an estimate for each seed, and that of their mean."""
    by_seed = [correct_by_kind(results[name, seed]) for seed in settings.seeds]
    return {kind: _estimates([correct[kind] for correct in by_seed], settings, families) for kind in KINDS}


def _estimates(values: Sequence[np.ndarray], settings: ClaimsSettings, families: np.ndarray) -> dict[str, Any]:
    def estimate(of: np.ndarray) -> dict[str, float]:
        return accuracy_estimate(of, families, seed=settings.networks_seed).to_dict()

    seeds = {str(seed): estimate(of) for seed, of in zip(settings.seeds, values, strict=True)}
    return {"seeds": seeds, "mean": estimate(np.mean(values, axis=0))}


def _differences(
    name: str, base: str, settings: ClaimsSettings, results: Results, families: np.ndarray
) -> dict[str, Any]:
    """By kind: one variant minus another, seed by seed, their mean, and what follows from it."""
    own, other = ([correct_by_kind(results[each, seed]) for seed in settings.seeds] for each in (name, base))
    records = {}
    for kind in KINDS:
        paired = [first[kind] - second[kind] for first, second in zip(own, other, strict=True)]
        record = _estimates(paired, settings, families)
        records[kind] = record | {"verdict": verdict(record["seeds"], record["mean"])}
    return records


def verdict(seeds: Mapping[str, Mapping[str, float]], mean: Mapping[str, float]) -> str:
    """`better`, `worse`, or why neither can be said.

    Args:
        seeds: Difference of each seed, with `value`.
        mean: Their mean, with `low` and `high`.
    """
    signs = {math.copysign(1, difference["value"]) if difference["value"] else 0.0 for difference in seeds.values()}
    if len(signs) > 1 or 0.0 in signs:
        return "signs differ between seeds"
    if mean["low"] <= 0 <= mean["high"]:
        return "interval contains zero"
    return "better" if mean["value"] > 0 else "worse"


def _ratios(name: str, settings: ClaimsSettings, results: Results) -> dict[str, Any]:
    """By ratio: for each seed its mean at the start, over all later steps and its highest, and the course of all."""
    records = {}
    for ratio in RATIOS:
        values = [results[name, seed]["history"][ratio] for seed in settings.seeds]
        curves = [_window_means(steps) for steps in values]
        records[ratio] = {
            "seeds": {
                str(seed): _ratio_record(steps, curve, settings.start_steps)
                for seed, steps, curve in zip(settings.seeds, values, curves, strict=True)
            },
            "curve": [_mean(window) for window in zip(*curves, strict=True)],
        }
    return records


def _ratio_record(
    steps: Sequence[float | None], curve: Sequence[float | None], start_steps: int
) -> dict[str, float | None]:
    return {
        "first_step": steps[0],
        "start": _mean(steps[:start_steps]),
        "training": _mean(steps[start_steps:]),
        "highest": max((value for value in curve if value is not None), default=None),
    }


def _window_means(steps: Sequence[float | None]) -> list[float | None]:
    """Means of `WINDOW` steps each, one window after the other; a shorter rest is left out."""
    starts = range(0, len(steps) - WINDOW + 1, WINDOW)
    return [_mean(steps[start : start + WINDOW]) for start in starts] or [_mean(steps)]


def _mean(values: Sequence[float | None]) -> float | None:
    """Mean of the values that are there."""
    there = [value for value in values if value is not None]
    return float(np.mean(there)) if there else None


def _training(name: str, settings: ClaimsSettings, results: Results) -> dict[str, Any]:
    """For each seed the losses of the last steps, and how many steps were not finite."""
    records = {}
    for seed in settings.seeds:
        history = results[name, seed]["history"]
        lost = sum(any(value is None for value in step) for step in zip(*history.values(), strict=True))
        losses = {key: _mean(history[key][-WINDOW:]) for key in _LOSSES}
        records[str(seed)] = losses | {"steps": len(history["loss"]), "steps_not_finite": lost}
    return records
