"""A sensor at work: reads images, runs its half, sends the int8 features over gRPC and hears the answers.

A few frames are on their way at the same time. Where the connection breaks, the sensor tries again and goes on with
the first frame that is of use to the aggregator.
"""

import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from splitnets_tf.errors import UserError
from tflite_export.halves import fingerprint, probe_model
from tflite_export.images import bytes_to_int8
from tflite_export.interpreter import Int8Model
from tflite_export.split_server import KEEPALIVE, METHOD, SERVICE
from tflite_export.stage_times import StageTimes
from tflite_export.wire import Answer, Feature, Hello, Status, Welcome, WireError

__all__ = ["SensorSettings", "SplitSensor"]

_log = logging.getLogger(__name__)

_RETRY_PAUSE_S = 0.2


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SensorSettings:
    """How a sensor works."""

    sensor: int = 0
    """Its number; with several views the view that it sees."""
    frames: int | None = None
    """It stops before the frame of this number; None: never."""
    window: int = 4
    """Frames on their way at the same time."""
    frames_per_s: float | None = None
    """Rate of the camera; None: as fast as answers come."""
    retry_s: float = 30.0
    """How long it tries to reach the aggregator (again)."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Sent:
    """What is kept of a frame until its answer comes."""

    started_s: float
    sent_s: float
    read_s: float
    infer_s: float


class SplitSensor:
    """One sensor.

    Args:
        model: The sensor's half.
        read: Frame number -> uint8 image `[s, s, 3]` at the network's resolution.
        address: `host:port` of the aggregator.
        settings: How it works.
        on_answer: Called with each answer that has logits, in the order of the frames.

    Raises:
        UserError: The model cannot be run.
    """

    def __init__(
        self,
        model: Path,
        read: Callable[[int], np.ndarray],
        address: str,
        settings: SensorSettings,
        on_answer: Callable[[Answer], None] | None = None,
    ) -> None:
        probe_model(model)
        self.settings = settings
        self.times = StageTimes()
        self.counts = dict.fromkeys(("sent", "answered", "filled", "late", "lost", "out_of_order", "connections"), 0)
        self.bytes_out = self.bytes_in = 0
        self._model = Int8Model(model)
        self._hello = Hello(sensor=settings.sensor, fingerprint=fingerprint(model))
        self._read = read
        self._on_answer = on_answer
        self._last_frame = -1
        self._told = False
        self._failure: UserError | None = None
        self._address = address
        self._next = 0
        self._lock = threading.Lock()
        self._on_the_way: dict[int, _Sent] = {}
        self._first_s: float | None = None
        self._last_s = 0.0

    def run(self) -> None:
        """Work until all frames are answered.

        Raises:
            UserError: The aggregator refuses this sensor, or cannot be reached for too long.
        """
        import grpc

        reached_s = time.monotonic()
        while not self._run_out():
            heard = self.counts["answered"] + self.counts["late"]
            try:
                with grpc.insecure_channel(self._address, options=list(KEEPALIVE)) as channel:
                    self._stream(channel)
            except grpc.RpcError as error:
                self._give_up_on(error)
            except WireError as error:
                raise UserError(f"{self._address}: no aggregator of this protocol ({error})") from error
            if self._failure is not None:
                raise self._failure
            self._forget_lost()
            if self.counts["answered"] + self.counts["late"] > heard:
                reached_s = time.monotonic()
            if self._run_out():
                return
            if time.monotonic() - reached_s > self.settings.retry_s:
                raise UserError(
                    f"{self._address}: no aggregator answered for {self.settings.retry_s:g} s; start it with "
                    "python -m tflite_export.serve, or give a longer --retry"
                )
            time.sleep(_RETRY_PAUSE_S)

    def _stream(self, channel: Any) -> None:
        """One connection from hello to the last answer."""
        slots = threading.Semaphore(self.settings.window)
        broken, welcome = threading.Event(), threading.Event()
        call = channel.stream_stream(f"/{SERVICE}/{METHOD}")(self._messages(slots, welcome, broken))
        try:
            for position, message in enumerate(call):
                self.bytes_in += len(message)
                if position == 0:
                    self._start(Welcome.unpack(message))
                    welcome.set()
                else:
                    self._take(Answer.unpack(message))
                    slots.release()
        finally:
            broken.set()
            welcome.set()
            slots.release()
            call.cancel()

    def _messages(
        self, slots: threading.Semaphore, welcome: threading.Event, broken: threading.Event
    ) -> Iterator[bytes]:
        yield self._count(self._hello.pack())
        welcome.wait()
        due_s = time.monotonic()
        while not broken.is_set() and not self._run_out():
            slots.acquire()
            with self._lock:
                frame = self._next
                self._next += 1
            if broken.is_set() or (self.settings.frames is not None and frame >= self.settings.frames):
                break
            if self.settings.frames_per_s is not None:
                # A frame's number says nothing about its time: after a jump the next one is due as ever.
                time.sleep(max(0.0, due_s - time.monotonic()))
                due_s = max(due_s, time.monotonic()) + 1 / self.settings.frames_per_s
            try:
                message = self._sense(frame)
            except UserError as error:
                # This is gRPC's thread; `run` raises it when the stream has ended.
                self._failure = error
                return
            yield self._count(message)
        if not broken.is_set():
            yield self._count(Feature(sensor=self.settings.sensor, frame=self._next, last=True).pack())

    def _sense(self, frame: int) -> bytes:
        started_s = time.monotonic()
        image = bytes_to_int8(np.ascontiguousarray(self._read(frame)))[np.newaxis]
        read_s = time.monotonic()
        data = self._model(image).tobytes()
        infer_s = time.monotonic()
        sent = _Sent(started_s=started_s, sent_s=infer_s, read_s=read_s - started_s, infer_s=infer_s - read_s)
        with self._lock:
            self._on_the_way[frame] = sent
            self.counts["sent"] += 1
            self._first_s = self._first_s or started_s
        times = {"read_us": int(sent.read_s * 1e6), "infer_us": int(sent.infer_s * 1e6)}
        return Feature(sensor=self.settings.sensor, frame=frame, data=data, **times).pack()

    def _start(self, welcome: Welcome) -> None:
        expected = int(np.prod(self._model.output_shape))
        if welcome.feature_bytes != expected:
            raise WireError(f"it takes features of {welcome.feature_bytes} bytes, this half makes {expected}")
        with self._lock:
            self._next = max(self._next, welcome.next_frame)
            self.counts["connections"] += 1
            self._told = False

    def _take(self, answer: Answer) -> None:
        now_s = time.monotonic()
        with self._lock:
            if answer.status is Status.LATE:
                # A late frame is the oldest on its way; jump to where the others are.
                self._on_the_way.pop(min(self._on_the_way, default=-1), None)
                self._next = max(self._next, answer.frame + self.settings.window)
                self.counts["late"] += 1
                return
            sent = self._on_the_way.pop(answer.frame, None)
            if sent is None or answer.frame <= self._last_frame:
                self.counts["out_of_order"] += 1
                return
            self._last_frame = answer.frame
            self.counts["answered"] += 1
            self.counts["filled"] += answer.status is Status.FILLED
            self._last_s = now_s
        if self._on_answer is not None:
            self._on_answer(answer)
        wait_s, infer_s = answer.wait_us / 1e6, answer.infer_us / 1e6
        stages_s = {
            "read": sent.read_s,
            "sensor": sent.infer_s,
            "link and queues": max(0.0, now_s - sent.sent_s - wait_s - infer_s),
            "wait for views": wait_s,
            "aggregator": infer_s,
            "end to end": now_s - sent.started_s,
        }
        self.times.add(**{name: time_s * 1e3 for name, time_s in stages_s.items()})

    def _give_up_on(self, error: Any) -> None:
        """Raise for what trying again cannot mend."""
        import grpc

        if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED):
            if not self._told:
                _log.warning("sensor %d: no aggregator at %s, trying on", self.settings.sensor, self._address)
            self._told = True
            return
        raise UserError(f"{self._address}: the aggregator refuses sensor {self.settings.sensor}: {error.details()}")

    def _forget_lost(self) -> None:
        with self._lock:
            self.counts["lost"] += len(self._on_the_way)
            self._on_the_way.clear()

    def _run_out(self) -> bool:
        return self.settings.frames is not None and self._next >= self.settings.frames

    def _count(self, message: bytes) -> bytes:
        self.bytes_out += len(message)
        return message

    def report(self) -> dict[str, Any]:
        """What happened, as plain data."""
        elapsed_s = self._last_s - (self._first_s or 0.0)
        return {
            "schema_version": 1,
            "sensor": self.settings.sensor,
            "frames_per_s": self.counts["answered"] / elapsed_s if elapsed_s > 0 else None,
            "bytes_out": self.bytes_out,
            "bytes_in": self.bytes_in,
            "stages": {name: dataclasses.asdict(row) for name, row in self.times.summary().items()},
        } | dict(self.counts)
