"""The chief of a distributed search: serves the oracle to workers until the search has ended."""

import logging
import time
from collections.abc import Callable
from concurrent import futures
from typing import Any

import grpc
from keras_tuner.src import protos
from keras_tuner.src.distribute.oracle_chief import OracleServicer

from splitnets_tf.errors import UserError
from splitnets_tf.search.oracle import EvolutionOracle

__all__ = ["serve"]

TICK_SECONDS = 0.1
"""How often the chief looks whether the search has ended."""
GRACE_SECONDS = 5.0
"""Time for answers under way when the chief leaves."""

_logger = logging.getLogger(__name__)


class _Servicer(OracleServicer):
    """Keras Tuner's servicer; remembers an error, which would otherwise reach the workers only."""

    def __init__(self, oracle: EvolutionOracle) -> None:
        super().__init__(oracle)
        self.failure: Exception | None = None

    def CreateTrial(self, request: Any, context: Any) -> Any:  # noqa: N802  (gRPC's name)
        """Propose for a worker."""
        try:
            return super().CreateTrial(request, context)
        except Exception as error:
            self.failure = error
            raise


def serve(oracle: EvolutionOracle, address: str, on_tick: Callable[[], None]) -> None:
    """Answer workers until every trial has ended and no worker is left that has not been told so.

    Keras Tuner's own server waits for ever for a worker that was killed; this one forgets it when its lease ends.

    Args:
        oracle: The search.
        address: `ip:port` to listen at.
        on_tick: Called several times a second.

    Raises:
        UserError: The address cannot be listened at.
        Exception: What a proposal raised.
    """
    # Without SO_REUSEPORT a second chief at the same address is refused instead of sharing it.
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1), options=[("grpc.so_reuseport", 0)])
    servicer = _Servicer(oracle)
    protos.get_service_grpc().add_OracleServicer_to_server(servicer, server)
    try:
        server.add_insecure_port(address)
    except RuntimeError as error:
        raise UserError(f"the chief cannot listen at {address}: {error}; is the port in use?") from error
    server.start()
    _logger.info("the chief of the search listens at %s; start workers", address)
    try:
        # After a failed proposal the oracle's lock is never released, so the failure is looked at first.
        while servicer.failure is None and not oracle.may_close():
            time.sleep(TICK_SECONDS)
            on_tick()
    finally:
        server.stop(GRACE_SECONDS).wait()
    if servicer.failure is not None:
        raise servicer.failure
