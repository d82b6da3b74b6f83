"""One supernet, many searches: what was evaluated once is known to all of them."""

from pathlib import Path

from splitnets_tf.errors import UserError
from splitnets_tf.files import read_json, write_json
from splitnets_tf.search import Evaluator
from splitnets_tf.space import Architecture

__all__ = ["RememberingEvaluator"]


class RememberingEvaluator:
    """Evaluates each architecture once for a whole series of searches, over interruptions too.

    Args:
        evaluator: Asked for what is not known yet.
        path: Where accuracies are kept.
        identity: Fingerprint of the supernet; accuracies of another one are refused.
    """

    def __init__(self, evaluator: Evaluator, path: Path, identity: str) -> None:
        self._evaluator = evaluator
        self._path = path
        self._identity = identity
        stored = (
            read_json(path, "accuracies of a series of searches")
            if path.exists()
            else {"identity": identity, "accuracy": {}}
        )
        if stored.get("identity") != identity:
            raise UserError(f"{path} holds accuracies of another supernet; name another --output-dir")
        self._known: dict[str, float] = stored["accuracy"]

    def evaluate(self, architecture: Architecture) -> float:
        """Validation accuracy in [0, 1]."""
        if architecture.short_id not in self._known:
            self._known[architecture.short_id] = self._evaluator.evaluate(architecture)
            write_json(self._path, {"identity": self._identity, "accuracy": self._known})
        return self._known[architecture.short_id]
