"""A worker's line to the chief: is it there, does it search the same, and signs of life during an evaluation."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import grpc

from splitnets_tf.errors import UserError

__all__ = ["ChiefLine", "refuse_other_search", "sign_of_life"]

T = TypeVar("T")
_KNOCK_SECONDS = 0.1
"""Between two attempts where the chief refuses a call at once."""

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
        # The cheapest of the oracle's calls, with an empty request and an answer that nobody reads.
        self._knock = self._channel.unary_unary("/keras_tuner.Oracle/GetSpace", bytes, bytes)

    def wait(self) -> None:
        """Return as soon as the chief answers.

        Raises:
            UserError: It does not for too long.
        """
        deadline = time.monotonic() + self._patience_seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                self._knock(b"", timeout=left, wait_for_ready=True)
                return
            except grpc.RpcError as error:
                _logger.debug("the chief at %s does not answer: %s", self._address, error)
                time.sleep(_KNOCK_SECONDS)
        raise UserError(
            f"no chief of a search answers at {self._address} for {self._patience_seconds:g} s; start it there with "
            "KERASTUNER_TUNER_ID=chief, or look whether the search has ended"
        )

    def insist(self, call: Callable[[], T]) -> T:
        """Make a call that may be made twice, again and again while the chief is being restarted.

        Raises:
            UserError: The chief does not come back.
            grpc.RpcError: The call fails for another reason.
        """
        while True:
            self.wait()
            try:
                return call()
            except grpc.RpcError as error:
                if not isinstance(error, grpc.Call) or error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
                _logger.warning("the chief at %s has gone; waiting for it", self._address)

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
            except (grpc.RpcError, UserError) as error:
                _logger.warning("a sign of life did not reach the chief: %s", error)

    # A daemon, not joined: a beat may wait for a chief that is being restarted.
    threading.Thread(target=go_on, name="sign of life", daemon=True).start()
    try:
        yield
    finally:
        done.set()
