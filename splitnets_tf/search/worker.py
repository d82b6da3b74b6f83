"""A worker's line to the chief: is it there, does it search the same, and signs of life during an evaluation."""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator

import grpc

from splitnets_tf.errors import UserError

__all__ = ["ChiefLine", "refuse_other_search", "sign_of_life"]

_logger = logging.getLogger(__name__)


class ChiefLine:
    """Tells whether a chief is there; Keras Tuner's client would wait an hour for one.

    Args:
        address: `ip:port` of the chief.
        patience_seconds: How long it may take to answer.
    """

    def __init__(self, address: str, patience_seconds: float) -> None:
        self._address = address
        self._patience_seconds = patience_seconds
        self._channel = grpc.insecure_channel(address)

    def wait(self) -> None:
        """Return as soon as the chief listens.

        Raises:
            UserError: It does not answer for too long.
        """
        try:
            grpc.channel_ready_future(self._channel).result(timeout=self._patience_seconds)
        except grpc.FutureTimeoutError as error:
            raise UserError(
                f"no chief of a search answers at {self._address} for {self._patience_seconds:g} s; start it there "
                "with KERASTUNER_TUNER_ID=chief, or look whether the search has ended"
            ) from error

    def close(self) -> None:
        """Hang up."""
        self._channel.close()


def refuse_other_search(address: str, theirs: str | None, ours: str) -> None:
    """Refuse a chief whose search is another one.

    Args:
        address: The chief's.
        theirs: Fingerprint of the chief's search; None where it has none.
        ours: Fingerprint of the worker's.

    Raises:
        UserError: They differ.
    """
    if theirs != ours:
        raise UserError(
            f"the chief at {address} searches something else (other settings, constraints, space or supernet); start "
            "worker and chief with the same arguments and the same run"
        )


@contextlib.contextmanager
def sign_of_life(beat: Callable[[], object], interval_s: float) -> Iterator[None]:
    """Call `beat` again and again from a thread while the body works.

    A beat that does not reach the chief is logged; the next one may.
    """
    done = threading.Event()

    def go_on() -> None:
        while not done.wait(interval_s):
            try:
                beat()
            except grpc.RpcError as error:
                _logger.warning("the chief does not answer: %s", error)

    # A daemon, not joined: a beat may wait for a chief that is being restarted.
    threading.Thread(target=go_on, name="sign of life", daemon=True).start()
    try:
        yield
    finally:
        done.set()
