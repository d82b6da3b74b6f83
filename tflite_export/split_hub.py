"""What an aggregator does with the features of many sensors: fuse by frame, fill what is missing, answer, keep count.

An aggregator file with one input answers each sensor by itself. One with V inputs fuses the views of V sensors: a
frame is answered as soon as every connected sensor has delivered it, or when its deadline passes; a missing view is
filled and the answer says so. The network is elsewhere: a `Connection` has a queue of messages for its sensor.
"""

import dataclasses
import logging
import threading
import time
from collections import deque
from queue import SimpleQueue
from typing import Any, Literal

from tflite_export.halves import Aggregator
from tflite_export.stage_times import StageTimes
from tflite_export.view_fusion import ReadyFrame, ViewFusion
from tflite_export.wire import Answer, Feature, Status, Welcome, WireError

__all__ = ["Connection", "ServerSettings", "SplitHub"]

_log = logging.getLogger(__name__)

_RETURN_MARGIN = 8
"""Frames that a returning sensor starts ahead, so that it is not late at once; above the usual window."""
_MOST_AHEAD = 100_000
"""Frames that a sensor may be ahead of all others; a number beyond would make every later frame of theirs late."""
_KEPT_EVENTS = 10_000
_MOST_AWAITED = 256
"""Unanswered frames of one sensor; more is an attack or a bug."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ServerSettings:
    """How an aggregator serves."""

    deadline_ms: float = 200.0
    """How long a frame waits for further views after its first one."""
    fill: Literal["zeros", "last"] = "zeros"
    """What stands for a missing view: real zeros (the zero point), or the view's last feature."""
    start_timeout_s: float = 30.0
    """How long the first frame waits for sensors that never came."""


@dataclasses.dataclass(slots=True)
class Connection:
    """One sensor's stream."""

    sensor: int
    """Its number."""
    queue: SimpleQueue[bytes | str | None] = dataclasses.field(default_factory=SimpleQueue)
    """Messages for it; a text refuses it, None ends the stream."""
    awaited: set[int] = dataclasses.field(default_factory=set)
    """Frames that it waits for."""
    finished: bool = False
    """Whether it said that nothing more comes."""
    silent: bool = False
    """Whether nothing came for longer than the deadline."""
    last_heard_s: float = 0.0
    """When it last said something."""


class SplitHub:
    """The aggregator's half with everything that is known about its sensors; its methods may be called from any thread.

    Args:
        aggregator: The aggregator's half.
        settings: How it serves.
    """

    def __init__(self, aggregator: Aggregator, settings: ServerSettings) -> None:
        self.settings = settings
        self.times = StageTimes()
        self.counts = dict.fromkeys(("complete", "filled", "late", "bytes_in", "bytes_out"), 0)
        self.events: deque[dict[str, Any]] = deque(maxlen=_KEPT_EVENTS)
        self._known: set[int] = set()
        self._aggregator = aggregator
        self._lock = threading.Lock()
        self._connections: dict[int, Connection] = {}
        self._fusions: dict[int, ViewFusion] = {}
        self._last: dict[int, bytes] = {}
        self._zeros = bytes([aggregator.quantization.zero_point & 0xFF]) * aggregator.feature_bytes
        self._first_s: float | None = None
        self._last_s = 0.0

    def enter(self, sensor: int) -> Connection:
        """A sensor connected; another stream of the same number is ended."""
        with self._lock:
            return self._enter(sensor)

    def _enter(self, sensor: int) -> Connection:
        previous = self._connections.get(sensor)
        if previous is not None:
            previous.queue.put(f"another sensor says that it is number {sensor}")
        returned = sensor in self._known
        self._known.add(sensor)
        fusion, view = self._fusion_of(sensor)
        start = fusion.first_open_frame
        if fusion.views > 1 and fusion.started:
            start = fusion.first_useful_frame + _RETURN_MARGIN
        fusion.join(view)
        connection = Connection(sensor=sensor, last_heard_s=time.monotonic())
        self._connections[sensor] = connection
        self._note(sensor, "returned" if returned else "joined", start)
        welcome = Welcome(views=self._aggregator.views, feature_bytes=self._aggregator.feature_bytes, next_frame=start)
        connection.queue.put(welcome.pack())
        return connection

    def receive(self, connection: Connection, message: bytes) -> None:
        """A sensor sent a feature.

        Raises:
            WireError: It is none, or not this sensor's, or has another size.
        """
        feature = Feature.unpack(message)
        if feature.sensor != connection.sensor:
            raise WireError(f"it speaks for sensor {feature.sensor}")
        with self._lock:
            now_s = time.monotonic()
            self.counts["bytes_in"] += len(message)
            connection.last_heard_s = now_s
            if connection.silent:
                connection.silent = False
                self._note(connection.sensor, "heard again", feature.frame)
            if feature.last:
                self._finish(connection, now_s)
                return
            if len(feature.data) != self._aggregator.feature_bytes:
                raise WireError(f"a feature has {self._aggregator.feature_bytes} bytes, received {len(feature.data)}")
            if len(connection.awaited) >= _MOST_AWAITED:
                raise WireError(f"it has {_MOST_AWAITED} unanswered frames and sends more")
            fusion, view = self._fusion_of(connection.sensor)
            if 0 < fusion.first_useful_frame < feature.frame - _MOST_AHEAD:
                raise WireError(f"its frame {feature.frame} is far ahead of {fusion.first_useful_frame}")
            connection.awaited.add(feature.frame)
            self._first_s = self._first_s if self._first_s is not None else now_s
            ready = fusion.add(view, feature.frame, feature.data, now_s)
            if ready is None:
                late = Answer(status=Status.LATE, sensor=connection.sensor, frame=fusion.first_useful_frame)
                self.counts["late"] += 1
                self._send(connection, feature.frame, late)
            else:
                self._last[connection.sensor] = feature.data
                self._answer(connection.sensor if fusion.views == 1 else None, ready, now_s)

    def _answer(self, only: int | None, frames: list[ReadyFrame], now_s: float) -> None:
        """Run the aggregator on each frame and answer the sensors that delivered it.

        Args:
            only: The sensor where each is answered by itself; None where all views belong together.
            frames: What is ready.
            now_s: The time.
        """
        for frame in frames:
            features = [frame.features.get(view) or self._fill(view) for view in range(self._aggregator.views)]
            started_s = time.monotonic()
            logits = self._aggregator(features)
            infer_s = time.monotonic() - started_s
            wait_s = now_s - frame.first_s
            self._last_s = time.monotonic()
            self.times.add(wait=wait_s * 1e3, aggregator=infer_s * 1e3)
            self.counts["filled" if frame.missing else "complete"] += 1
            for view in frame.features:
                connection = self._connections.get(view if only is None else only)
                if connection is not None and frame.frame in connection.awaited:
                    answer = Answer(
                        status=Status.FILLED if frame.missing else Status.COMPLETE,
                        sensor=connection.sensor,
                        frame=frame.frame,
                        missing=sum(1 << lost for lost in frame.missing),
                        wait_us=int(wait_s * 1e6),
                        infer_us=int(infer_s * 1e6),
                        data=logits,
                    )
                    self._send(connection, frame.frame, answer)

    def _fill(self, view: int) -> bytes:
        return self._last.get(view, self._zeros) if self.settings.fill == "last" else self._zeros

    def _send(self, connection: Connection, frame: int, answer: Answer) -> None:
        message = answer.pack()
        self.counts["bytes_out"] += len(message)
        connection.awaited.discard(frame)
        connection.queue.put(message)
        if connection.finished and not connection.awaited:
            self._drop(connection)

    def _finish(self, connection: Connection, now_s: float) -> None:
        """Nobody waits for this sensor any longer, but it still gets its answers."""
        connection.finished = True
        self._part_with(connection, "finished", now_s)
        if not connection.awaited:
            self._drop(connection)

    def leave(self, connection: Connection) -> None:
        """A sensor's stream ended."""
        with self._lock:
            if not connection.finished and self._connections.get(connection.sensor) is connection:
                self._part_with(connection, "lost", time.monotonic())
                self._drop(connection)

    def _part_with(self, connection: Connection, event: str, now_s: float) -> None:
        fusion, view = self._fusion_of(connection.sensor)
        self._note(connection.sensor, event, fusion.first_useful_frame)
        ready = fusion.leave(view, now_s)
        self._answer(connection.sensor if fusion.views == 1 else None, ready, now_s)

    def _drop(self, connection: Connection) -> None:
        connection.queue.put(None)
        if self._connections.get(connection.sensor) is connection:
            del self._connections[connection.sensor]

    def _note(self, sensor: int, event: str, frame: int) -> None:
        self.events.append({"time": time.time(), "sensor": sensor, "event": event, "frame": frame})
        level = logging.WARNING if event in ("lost", "silent") else logging.INFO
        _log.log(level, "sensor %d %s (frame %d)", sensor, event, frame)

    def tick(self) -> None:
        """Deadlines pass without a message that could tell; call this often."""
        with self._lock:
            now_s = time.monotonic()
            give_up = self._first_s is not None and now_s - self._first_s > self.settings.start_timeout_s
            for group, fusion in self._fusions.items():
                ready = fusion.start(now_s) if give_up else fusion.poll(now_s)
                self._answer(group if fusion.views == 1 else None, ready, now_s)
            self._look_for_silence(now_s)

    def close(self) -> None:
        """End all streams."""
        with self._lock:
            for connection in list(self._connections.values()):
                self._drop(connection)

    def report(self) -> dict[str, Any]:
        """What happened so far, as plain data."""
        with self._lock:
            answered = self.counts["complete"] + self.counts["filled"]
            elapsed_s = self._last_s - (self._first_s or 0.0)
            return {
                "schema_version": 1,
                "views": self._aggregator.views,
                "feature_bytes": self._aggregator.feature_bytes,
                "answers": answered,
                "frames_per_s": answered / elapsed_s if elapsed_s > 0 else None,
                "stages": {name: dataclasses.asdict(row) for name, row in self.times.summary().items()},
                "events": list(self.events),
            } | dict(self.counts)

    def _fusion_of(self, sensor: int) -> tuple[ViewFusion, int]:
        """The group that a sensor belongs to and its view in it: one group for all views, or one for each sensor."""
        views = self._aggregator.views
        group, view = (0, sensor) if views > 1 else (sensor, 0)
        if group not in self._fusions:
            self._fusions[group] = ViewFusion(views, self.settings.deadline_ms / 1e3)
        return self._fusions[group], view

    def _look_for_silence(self, now_s: float) -> None:
        for connection in self._connections.values():
            quiet = now_s - connection.last_heard_s > self.settings.deadline_ms / 1e3
            if quiet and not connection.awaited and not connection.finished and not connection.silent:
                connection.silent = True
                fusion, _ = self._fusion_of(connection.sensor)
                self._note(connection.sensor, "silent", fusion.first_useful_frame)
