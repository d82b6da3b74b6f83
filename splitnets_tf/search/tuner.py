"""The worker that evaluates what the oracle proposes."""

import math
import time
from collections.abc import Callable
from pathlib import Path

from keras_tuner.engine import base_tuner
from keras_tuner.engine import trial as trial_module

from splitnets_tf.search.candidate import SearchProgress
from splitnets_tf.search.oracle import OBJECTIVE, EvolutionOracle
from splitnets_tf.search.protocols import Evaluator

__all__ = ["EvolutionTuner"]

IDLE_SECONDS = 0.05
"""Pause before asking again for a trial; the base class asks without pausing."""


class EvolutionTuner(base_tuner.BaseTuner):
    """Runs trials one after the other; takes up an interrupted search that it finds in its folder.

    A failing evaluation ends the search with its own exception: the base class would swallow it and go on.

    Args:
        oracle: Proposes architectures; reloaded if the folder holds a search.
        evaluator: Measures their accuracy.
        directory: The Keras Tuner project.
        on_progress: Called before the first and after each evaluation (not in a worker of a distributed search).

    Raises:
        UserError: The folder holds a search with other settings.
    """

    def __init__(
        self,
        *,
        oracle: EvolutionOracle,
        evaluator: Evaluator,
        directory: Path,
        on_progress: Callable[[SearchProgress], None] | None = None,
    ) -> None:
        self._local_oracle = oracle
        self._evaluator = evaluator
        self._on_progress = on_progress
        self._waiting = False
        super().__init__(oracle=oracle, directory=str(directory.parent), project_name=directory.name)
        if not self._is_worker() and (directory / "oracle.json").exists():
            oracle.reload()

    def run_trial(self, trial: trial_module.Trial) -> dict[str, float]:
        """Evaluate one architecture.

        Raises:
            ValueError: The evaluator's answer is no accuracy.
        """
        architecture = self._local_oracle.architecture(trial.hyperparameters.values)
        accuracy = float(self._evaluator.evaluate(architecture))
        if not math.isfinite(accuracy) or not 0 <= accuracy <= 1:
            raise ValueError(f"expected an accuracy between 0 and 1 for {architecture.short_id}, received {accuracy}")
        return {OBJECTIVE: accuracy}

    def on_search_begin(self) -> None:
        """Report where the search stands."""
        self._report()

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
        self._report()

    def save(self) -> None:
        """Commit the oracle; the tuner has no state of its own."""
        if not self._is_worker():
            self._local_oracle.save()

    def _try_run_and_update_trial(self, trial: trial_module.Trial) -> None:
        self._run_and_update_trial(trial)
        trial.status = trial_module.TrialStatus.COMPLETED

    def _report(self) -> None:
        if self._on_progress is not None and not self._is_worker():
            self._on_progress(self._local_oracle.progress)
