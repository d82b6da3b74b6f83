"""The evolutionary search as a Keras Tuner oracle, with a state on disk that no kill can spoil.

What is committed is what `oracle.json` says. Keras Tuner writes a trial's own file first, so after a kill a trial may
be on disk that the oracle never recorded (it is forgotten, and proposed again with the same generator state) or one may
be complete that the oracle takes for running (its result is kept).
"""

import dataclasses
import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.engine import trial as trial_module

from splitnets_tf.errors import UserError
from splitnets_tf.files import write_text
from splitnets_tf.search.asked import asked, refuse_other
from splitnets_tf.search.candidate import Candidate, PredictorCheck, SearchProgress
from splitnets_tf.search.distributed import LEASE_SECONDS
from splitnets_tf.search.generation import Generation, begin_generation, propose_next
from splitnets_tf.search.genes import from_genes, to_genes
from splitnets_tf.search.leases import Leases
from splitnets_tf.search.problem import FeasibilityProblem
from splitnets_tf.search.settings import SearchSettings
from splitnets_tf.search.trial_record import OBJECTIVE, floors_to_values, metrics_to_evaluation
from splitnets_tf.space import Architecture

__all__ = ["FINGERPRINT", "EvolutionOracle"]

FINGERPRINT = "search"
"""Name under which workers read the fingerprint of the chief's search."""

_logger = logging.getLogger(__name__)


class EvolutionOracle(keras_tuner.Oracle):
    """Proposes feasible architectures, generation by generation, and never one twice.

    A trial's values are its genes by name, and for each part of the validation images the accuracy below
    which it is given up. The
    generation of a trial follows from its number, the parents, these floors and the predictor from the results of the
    trials before that generation; so the only private state is the random generator's. With several
    workers the next generation begins when the last trial of this one has ended; meanwhile workers idle. So the search
    is the same whatever the number of workers.

    A worker that is silent for longer than the lease loses its trial: the next one that asks gets it. If the silent one
    comes back after all, the first result counts.

    Args:
        problem: Space, prices and hard constraints.
        settings: Size, probabilities, seed.
        identity: What else makes this search this one, such as the supernet's fingerprint; workers must have the same.
        lease_seconds: How long a worker may be silent.
        clock: Seconds that never run backwards.
    """

    trials: dict[str, trial_module.Trial]
    ongoing_trials: dict[str, trial_module.Trial]
    _retry_queue: list[str]

    def __init__(
        self,
        *,
        problem: FeasibilityProblem,
        settings: SearchSettings,
        identity: str = "",
        lease_seconds: float = LEASE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(
            objective=keras_tuner.Objective(OBJECTIVE, "max"), max_trials=settings.max_candidates, seed=settings.seed
        )
        self.seed = self._seed_state = settings.seed  # The base class takes 0 for "none" and draws one.
        self.verbose = 0  # It would print a table for each trial.
        self._problem = problem
        self._settings = settings
        self._rng = np.random.default_rng(settings.seed)
        self._architectures: dict[str, Architecture] = {}
        self._known: set[Architecture] = set()
        self._begun: tuple[int, Generation] | None = None
        self._checks: dict[int, PredictorCheck] = {}
        self._identity = identity
        self._leases = Leases(lease_seconds, clock)
        self._exhausted = False

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what the search was asked and of its identity."""
        return hashlib.sha256(
            json.dumps([asked(self._problem, self._settings), self._identity], sort_keys=True).encode()
        ).hexdigest()

    @property
    def evaluated(self) -> tuple[Candidate, ...]:
        """The candidates of all ended trials, in the order of proposal."""
        return tuple(self._candidate(trial_id) for trial_id in self.start_order if self._ended(trial_id))

    @property
    def generations(self) -> int:
        """Generations that were begun."""
        return -(-len(self.trials) // self._settings.population)

    @property
    def predictor_checks(self) -> tuple[PredictorCheck, ...]:
        """How the accuracy predictor was judged before each generation."""
        return tuple(self._checks[generation] for generation in sorted(self._checks))

    @property
    def settings(self) -> SearchSettings:
        """What the search was asked."""
        return self._settings

    @property
    def progress(self) -> SearchProgress:
        """How far the search is."""
        accuracies = [self.trials[trial_id].score for trial_id in self.end_order]
        generation = min(len(self.end_order) // self._settings.population + 1, self._settings.generations)
        return SearchProgress(
            done=len(accuracies),
            total=self._settings.max_candidates,
            generation=generation,
            generations=self._settings.generations,
            best_accuracy=float(max(accuracies, default=0.0)),
        )

    def architecture(self, values: Mapping[str, int]) -> Architecture:
        """The architecture of a trial's values."""
        return from_genes(self._problem.space, values)

    def get_space(self) -> keras_tuner.HyperParameters:
        """No choices (trials carry genes), but the search's fingerprint, by which workers know it."""
        space = keras_tuner.HyperParameters()
        space.Fixed(FINGERPRINT, self.fingerprint)
        return space

    @keras_tuner.synchronized
    def create_trial(self, tuner_id: str) -> trial_module.Trial:
        """A trial for a worker: its own unfinished one, one that a silent worker has lost, or a new one.

        Returns:
            With status RUNNING, IDLE (ask again) or STOPPED (the search has ended).
        """
        self._leases.renew(tuner_id)
        self._reclaim()
        if self._proposed_all and self.ongoing_trials and tuner_id not in self.ongoing_trials and not self._retry_queue:
            # Others still evaluate; should one of them fall silent, its trial needs this worker.
            self.tuner_ids.add(tuner_id)
            return trial_module.Trial(hyperparameters=self.hyperparameters.copy(), status=trial_module.TrialStatus.IDLE)
        return super().create_trial(tuner_id)

    @keras_tuner.synchronized
    def update_trial(self, trial_id: str, metrics: Mapping[str, float], step: int = 0) -> trial_module.Trial:
        """Take a result; that of a trial which has one already is dropped."""
        if self.trials[trial_id].metrics.metrics:
            return self.trials[trial_id]
        return super().update_trial(trial_id, metrics, step)

    @keras_tuner.synchronized
    def end_trial(self, trial: trial_module.Trial) -> None:
        """End a trial; one that another worker has ended already stays as it is.

        One without a result, which a restarted chief does not have any more, is evaluated again.
        """
        if trial.trial_id in self.end_order:
            return
        if not self.trials[trial.trial_id].metrics.metrics:
            self._take_back(trial.trial_id)
            return
        if trial.trial_id in self._retry_queue:
            self._retry_queue.remove(trial.trial_id)
        super().end_trial(trial)

    @keras_tuner.synchronized
    def get_trial(self, trial_id: str) -> trial_module.Trial:
        """A trial by its number; asking is the sign of life of the worker that evaluates it."""
        for tuner_id, trial in self.ongoing_trials.items():
            if trial.trial_id == trial_id:
                self._leases.renew(tuner_id)
        return self.trials[trial_id]

    @keras_tuner.synchronized
    def may_close(self) -> bool:
        """Whether every trial has ended, and every worker that is not silent has been told."""
        self._reclaim()
        ended = self._proposed_all and not self.ongoing_trials and not self._retry_queue
        return ended and not self.tuner_ids

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Propose the next architecture.

        Returns:
            Status RUNNING with the genes as values, IDLE while the generation before is not complete, or STOPPED where
            no new feasible architecture is found.
        """
        generation = len(self.trials) // self._settings.population
        if generation > 0 and len(self.end_order) < generation * self._settings.population:
            return {"status": trial_module.TrialStatus.IDLE}
        begun = self._begin(generation)
        proposed = propose_next(self._problem, self._settings, begun, self._known, self._rng)
        if proposed is None:
            _logger.warning(
                "the search ends after %d of %d candidates: no new feasible architecture was found",
                len(self.trials),
                self.max_trials,
            )
            self._exhausted = True
            return {"status": trial_module.TrialStatus.STOPPED}
        self._architectures[trial_id] = proposed
        self._known.add(proposed)
        floors = begun.floors_of(self._problem.cost.cost(proposed), self._settings)
        values: dict[str, Any] = {**to_genes(self._problem.space, proposed), **floors_to_values(floors)}
        return {"status": trial_module.TrialStatus.RUNNING, "values": values}

    def get_state(self) -> dict[str, Any]:
        """The base class's state, the random generator's, and what the search was asked."""
        state: dict[str, Any] = super().get_state()
        checks = [dataclasses.asdict(check) for check in self.predictor_checks]
        return state | {
            "generator": self._rng.bit_generator.state,
            "asked": asked(self._problem, self._settings),
            "predictor": checks,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Inverse of `get_state`; `trials` must hold the recorded trials, others are forgotten.

        Raises:
            UserError: The state belongs to another search; the differing settings are named.
            ValueError: It is no state of this class.
        """
        before = state.get("asked") if isinstance(state, Mapping) else None
        refuse_other(str(self._project_dir), before, self._asked())
        super().set_state(state)
        self._rng.bit_generator.state = state["generator"]
        self.trials = {trial_id: self.trials[trial_id] for trial_id in self.start_order}
        self._architectures = {
            trial_id: self.architecture(trial.hyperparameters.values) for trial_id, trial in self.trials.items()
        }
        self._known = set(self._architectures.values())
        self._begun = None
        self._checks = {check["generation"]: PredictorCheck(**check) for check in state["predictor"]}

    def save(self) -> None:
        """Commit: write `oracle.json` in one step."""
        write_text(Path(self._get_oracle_fname()), json.dumps(self.get_state()))

    def reload(self) -> None:
        """Take up the search where its files leave it.

        Raises:
            UserError: The files are those of another search, or not of a search at all.
        """
        try:
            super().reload()
        except (ValueError, KeyError, RuntimeError) as error:
            raise UserError(
                f"{self._get_oracle_fname()} is not the state of a search: {error}; remove its folder to start afresh"
            ) from error
        interrupted, self._retry_queue = self._retry_queue, []
        for trial_id in interrupted:
            complete = self.trials[trial_id].status == trial_module.TrialStatus.COMPLETED
            (self.end_order if complete else self._retry_queue).append(trial_id)

    def _save_trial(self, trial: trial_module.Trial) -> None:
        if trial.status == trial_module.TrialStatus.RUNNING and trial.metrics.metrics:
            return  # The trial ends at once and is committed then; a result without its end is evaluated again.
        folder = Path(self._get_trial_dir(trial.trial_id))
        write_text(folder / "trial.json", json.dumps(trial.get_state()))

    def _record_values(self, trial: trial_module.Trial) -> None:
        """Nothing: architectures are compared, the base class's hashes of values would only swell the state."""

    def _check_consecutive_failures(self) -> None:
        """Nothing: no trial fails, since a failing evaluation ends the search."""

    @property
    def _proposed_all(self) -> bool:
        return self._exhausted or len(self.trials) >= self._settings.max_candidates

    def _reclaim(self) -> None:
        """Take back the trials of silent workers, and no longer wait for these."""
        for worker in self._leases.take_silent():
            self.tuner_ids.discard(worker)
            if worker in self.ongoing_trials:
                _logger.warning("worker %s is silent", worker)
                self._take_back(self.ongoing_trials[worker].trial_id)

    def _take_back(self, trial_id: str) -> None:
        """Let a trial be handed out again."""
        _logger.warning("candidate %s is evaluated again", trial_id)
        self.ongoing_trials = {
            worker: trial for worker, trial in self.ongoing_trials.items() if trial.trial_id != trial_id
        }
        if trial_id not in self._retry_queue:
            self._retry_queue.append(trial_id)

    def _begin(self, index: int) -> Generation:
        """The generation of this index, counted from 0, whose earlier ones are complete."""
        if self._begun is None or self._begun[0] != index:
            size = self._settings.population
            starts = range(0, index * size, size)
            generations = [self.start_order[start : start + size] for start in starts]
            earlier = [[self._candidate(each) for each in ids if self._ended(each)] for ids in generations]
            generation = begin_generation(self._problem, self._settings, earlier)
            if generation.check is not None:
                self._checks[generation.check.generation] = generation.check
                _logger.info("%s", generation.check)
            self._begun = (index, generation)
        return self._begun[1]

    def _asked(self) -> dict[str, Any]:
        return asked(self._problem, self._settings)

    def _ended(self, trial_id: str) -> bool:
        return self.trials[trial_id].status == trial_module.TrialStatus.COMPLETED

    def _candidate(self, trial_id: str) -> Candidate:
        architecture = self._architectures[trial_id]
        evaluation = metrics_to_evaluation(self.trials[trial_id].metrics)
        return Candidate(
            architecture=architecture,
            accuracy=evaluation.accuracy,
            cost=self._problem.cost.cost(architecture),
            counted=evaluation.counted,
            after_parts=evaluation.after_parts,
        )
