"""Stage `search`: the front, by evolution under the sensor's memory and the user's constraints."""

from pipelines.imagenet.context import Context
from pipelines.imagenet.train import TrainedEvaluator, supernet_weights
from pipelines.progress import progress_bar
from pipelines.run_directory import json_fingerprint
from splitnets_tf.hardware import system_to_yaml
from splitnets_tf.search import SearchProgress, run_search, write_pareto_csv

__all__ = ["search"]


def search(context: Context, trained: TrainedEvaluator) -> None:
    """Search, or go on with an interrupted search; writes search/pareto.csv."""
    config = context.config
    inputs = context.inputs(supernet_weights(context)) | {"system": json_fingerprint(system_to_yaml(context.system))}
    if context.run.is_done("search", inputs):
        return
    with (
        context.run.stage("search", inputs, config.seed),
        progress_bar("search", config.search.max_candidates) as advance,
    ):

        def report(state: SearchProgress) -> None:
            advance(state.done, f"generation {state.generation}, best accuracy {state.best_accuracy:.3f}")

        result = run_search(
            space=context.space,
            cost=context.cost,
            evaluator=trained.evaluator,
            constraints=context.constraints,
            settings=config.search,
            directory=context.path("search"),
            on_progress=report,
        )
        write_pareto_csv(context.path("search", "pareto.csv"), result.front)
        write_pareto_csv(context.path("search", "evaluated.csv"), result.evaluated)
