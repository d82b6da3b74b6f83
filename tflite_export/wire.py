"""What sensor and aggregator say to each other: fixed headers in network byte order, then bytes as they are.

A sensor opens one stream, says `Hello`, hears `Welcome`, and from then on sends one `Feature` for each frame and hears
one `Answer` for each. Nothing else crosses, and nothing is decoded but these numbers.
"""

import dataclasses
import enum
import struct

__all__ = [
    "ANSWER_HEADER_BYTES",
    "FEATURE_HEADER_BYTES",
    "Answer",
    "Feature",
    "Hello",
    "Status",
    "Welcome",
    "WireError",
]

_MAGIC = b"SPNT"
_VERSION = 1
_HELLO = struct.Struct(">4sBH32s")
_WELCOME = struct.Struct(">4sBHIQ")
_FEATURE = struct.Struct(">4sBBHQII")
_ANSWER = struct.Struct(">4sBBHQQII")
FEATURE_HEADER_BYTES = _FEATURE.size
ANSWER_HEADER_BYTES = _ANSWER.size
_MOST_US = 2**32 - 1


class WireError(ValueError):
    """A message that is none of this protocol's."""


class Status(enum.IntEnum):
    """What became of a frame."""

    COMPLETE = 0
    """All views were there."""
    FILLED = 1
    """Views were missing and were filled; `Answer.missing` names them."""
    LATE = 2
    """The frame had been answered without this view; there are no logits."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Hello:
    """A sensor's first message."""

    sensor: int
    """Its number; with several views the view that it sees."""
    fingerprint: bytes
    """SHA-256 of its model."""

    def pack(self) -> bytes:
        """As bytes."""
        return _HELLO.pack(_MAGIC, _VERSION, self.sensor, self.fingerprint)

    @classmethod
    def unpack(cls, message: bytes) -> "Hello":
        """From bytes; WireError where they are something else."""
        sensor, fingerprint = _fields(_HELLO, message, "Hello", exact=True)
        return cls(sensor=sensor, fingerprint=fingerprint)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Welcome:
    """The aggregator's first message."""

    views: int
    """Views that it fuses."""
    feature_bytes: int
    """Bytes of a feature that it takes."""
    next_frame: int
    """First frame that is of use to it."""

    def pack(self) -> bytes:
        """As bytes."""
        return _WELCOME.pack(_MAGIC, _VERSION, self.views, self.feature_bytes, self.next_frame)

    @classmethod
    def unpack(cls, message: bytes) -> "Welcome":
        """From bytes; WireError where they are something else."""
        views, feature_bytes, next_frame = _fields(_WELCOME, message, "Welcome", exact=True)
        return cls(views=views, feature_bytes=feature_bytes, next_frame=next_frame)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Feature:
    """What a sensor computed for one frame."""

    sensor: int
    """Its number."""
    frame: int
    """Number of the frame."""
    read_us: int = 0
    """Time for reading the image, in microseconds."""
    infer_us: int = 0
    """Time for the sensor's part of the network."""
    last: bool = False
    """Whether the sensor has nothing more to send; then there is no feature."""
    data: bytes = b""
    """int8 feature, as it leaves the model."""

    def pack(self) -> bytes:
        """As bytes."""
        times = (min(self.read_us, _MOST_US), min(self.infer_us, _MOST_US))
        return _FEATURE.pack(_MAGIC, _VERSION, self.last, self.sensor, self.frame, *times) + self.data

    @classmethod
    def unpack(cls, message: bytes) -> "Feature":
        """From bytes; WireError where they are something else."""
        last, sensor, frame, read_us, infer_us = _fields(_FEATURE, message, "Feature")
        if last > 1:
            raise WireError(f"a Feature has the flags {last}; expected 0 or 1")
        data = message[_FEATURE.size :]
        return cls(sensor=sensor, frame=frame, read_us=read_us, infer_us=infer_us, last=bool(last), data=data)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What the aggregator made of one frame."""

    status: Status
    """What became of it."""
    sensor: int
    """The sensor that is answered."""
    frame: int
    """Number of the frame; with status `LATE` the first frame that is of use."""
    missing: int = 0
    """Bit v is set where view v was missing and filled."""
    wait_us: int = 0
    """Time between this frame's first feature and its fusion, in microseconds."""
    infer_us: int = 0
    """Time for the aggregator's part of the network."""
    data: bytes = b""
    """int8 logits."""

    @property
    def missing_views(self) -> tuple[int, ...]:
        """Numbers of the views that were filled."""
        return tuple(view for view in range(64) if self.missing >> view & 1)

    def pack(self) -> bytes:
        """As bytes."""
        times = (min(self.wait_us, _MOST_US), min(self.infer_us, _MOST_US))
        return _ANSWER.pack(_MAGIC, _VERSION, self.status, self.sensor, self.frame, self.missing, *times) + self.data

    @classmethod
    def unpack(cls, message: bytes) -> "Answer":
        """From bytes; WireError where they are something else."""
        status, sensor, frame, missing, wait_us, infer_us = _fields(_ANSWER, message, "Answer")
        if status not in set(Status):
            raise WireError(f"an Answer has the status {status}; expected one of {[int(s) for s in Status]}")
        return cls(
            status=Status(status),
            sensor=sensor,
            frame=frame,
            missing=missing,
            wait_us=wait_us,
            infer_us=infer_us,
            data=message[_ANSWER.size :],
        )


def _fields(layout: struct.Struct, message: bytes, what: str, *, exact: bool = False) -> tuple:
    if len(message) < layout.size or (exact and len(message) != layout.size):
        raise WireError(f"a {what} has {layout.size} bytes{'' if exact else ' or more'}, received {len(message)}")
    magic, version, *fields = layout.unpack_from(message)
    if magic != _MAGIC or version != _VERSION:
        raise WireError(f"expected a {what} of protocol {_MAGIC.decode()} {_VERSION}, received {message[:5]!r}")
    return tuple(fields)
