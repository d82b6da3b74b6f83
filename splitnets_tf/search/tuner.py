"""The worker that evaluates what the oracle proposes."""

import math
import time
from collections.abc import Callable
from pathlib import Path

from keras_tuner.engine import base_tuner
from keras_tuner.engine import trial as trial_module

from splitnets_tf.search.candidate import SearchProgress
from splitnets_tf.search.chief import serve
from splitnets_tf.search.distributed import LEASE_SECONDS, read_role
from splitnets_tf.search.halving import Evaluation, evaluate_in_parts
from splitnets_tf.search.oracle import FINGERPRINT, EvolutionOracle
from splitnets_tf.search.patient_client import PatientClient
from splitnets_tf.search.protocols import Evaluator, PartwiseEvaluator
from splitnets_tf.search.trial_record import evaluation_to_metrics, values_to_floors
from splitnets_tf.search.worker import ChiefLine, refuse_other_search, sign_of_life

__all__ = ["EvolutionTuner"]

IDLE_SECONDS = 0.05
"""Pause before asking again for a trial; the base class asks without pausing."""
BEATS_PER_LEASE = 6
"""Signs of life in the time that the chief waits for one."""
PATIENCE_SECONDS = 600.0
"""How long a worker waits for a chief that does not answer: it may be starting, or being restarted."""


class EvolutionTuner(base_tuner.BaseTuner):
    """Runs trials one after the other; takes up an interrupted search that it finds in its folder.

    As a chief (see `distributed`) it serves trials to workers instead; as a worker it takes them from the chief.

    A failing evaluation ends the search with its own exception: the base class would swallow it and go on.

    Args:
        oracle: Proposes architectures; reloaded if the folder holds a search.
        evaluator: Measures their accuracy.
        directory: The Keras Tuner project.
        on_progress: Called before the first and after each evaluation (not in a worker of a distributed search).
        lease_seconds: How long the chief waits for a silent worker; a worker gives several signs of life in that time.
        patience_seconds: How long a worker waits for its chief.

    Raises:
        UserError: The folder holds a search with other settings, or the environment is that of no distributed search.
    """

    def __init__(
        self,
        *,
        oracle: EvolutionOracle,
        evaluator: Evaluator,
        directory: Path,
        on_progress: Callable[[SearchProgress], None] | None = None,
        lease_seconds: float = LEASE_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._role = read_role()
        self._beat_seconds = lease_seconds / BEATS_PER_LEASE
        self._line = ChiefLine(self._role.address, patience_seconds) if self._role.kind == "worker" else None
        self._reported = -1
        self.evaluations = 0
        self._local_oracle = oracle
        self._evaluator = evaluator
        self._on_progress = on_progress
        self._waiting = False
        super().__init__(oracle=oracle, directory=str(directory.parent), project_name=directory.name)
        if self._line is not None:
            self.oracle = PatientClient(oracle, self._line)
        elif (directory / "oracle.json").exists():
            oracle.reload()

    def search(self) -> None:
        """Search to the end.

        Raises:
            UserError: The chief cannot listen at its address, does not answer, or searches something else.
        """
        if self._role.kind == "chief":
            self.save()
            self._report()
            serve(self._local_oracle, self._role.address, self._report)
        else:
            super().search()
        if self._line is not None:
            self._line.close()

    def run_trial(self, trial: trial_module.Trial) -> dict[str, float]:
        """Evaluate one architecture.

        Raises:
            ValueError: The evaluator's answer is no accuracy.
        """
        architecture = self._local_oracle.architecture(trial.hyperparameters.values)
        parts = self._local_oracle.settings.validation_parts
        if parts and isinstance(self._evaluator, PartwiseEvaluator):
            floors = values_to_floors(trial.hyperparameters.values, len(parts))
            evaluation = evaluate_in_parts(self._evaluator, architecture, parts, floors)
        else:
            accuracy = float(self._evaluator.evaluate(architecture))
            evaluation = Evaluation(accuracy=accuracy, counted=1.0, after_parts=())
        accuracy = evaluation.accuracy
        if not math.isfinite(accuracy) or not 0 <= accuracy <= 1:
            raise ValueError(f"expected an accuracy between 0 and 1 for {architecture.short_id}, received {accuracy}")
        return evaluation_to_metrics(evaluation)

    def on_search_begin(self) -> None:
        """Report where the search stands; as a worker, make sure that the chief searches the same."""
        self._report()
        if self._line is not None:
            theirs = self.oracle.get_space().values.get(FINGERPRINT)
            refuse_other_search(self._role.address, theirs, self._local_oracle.fingerprint)

    def pre_create_trial(self) -> None:
        """Pause if the last request brought no trial."""
        if self._waiting:
            time.sleep(IDLE_SECONDS)
        self._waiting = True

    def on_trial_begin(self, trial: trial_module.Trial) -> None:
        """Note that a trial came."""
        self._waiting = False

    def on_trial_end(self, trial: trial_module.Trial) -> None:
        """Hand the result in; the oracle commits itself, so nothing else is saved."""
        self.oracle.end_trial(trial)
        self.evaluations += 1
        self._report()

    def save(self) -> None:
        """Commit the oracle; the tuner has no state of its own."""
        if not self._is_worker():
            self._local_oracle.save()

    def _try_run_and_update_trial(self, trial: trial_module.Trial) -> None:
        if self._is_worker():
            with sign_of_life(lambda: self.oracle.get_trial(trial.trial_id), self._beat_seconds):
                metrics = self.run_trial(trial)
        else:
            metrics = self.run_trial(trial)
        self.oracle.update_trial(trial.trial_id, metrics)
        trial.status = trial_module.TrialStatus.COMPLETED

    def _report(self) -> None:
        """Tell how far the search is, if it is farther than when it was told last."""
        if self._on_progress is None or self._is_worker():
            return
        progress = self._local_oracle.progress
        if progress.done != self._reported:
            self._reported = progress.done
            self._on_progress(progress)
