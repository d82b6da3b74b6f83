"""Every figure of the report, from what the stages left in the run directory."""

from typing import Any

import numpy as np

from pipelines.imagenet.context import Context
from pipelines.imagenet.export import read_export_record
from pipelines.imagenet.front_comparison import front_comparisons
from pipelines.imagenet.full_summary import full_baselines, full_training
from pipelines.imagenet.network_summary import network_summary
from pipelines.imagenet.networks import predictions_path, select
from pipelines.imagenet.picks import pick_summaries
from pipelines.imagenet.plain_cnn import plain_cnn_macs, plain_cnn_widths
from pipelines.imagenet.rerank import rerank_summary
from pipelines.imagenet.summary_rows import Predictions, baseline_row, claim_row
from splitnets_tf.files import read_json
from splitnets_tf.search import Candidate

__all__ = ["assemble_summary", "build_summary", "save_test_set", "supernet_teachers", "test_predictions"]

_DIGESTED = 64
"""Test images, or objects in all their views, by which a test set is known."""


def build_summary(context: Context) -> dict[str, Any]:
    """Collect summary.json; see the project's notes on the run directory for its keys."""
    candidate, _ = select(context)
    test = test_predictions(context)
    save_test_set(context, test)
    baselines = _baselines(context, candidate, test)
    comparisons = _comparisons(context, candidate, test)
    full = full_baselines(context) if context.config.full else None
    if full is not None:
        baselines += full.rows(test)
        comparisons += full.comparisons(test, candidate.cost.latency_ms)
    summary = assemble_summary(context, test, baselines=baselines, comparisons=comparisons, teachers=_teachers(context))
    return summary | {"front_comparisons": front_comparisons(context, test, full)}


def test_predictions(context: Context) -> Predictions:
    """Who is right where on the test split."""
    arrays = context.arrays("test")
    return Predictions(
        labels=arrays.labels,
        families=arrays.families,
        objects=arrays.objects,
        seed=context.config.seed,
        directory=predictions_path(context, "chosen").parent,
    )


def save_test_set(context: Context, test: Predictions) -> None:
    """Write what it takes to judge the test predictions without the data set."""
    test.save_test_set(context.sample("test", _DIGESTED).images)


def assemble_summary(
    context: Context,
    test: Predictions,
    *,
    baselines: list[dict[str, Any]],
    comparisons: list[dict[str, Any]],
    teachers: dict[str, str],
) -> dict[str, Any]:
    """What summary.json says of any run, around the comparisons that are the pipeline's own.

    Args:
        context: The run.
        test: Its test predictions.
        baselines: Rows of `summary_rows.baseline_row`.
        comparisons: Rows of `summary_rows.claim_row`.
        teachers: What each network learned from, by its name.
    """
    candidate, rule = select(context)
    network = network_summary(context, candidate, test)
    return {
        "schema_version": 1,
        "dataset": context.source.name,
        "data": _data(context),
        "seed": context.config.seed,
        "smoke": context.config.smoke,
        "space": {"name": context.space.name, "architectures": context.space.count()},
        "system": _system(context),
        "headline": _headline(context, candidate, baselines, comparisons, network["accuracy"]),
        "selection_rule": rule,
        "architecture": candidate.architecture.to_dict(),
        **network,
        "accuracy_per_object": test.accuracy_per_object(),
        "baselines": baselines,
        "comparisons": comparisons,
        "picks": pick_summaries(context, test),
        "search": _search_effort(context),
        "rerank": rerank_summary(context, candidate),
        "boundary": read_export_record(context).boundary,
        "training": {**_training(context), "teachers": teachers},
        "stages": {name: {"seconds": stage["seconds"]} for name, stage in context.run.provenance()["stages"].items()},
    }


def _search_effort(context: Context) -> dict[str, Any] | None:
    """What the search saved; None for a search from before that was written down."""
    path = context.path("search", "effort.json")
    return read_json(path, "a search's effort") if path.exists() else None


def _data(context: Context) -> dict[str, Any]:
    sizes = {split: context.count(split) for split in ("train", "validation", "test")}
    families = len(np.unique(context.arrays("test").families))
    return {
        "classes": context.num_classes,
        **sizes,
        "test_families": families,
        "fingerprint": context.source.fingerprint,
    }


def _system(context: Context) -> dict[str, Any]:
    return {
        "name": context.system.name,
        "sensor_macs_per_s": context.system.sensor.macs_per_s,
        "sensor_memory_bytes": context.system.sensor.memory_bytes,
        "aggregator_macs_per_s": context.system.aggregator.macs_per_s,
        "bandwidth_bytes_per_s": context.system.hops[0].share_bytes_per_s,
    }


def _baselines(context: Context, candidate: Candidate, test: Predictions) -> list[dict[str, Any]]:
    accuracy = test.accuracy("largest")
    backbone = f"largest of {context.space.name}"
    rows = [baseline_row(baseline, backbone, accuracy, "fine_tuned") for baseline in context.baselines]
    if test.correct("plain_cnn") is not None:
        resolution = context.space.resolutions[-1]
        widths = plain_cnn_widths(resolution, context.num_classes, candidate.cost.macs)
        macs = plain_cnn_macs(resolution, context.num_classes, widths)
        rows.append(
            {
                "method": "plain CNN",
                "backbone": f"4 convolutions, {macs / 1e6:.1f} M MACs",
                "feasible": True,
                "infeasible_because": None,
                "accuracy": test.accuracy("plain_cnn"),
                "accuracy_kind": "trained_alone",
                "devices": [],
                "links": [],
                "latency_ms": None,
            }
        )
    return rows


def _comparisons(context: Context, candidate: Candidate, test: Predictions) -> list[dict[str, Any]]:
    rows = []
    best = context.best_baseline
    difference = test.difference("chosen", "largest")
    if best is not None and difference is not None:
        rows.append(claim_row(best.method, "largest", difference, candidate.cost.latency_ms / best.latency_ms))
    difference = test.difference("chosen", "plain_cnn")
    if difference is not None:
        rows.append(
            {
                "against": "plain CNN",
                "network": "plain_cnn",
                "difference": difference.to_dict(),
                "latency_ratio": None,
                "holds": bool(difference.low > 0),
                "claim": "more accurate than four plain convolutions with at least as many MACs",
            }
        )
    return rows


def _headline(
    context: Context,
    candidate: Candidate,
    baselines: list[dict[str, Any]],
    comparisons: list[dict[str, Any]],
    accuracy: dict[str, Any],
) -> str:
    """One sentence; a claim that does not hold comes first."""
    prefix = "Smoke run, accuracies mean nothing: " if context.config.smoke else ""
    failed = [
        f"{row['against']} ({_points(row['difference']['value'])} points, 95 % interval "
        f"{_points(row['difference']['low'])} to {_points(row['difference']['high'])})"
        for row in comparisons
        if not row["holds"]
    ]
    figures = (
        f"the chosen network classifies {100 * accuracy['int8']['value']:.1f} % of the test {context.unit} correctly "
        f"as int8 ({100 * accuracy['fine_tuned']['value']:.1f} % as float) in {candidate.cost.latency_ms:.2f} ms"
    )
    feasible = [row for row in baselines if row["feasible"] and row["latency_ms"] is not None]
    fastest = min(feasible, key=lambda row: row["latency_ms"], default=None)
    if fastest is None:
        figures += "; no placement of the baselines' network is feasible on this system"
    else:
        share = candidate.cost.latency_ms / fastest["latency_ms"]
        name = f" ({fastest['method']}, {fastest['backbone']})" if context.config.full else ""
        figures += f", {share:.0%} of the best feasible baseline's latency{name}"
    text = f"Shortfall against {' and '.join(failed)}: {figures}." if failed else f"{figures[0].upper()}{figures[1:]}."
    return prefix + text


def _points(fraction: float) -> str:
    return f"{100 * fraction:+.1f}"


def _training(context: Context) -> dict[str, Any]:
    config = context.config
    return {
        "supernet_epochs": config.train.epochs,
        "fine_tune_epochs": config.fine_tune.epochs,
        "qat_epochs": config.export.qat_epochs,
    }


def _teachers(context: Context) -> dict[str, str]:
    config = context.config
    return {
        **supernet_teachers(),
        "plain CNN": f"none; trained alone on labels for {config.train.epochs + config.fine_tune.epochs} epochs",
        **(full_training(config) if config.full else {}),
    }


def supernet_teachers() -> dict[str, str]:
    """What the networks that come out of the supernet learned from."""
    inherited = "weights inherited from the supernet, fine-tuned on hard labels"
    return {
        "chosen": f"in the supernet the largest network's probabilities; {inherited}",
        "baseline": f"none (it is the supernet's largest network, trained on labels); {inherited}",
    }
