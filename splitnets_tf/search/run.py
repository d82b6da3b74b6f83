"""A whole search in one call, resumable at any moment."""

import math
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from splitnets_tf.errors import UserError
from splitnets_tf.search.candidate import SearchProgress, SearchResult
from splitnets_tf.search.constraints import Constraint
from splitnets_tf.search.distributed import LEASE_SECONDS, read_role
from splitnets_tf.search.feasibility import check_feasible
from splitnets_tf.search.pareto import pareto_front
from splitnets_tf.search.problem import FeasibilityProblem
from splitnets_tf.search.protocols import Cost, CostBackend, Evaluator, PartwiseEvaluator
from splitnets_tf.search.settings import SearchSettings
from splitnets_tf.space import SearchSpace

__all__ = ["run_search", "run_worker"]


def run_search(
    *,
    space: SearchSpace,
    cost: CostBackend,
    evaluator: Evaluator,
    constraints: Sequence[Constraint],
    settings: SearchSettings,
    directory: Path,
    on_progress: Callable[[SearchProgress], None] | None = None,
    identity: str = "",
    lease_seconds: float = LEASE_SECONDS,
    fixed_split: tuple[int, int] | None = None,
) -> SearchResult:
    """Search a space for the front of accuracy against the minimised figures.

    A call that was killed is repeated with the same arguments: finished evaluations are read from the folder, the rest
    follows, and the front is the one of an uninterrupted call. Where the environment makes this process a chief (see
    `distributed`), workers evaluate (`run_worker`); the front is the same.

    Args:
        space: Where architectures come from.
        cost: Their figures.
        evaluator: Their validation accuracy; asked once for each candidate.
        constraints: What every candidate must keep.
        settings: Size, probabilities, seed, objectives.
        directory: The Keras Tuner project; made if missing.
        on_progress: Called before the first and after each evaluation.
        identity: What else makes this search this one, such as the supernet's fingerprint; workers must have the same.
        lease_seconds: How long a chief waits for a silent worker.
        fixed_split: Phase and position at which every candidate is split; None searches the place, too.

    Returns:
        The front, all candidates and the number of generations.

    Raises:
        UserError: Nothing satisfies the constraints (found before the first evaluation), the system does not give a
            minimised figure, the folder holds a search with other settings, or this process is a worker.

    Reference:
        SplitNets, section 3.2.
    """
    if read_role().kind == "worker":
        raise UserError("the environment makes this process a worker of a search; only the chief has its result")
    _refuse_parts(settings, evaluator)
    problem = FeasibilityProblem(space=space, cost=cost, constraints=tuple(constraints), fixed_split=fixed_split)
    found = check_feasible(problem, np.random.default_rng(settings.seed))
    _refuse_undefined(settings, cost.cost(found))

    # Importing Keras Tuner imports TensorFlow: seconds that a wrong constraint should not cost.
    from splitnets_tf.search.oracle import EvolutionOracle
    from splitnets_tf.search.tuner import EvolutionTuner

    directory.mkdir(parents=True, exist_ok=True)
    oracle = EvolutionOracle(problem=problem, settings=settings, identity=identity, lease_seconds=lease_seconds)
    tuner = EvolutionTuner(oracle=oracle, evaluator=evaluator, directory=directory, on_progress=on_progress)
    tuner.search()
    evaluated = oracle.evaluated
    whole = [candidate for candidate in evaluated if not candidate.given_up]
    return SearchResult(
        front=pareto_front(whole, settings.minimise),
        evaluated=evaluated,
        generations=oracle.generations,
        predictor_checks=oracle.predictor_checks,
    )


def _refuse_parts(settings: SearchSettings, evaluator: Evaluator) -> None:
    if settings.validation_parts and not isinstance(evaluator, PartwiseEvaluator):
        raise UserError(
            f"search: validation_parts is {list(settings.validation_parts)}, but this evaluator counts all images at "
            "once; leave validation_parts empty"
        )


def _refuse_undefined(settings: SearchSettings, cost: Cost) -> None:
    undefined = [name for name in settings.minimise if math.isnan(getattr(cost, name))]
    if undefined:
        raise UserError(
            f"search: {undefined[0]} cannot be minimised, since the system has no constants for it; choose a system "
            "that has them, or leave the figure out of search.minimise"
        )


def run_worker(
    *,
    space: SearchSpace,
    cost: CostBackend,
    evaluator: Evaluator,
    constraints: Sequence[Constraint],
    settings: SearchSettings,
    identity: str = "",
    lease_seconds: float = LEASE_SECONDS,
    patience_seconds: float | None = None,
) -> int:
    """Evaluate what the chief of a search proposes, until it says that the search has ended; writes nothing.

    Args:
        space: As for `run_search`, like `cost`, `constraints`, `settings` and `identity`: the chief must have the same.
        cost: Figures of architectures.
        evaluator: Their validation accuracy.
        constraints: What every candidate must keep.
        settings: Size, probabilities, seed, objectives.
        identity: What else makes the search this one.
        lease_seconds: How long the chief waits for a silent worker.
        patience_seconds: How long to wait for a chief that does not answer; ten minutes where None.

    Returns:
        Candidates that this worker evaluated.

    Raises:
        UserError: This process is no worker, the chief does not answer, or it searches something else.
    """
    if read_role().kind != "worker":
        raise UserError("this process is no worker of a search; set KERASTUNER_TUNER_ID and the chief's address")
    _refuse_parts(settings, evaluator)
    from splitnets_tf.search.oracle import EvolutionOracle
    from splitnets_tf.search.tuner import PATIENCE_SECONDS, EvolutionTuner

    problem = FeasibilityProblem(space=space, cost=cost, constraints=tuple(constraints))
    with tempfile.TemporaryDirectory(prefix="splitnets-worker-") as folder:
        tuner = EvolutionTuner(
            oracle=EvolutionOracle(problem=problem, settings=settings, identity=identity),
            evaluator=evaluator,
            directory=Path(folder) / "search",
            lease_seconds=lease_seconds,
            patience_seconds=PATIENCE_SECONDS if patience_seconds is None else patience_seconds,
        )
        tuner.search()
    return tuner.evaluations
