"""Keras Tuner's client of an oracle, for a chief that may be restarted at any moment."""

from collections.abc import Mapping

import keras_tuner
from keras_tuner.engine import trial as trial_module
from keras_tuner.src.distribute.oracle_client import OracleClient

from splitnets_tf.search.oracle import EvolutionOracle
from splitnets_tf.search.worker import ChiefLine

__all__ = ["PatientClient"]


class PatientClient(OracleClient):
    """Makes each call again if the chief went away meanwhile; `EvolutionOracle` takes any call twice.

    Args:
        oracle: The worker's own, asked for nothing but settings.
        line: To the chief.
    """

    def __init__(self, oracle: EvolutionOracle, line: ChiefLine) -> None:
        super().__init__(oracle)
        self._line = line

    def get_space(self) -> keras_tuner.HyperParameters:
        """The space of the chief's oracle."""
        return self._line.insist(super().get_space)

    def create_trial(self, tuner_id: str) -> trial_module.Trial:
        """A trial for this worker."""
        return self._line.insist(lambda: OracleClient.create_trial(self, tuner_id))

    def update_trial(self, trial_id: str, metrics: Mapping[str, float], step: int = 0) -> trial_module.Trial:
        """Hand a result in."""
        return self._line.insist(lambda: OracleClient.update_trial(self, trial_id, metrics, step))

    def end_trial(self, trial: trial_module.Trial) -> None:
        """End a trial."""
        self._line.insist(lambda: OracleClient.end_trial(self, trial))

    def get_trial(self, trial_id: str) -> trial_module.Trial:
        """A trial by its number."""
        return self._line.insist(lambda: OracleClient.get_trial(self, trial_id))
