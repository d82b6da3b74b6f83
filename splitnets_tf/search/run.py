"""A whole search in one call, resumable at any moment."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from splitnets_tf.search.candidate import SearchProgress, SearchResult
from splitnets_tf.search.constraints import Constraint
from splitnets_tf.search.feasibility import FeasibilityProblem, check_feasible
from splitnets_tf.search.pareto import pareto_front
from splitnets_tf.search.protocols import CostBackend, Evaluator
from splitnets_tf.search.settings import SearchSettings
from splitnets_tf.space import SearchSpace

__all__ = ["run_search"]


def run_search(
    *,
    space: SearchSpace,
    cost: CostBackend,
    evaluator: Evaluator,
    constraints: Sequence[Constraint],
    settings: SearchSettings,
    directory: Path,
    on_progress: Callable[[SearchProgress], None] | None = None,
) -> SearchResult:
    """Search a space for the front of accuracy against the minimised figures.

    A call that was killed is repeated with the same arguments: finished evaluations are read from the folder, the rest
    follows, and the front is the one of an uninterrupted call.

    Args:
        space: Where architectures come from.
        cost: Their figures.
        evaluator: Their validation accuracy; asked once for each candidate.
        constraints: What every candidate must keep.
        settings: Size, probabilities, seed, objectives.
        directory: The Keras Tuner project; made if missing.
        on_progress: Called before the first and after each evaluation.

    Returns:
        The front, all candidates and the number of generations.

    Raises:
        UserError: Nothing satisfies the constraints (found before the first evaluation), or the folder holds a search
            with other settings.

    Reference:
        SplitNets, section 3.2.
    """
    problem = FeasibilityProblem(space=space, cost=cost, constraints=tuple(constraints))
    check_feasible(problem, np.random.default_rng(settings.seed))

    # Importing Keras Tuner imports TensorFlow: seconds that a wrong constraint should not cost.
    from splitnets_tf.search.oracle import EvolutionOracle
    from splitnets_tf.search.tuner import EvolutionTuner

    directory.mkdir(parents=True, exist_ok=True)
    oracle = EvolutionOracle(problem=problem, settings=settings)
    tuner = EvolutionTuner(oracle=oracle, evaluator=evaluator, directory=directory, on_progress=on_progress)
    tuner.search()
    evaluated = oracle.evaluated
    return SearchResult(
        front=pareto_front(evaluated, settings.minimise), evaluated=evaluated, generations=oracle.generations
    )
