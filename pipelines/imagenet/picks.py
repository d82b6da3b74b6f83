"""Several winners: further points of the front, each built like the chosen network, in RUN/picks/<row>.

SplitNets' tables show such a series, A to F. A pick's directory has its own stage records, so it resumes by itself.
"""

import dataclasses
from typing import Any

from pipelines.imagenet.context import Context
from pipelines.imagenet.export import export
from pipelines.imagenet.network_summary import network_summary
from pipelines.imagenet.networks import build_chosen, predictions_path
from pipelines.imagenet.summary_rows import Predictions
from pipelines.imagenet.train import TrainedEvaluator, supernet_weights
from pipelines.progress import console
from pipelines.run_directory import RunDirectory, json_fingerprint
from splitnets_tf.errors import UserError
from splitnets_tf.search import Candidate, choose, read_pareto_csv

__all__ = ["build_picks", "pick_predictions", "pick_summaries", "picked"]


def picked(context: Context) -> dict[int, Candidate]:
    """The picked candidates by their row in search/pareto.csv, counted from 1, fastest first.

    Raises:
        UserError: A row is not there, or no candidate keeps a limit.
    """
    front = read_pareto_csv(context.path("search", "pareto.csv"))
    selection = context.config.selection
    beyond = [number for number in selection.picks if number > len(front)]
    if beyond:
        raise UserError(f"--pick {beyond[0]}: the front has {len(front)} rows, numbered from 1; see search/pareto.csv")
    chosen = [front[number - 1] for number in selection.picks]
    chosen += [choose(front, max_latency_ms=limit)[0] for limit in selection.max_latencies_ms]
    chosen += [choose(front, min_accuracy=floor)[0] for floor in selection.min_accuracies]
    rows = {candidate.architecture: number for number, candidate in enumerate(front, start=1)}
    numbers = sorted({rows[candidate.architecture] for candidate in chosen})
    return {number: front[number - 1] for number in numbers}


def build_picks(context: Context, trained: TrainedEvaluator) -> None:
    """Fine-tune, quantise and measure each pick that is not built yet."""
    for number, candidate in picked(context).items():
        pick = _of_pick(context, number)
        inputs = pick.inputs(supernet_weights(pick))
        inputs |= {"architecture": candidate.id, "fine_tune": json_fingerprint(context.config.to_dict()["fine_tune"])}
        if not pick.run.is_done("fine_tune", inputs):
            console().print(f"row {number} of the front: {candidate.id}, {candidate.cost.latency_ms:.3g} ms")
            with pick.run.stage("fine_tune", inputs, context.config.seed):
                build_chosen(pick, trained, candidate.architecture)
        export(pick)


def pick_summaries(context: Context, test: Predictions) -> list[dict[str, Any]]:
    """A row of summary.json for each pick.

    Args:
        context: The run.
        test: The chosen network's predictions; the picks' lie in their own directories.
    """
    rows = []
    for number, candidate in picked(context).items():
        pick = _of_pick(context, number)
        predictions = pick_predictions(context, number, test)
        row = {"number": number, "id": candidate.id, "resolution": candidate.architecture.resolution}
        rows.append(row | network_summary(pick, candidate, predictions))
    return rows


def pick_predictions(context: Context, number: int, test: Predictions) -> Predictions:
    """A pick's own test predictions.

    Args:
        context: The run.
        number: The pick's row of the front.
        test: The chosen network's predictions.
    """
    return dataclasses.replace(test, directory=predictions_path(_of_pick(context, number), "chosen").parent)


def _of_pick(context: Context, number: int) -> Context:
    """The same run with a directory of its own, which takes its supernet from where the run has it."""
    return dataclasses.replace(
        context,
        run=RunDirectory(context.path("picks", str(number))),
        config=dataclasses.replace(context.config, supernet_run=str(context.home)),
    )
