"""The aggregator on the network: one gRPC stream for each sensor, in front of a `SplitHub`.

gRPC's generic handlers carry the messages of `wire` as they are; there is no generated code and no decoder but that.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from splitnets_tf.errors import UserError
from tflite_export.halves import Aggregator
from tflite_export.split_hub import Connection, ServerSettings, SplitHub
from tflite_export.wire import FEATURE_HEADER_BYTES, Hello, WireError

__all__ = ["KEEPALIVE", "METHOD", "SERVICE", "SplitServer"]

SERVICE = "splitnets.Split"
METHOD = "Run"
KEEPALIVE = (("grpc.keepalive_time_ms", 10_000), ("grpc.keepalive_timeout_ms", 5_000))
"""Both sides ask so often whether the other one is there: a pulled cable closes no connection."""
_MOST_SENSORS = 64
_TICK_S = 0.01


class SplitServer:
    """A gRPC server for one pair of halves.

    Args:
        aggregator: The aggregator's half.
        sensor_fingerprint: SHA-256 of the sensor's half that belongs to it; any other is refused.
        settings: How it serves.
    """

    def __init__(self, aggregator: Aggregator, sensor_fingerprint: bytes, settings: ServerSettings) -> None:
        self.hub = SplitHub(aggregator, settings)
        self._aggregator = aggregator
        self._fingerprint = sensor_fingerprint
        self._stopping = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)
        self._server: Any = None

    def start(self, address: str) -> int:
        """Listen on `host:port`; port 0 takes a free one.

        Returns:
            The port.

        Raises:
            UserError: The address cannot be had.
        """
        import grpc

        limit = FEATURE_HEADER_BYTES + self._aggregator.feature_bytes
        self._server = grpc.server(
            ThreadPoolExecutor(_MOST_SENSORS, thread_name_prefix="sensor"),
            options=[
                ("grpc.max_receive_message_length", limit),
                ("grpc.so_reuseport", 0),
                ("grpc.http2.min_ping_interval_without_data_ms", KEEPALIVE[0][1] // 2),
                *KEEPALIVE,
            ],
            maximum_concurrent_rpcs=_MOST_SENSORS,
        )
        handler = grpc.stream_stream_rpc_method_handler(self._run)
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {METHOD: handler}),))
        try:
            port: int = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise UserError(f"cannot listen on {address}; give a free --address HOST:PORT of this machine") from error
        self._server.start()
        self._ticker.start()
        return port

    def stop(self) -> None:
        """End all streams and the server."""
        self._stopping.set()
        self.hub.close()
        self._server.stop(grace=1.0).wait()

    def _run(self, requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
        """One sensor's stream: the handler that gRPC calls."""
        import grpc

        connection = self._greet(requests, context)
        threading.Thread(target=self._listen, args=(connection, requests), daemon=True).start()
        if not context.add_callback(lambda: connection.queue.put(None)):
            return
        while (message := connection.queue.get()) is not None:
            if isinstance(message, str):
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, message)
            yield message

    def _greet(self, requests: Iterator[bytes], context: Any) -> Connection:
        import grpc

        try:
            hello = Hello.unpack(next(requests))
        except (WireError, StopIteration) as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"no sensor of this protocol: {error}")
        views = self._aggregator.views
        if hello.fingerprint != self._fingerprint:
            context.abort(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"sensor {hello.sensor} runs another half: its model's SHA-256 is {hello.fingerprint.hex()[:16]}..., "
                f"this aggregator belongs to {self._fingerprint.hex()[:16]}...",
            )
        if views > 1 and hello.sensor >= views:
            context.abort(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"there is no view {hello.sensor}; this aggregator fuses the views 0..{views - 1}",
            )
        return self.hub.enter(hello.sensor)

    def _listen(self, connection: Connection, requests: Iterator[bytes]) -> None:
        import grpc

        try:
            for message in requests:
                self.hub.receive(connection, message)
        except WireError as error:
            connection.queue.put(f"sensor {connection.sensor} is cut off: {error}")
        except grpc.RpcError:
            # The sensor is gone; `leave` notes it.
            pass
        finally:
            self.hub.leave(connection)

    def _tick(self) -> None:
        while not self._stopping.wait(_TICK_S):
            self.hub.tick()
