"""Evolutionary search for split networks under hard constraints.

Everything here imports without TensorFlow; `oracle.EvolutionOracle` and `tuner.EvolutionTuner`, which need Keras Tuner,
are imported by `run_search` when it runs.
"""

from splitnets_tf.search.analytic_cost import AnalyticCost, cost_of_cut, memory_constraints
from splitnets_tf.search.candidate import Candidate, PredictorCheck, SearchProgress, SearchResult
from splitnets_tf.search.constraints import Constraint, parse_constraint, parse_constraints, total_violation
from splitnets_tf.search.distributed import Role, read_role
from splitnets_tf.search.feasibility import check_feasible
from splitnets_tf.search.pareto import hypervolume_2d, knee_index, non_dominated, objective_array, pareto_front
from splitnets_tf.search.pareto_csv import read_pareto_csv, write_pareto_csv
from splitnets_tf.search.problem import FeasibilityProblem
from splitnets_tf.search.protocols import (
    COST_FIGURES,
    Cost,
    CostBackend,
    Evaluator,
    PartwiseEvaluator,
    PopulationCostBackend,
)
from splitnets_tf.search.run import run_search, run_worker
from splitnets_tf.search.selection import choose
from splitnets_tf.search.settings import SearchSettings

__all__ = [
    "COST_FIGURES",
    "AnalyticCost",
    "Candidate",
    "Constraint",
    "Cost",
    "CostBackend",
    "Evaluator",
    "FeasibilityProblem",
    "PartwiseEvaluator",
    "PopulationCostBackend",
    "PredictorCheck",
    "Role",
    "SearchProgress",
    "SearchResult",
    "SearchSettings",
    "check_feasible",
    "choose",
    "cost_of_cut",
    "hypervolume_2d",
    "knee_index",
    "memory_constraints",
    "non_dominated",
    "objective_array",
    "pareto_front",
    "parse_constraint",
    "parse_constraints",
    "read_pareto_csv",
    "read_role",
    "run_search",
    "run_worker",
    "total_violation",
    "write_pareto_csv",
]
