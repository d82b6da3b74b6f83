"""Stage `rerank`: selection by Vela's latencies instead of multiply-accumulates over peak speed.

Every candidate that the search evaluated, not only its front, is priced again: a network that the cost model held for
dominated may be fast on an NPU. The baselines are priced alike, so that their share stays a comparison of equals.
"""

import dataclasses
from typing import Any

from pipelines.imagenet.context import Context
from pipelines.progress import progress_bar
from pipelines.run_directory import json_fingerprint
from splitnets_tf.errors import UserError
from splitnets_tf.files import read_json, write_json
from splitnets_tf.hardware import system_to_yaml
from splitnets_tf.search import Candidate, choose, pareto_front, read_pareto_csv
from splitnets_tf.space import architecture_graph
from tflite_export import VelaCost, vela_costs, vela_installed

__all__ = [
    "check_rerank",
    "compare_choices",
    "rerank",
    "rerank_inputs",
    "rerank_summary",
    "select_by_vela",
    "select_in_record",
    "vela_record",
]


def check_rerank(method: str | None) -> None:
    """Refuse a re-ranking whose tool is missing before hours are spent on the search.

    Raises:
        UserError: Vela is not installed.
    """
    if method == "vela" and not vela_installed():
        raise UserError("--rerank vela: Vela is not installed; pip install 'splitnets_tf[deploy]' brings it")


def rerank(context: Context) -> None:
    """Ask Vela about every evaluated candidate and the baselines, where asked for; writes search/vela.json."""
    if context.config.selection.rerank is None:
        return
    inputs = context.inputs(context.path("search", "evaluated.csv"))
    inputs |= {"system": json_fingerprint(system_to_yaml(context.system))}
    if context.run.is_done("rerank", inputs):
        return
    with context.run.stage("rerank", inputs, context.config.seed):
        write_json(context.path("search", "vela.json"), vela_record(context))


def vela_record(context: Context) -> dict[str, Any]:
    """Vela's figures of every evaluated candidate, by id, and of the baselines."""
    candidates = read_pareto_csv(context.path("search", "evaluated.csv"))
    graphs = [architecture_graph(context.space, each.architecture, context.num_classes) for each in candidates]
    networks = [(built.graph, built.sensor_operations) for built in graphs]
    networks += [(baseline.graph, baseline.n) for baseline in context.baselines]
    with progress_bar("Vela", len(networks)) as advance:
        costs = vela_costs(networks, context.system, lambda done, _: advance(done, ""))
    rows = [dataclasses.asdict(cost) | {"fits": cost.fits(context.system)} for cost in costs]
    methods = [{"method": baseline.method} for baseline in context.baselines]
    return {
        "schema_version": 1,
        "candidates": {each.id: row for each, row in zip(candidates, rows, strict=False)},
        "baselines": [method | row for method, row in zip(methods, rows[len(candidates) :], strict=True)],
    }


def rerank_inputs(context: Context) -> dict[str, str]:
    """Fingerprint of what selection reads besides the front, for a stage's record."""
    return context.inputs(context.path("search", "vela.json")) if context.config.selection.rerank else {}


def select_by_vela(context: Context) -> tuple[Candidate, str]:
    """The candidate that is built by Vela's figures, with the cost model's figures, and the rule that chose it.

    Raises:
        UserError: No candidate keeps the user's limits, or fits the NPUs.
    """
    return select_in_record(context, _read(context))


def rerank_summary(context: Context, candidate: Candidate) -> dict[str, Any] | None:
    """What summary.json says of the re-ranking; None where there was none.

    Args:
        context: The run.
        candidate: The chosen network.
    """
    if context.config.selection.rerank is None:
        return None
    return compare_choices(context, _read(context), candidate)


def compare_choices(context: Context, record: dict[str, Any], candidate: Candidate) -> dict[str, Any]:
    """The choice by Vela beside the cost model's, both with Vela's figures.

    Args:
        context: The run.
        record: Of `vela_record`.
        candidate: The choice by Vela.
    """
    best = context.best_baseline
    by_cost_model, _ = choose(
        read_pareto_csv(context.path("search", "pareto.csv")),
        max_latency_ms=None,
        min_accuracy=context.config.selection.min_accuracy,
        best_baseline_latency_ms=None if best is None else best.cost.latency_ms,
    )
    return {
        "measured_by": "Vela, with placeholder weights; link by the cost model",
        "chosen": _figures(record, candidate),
        "by_cost_model": _figures(record, by_cost_model),
        "differs": by_cost_model.id != candidate.id,
        "baselines": [
            {"method": row["method"], "latency_ms": _cost(row).latency_ms, "fits": row["fits"]}
            for row in record["baselines"]
        ],
    }


def select_in_record(context: Context, record: dict[str, Any]) -> tuple[Candidate, str]:
    """As `select_by_vela`, from figures in memory."""
    evaluated = read_pareto_csv(context.path("search", "evaluated.csv"))
    by_id = {candidate.id: candidate for candidate in evaluated}
    repriced = []
    for candidate in evaluated:
        row = record["candidates"][candidate.id]
        if row["fits"] and not row["cpu_operations"]:
            repriced.append(dataclasses.replace(candidate, cost=_repriced(candidate, _cost(row))))
    if not repriced:
        raise UserError("--rerank vela: by Vela no candidate fits the devices' memory without work for a CPU")
    selection = context.config.selection
    feasible = [_cost(row).latency_ms for row in record["baselines"] if row["fits"]]
    chosen, rule = choose(
        pareto_front(repriced),
        max_latency_ms=selection.max_latency_ms,
        min_accuracy=selection.min_accuracy,
        best_baseline_latency_ms=min(feasible, default=None),
    )
    return by_id[chosen.id], f"{rule} Latencies are Vela's."


def _repriced(candidate: Candidate, vela: VelaCost) -> Any:
    return dataclasses.replace(
        candidate.cost,
        latency_ms=vela.latency_ms,
        sensor_latency_ms=vela.sensor_ms,
        aggregator_latency_ms=vela.aggregator_ms,
    )


def _figures(record: dict[str, Any], candidate: Candidate) -> dict[str, Any]:
    cost = _cost(record["candidates"][candidate.id])
    return {
        "id": candidate.id,
        "supernet_accuracy": candidate.accuracy,
        "latency_ms": cost.latency_ms,
        "sensor_ms": cost.sensor_ms,
        "aggregator_ms": cost.aggregator_ms,
        "cost_model_latency_ms": candidate.cost.latency_ms,
    }


def _cost(row: dict[str, Any]) -> VelaCost:
    return VelaCost(**{field.name: row[field.name] for field in dataclasses.fields(VelaCost)})


def _read(context: Context) -> dict[str, Any]:
    return read_json(context.path("search", "vela.json"), "Vela's figures of the candidates")
