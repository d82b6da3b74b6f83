"""Stage `search`: the front, by evolution under the sensor's memory and the user's constraints.

Where the environment makes this process a chief (`splitnets_tf.search.distributed`), workers evaluate for it: `work`.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from pipelines.front_table import front_hypervolume, front_table
from pipelines.imagenet.context import Context
from pipelines.imagenet.train import TrainedEvaluator, supernet_weights
from pipelines.progress import console, progress_bar
from pipelines.run_directory import json_fingerprint
from pipelines.search_effort import effort_sentences, search_effort
from splitnets_tf.files import write_json
from splitnets_tf.hardware import system_to_yaml
from splitnets_tf.search import (
    Candidate,
    Evaluator,
    SearchProgress,
    read_pareto_csv,
    run_search,
    run_worker,
    write_pareto_csv,
)
from splitnets_tf.space import Architecture

__all__ = ["search", "search_identity", "show_front", "when_asked", "work"]


@dataclasses.dataclass(frozen=True)
class _WhenAsked:
    """Loads the supernet at the first evaluation: a chief, which evaluates nothing, never does."""

    trained: TrainedEvaluator

    def evaluate(self, architecture: Architecture) -> float:
        return self.trained.evaluator.evaluate(architecture)

    def correct_in_parts(self, architecture: Architecture, shares: Sequence[float]) -> Iterator[np.ndarray]:
        return self.trained.evaluator.correct_in_parts(architecture, shares)


def when_asked(trained: TrainedEvaluator) -> Evaluator:
    """The trained supernet as an evaluator that is loaded at its first use."""
    return _WhenAsked(trained)


def search_identity(context: Context) -> str:
    """Fingerprint of what makes an architecture's accuracy: supernet, data, space, and how it is evaluated."""
    return json_fingerprint(context.inputs(supernet_weights(context)) | {"evaluation": _evaluation(context)})


def _inputs(context: Context) -> dict[str, str]:
    return context.inputs(supernet_weights(context)) | {"system": json_fingerprint(system_to_yaml(context.system))}


def _question(context: Context, trained: TrainedEvaluator) -> dict[str, Any]:
    """What chief and workers must agree on, and how to answer it."""
    return {
        "space": context.space,
        "cost": context.cost,
        "evaluator": when_asked(trained),
        "constraints": context.constraints,
        "settings": context.config.search,
        "identity": json_fingerprint([search_identity(context), system_to_yaml(context.system)]),
    }


def _evaluation(context: Context) -> list[Any]:
    """The settings that change what an evaluation yields."""
    return [context.config.calibration_images, context.config.validation_images, context.config.data.max_images]


def search(context: Context, trained: TrainedEvaluator) -> None:
    """Search, or go on with an interrupted search; writes search/pareto.csv, evaluated.csv and effort.json."""
    config = context.config
    inputs = _inputs(context)
    if context.run.is_done("search", inputs):
        return
    with (
        context.run.stage("search", inputs, config.seed),
        progress_bar("search", config.search.max_candidates) as advance,
    ):

        def report(state: SearchProgress) -> None:
            advance(state.done, f"generation {state.generation}, best accuracy {state.best_accuracy:.3f}")

        result = run_search(
            **_question(context, trained),
            directory=context.path("search"),
            on_progress=report,
        )
        write_pareto_csv(context.path("search", "pareto.csv"), result.front)
        write_pareto_csv(context.path("search", "evaluated.csv"), result.evaluated)
        volume = {"hypervolume": _hypervolume(context, result.front)}
        write_json(context.path("search", "effort.json"), search_effort(result) | volume)
    for sentence in effort_sentences(search_effort(result)):
        console().print(sentence)


def show_front(context: Context) -> None:
    """Print the front of a search that has ended, and its hypervolume."""
    front = read_pareto_csv(context.path("search", "pareto.csv"))
    out = console()
    out.print(front_table(front, context.space))
    volume = _hypervolume(context, front)
    if volume is not None:
        out.print(
            f"hypervolume: {volume['value']:.4f} of the rectangle between (100 %, 0 ms) and guessing "
            f"({100 * volume['accuracy']:.1f} %) at the best feasible baseline's {volume['latency_ms']:.3f} ms"
        )


def _hypervolume(context: Context, front: Sequence[Candidate]) -> dict[str, float] | None:
    """With its reference, which no search decides: guessing in the best baseline's time; None without a baseline."""
    best = context.best_baseline
    if best is None:
        return None
    guessing = 1 / context.num_classes
    value = front_hypervolume(front, guessing, best.latency_ms)
    return {"value": value, "accuracy": guessing, "latency_ms": best.latency_ms}


def work(context: Context, trained: TrainedEvaluator) -> int:
    """Evaluate candidates for a chief until its search has ended; reads the run directory, writes nothing.

    Returns:
        How many this process evaluated.

    Raises:
        UserError: The chief does not answer, or searches something else.
    """
    return run_worker(**_question(context, trained))
