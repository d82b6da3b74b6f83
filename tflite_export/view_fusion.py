"""Brings the views of one frame together: which frames are ready, and which views they have to do without.

Pure bookkeeping without threads, network or clock; times are passed in. A frame is ready when every view that is
expected has come, or when its deadline passes; frames become ready in the order of their numbers. A view is expected
while its sensor is connected and keeps the deadline, from its first frame on; one that missed the deadline is expected
again from the next frame that it delivers in time.
"""

import dataclasses

__all__ = ["ReadyFrame", "ViewFusion"]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ReadyFrame:
    """A frame that is to be answered."""

    frame: int
    """Its number."""
    features: dict[int, bytes]
    """Feature of each view that came."""
    missing: tuple[int, ...]
    """Views that did not."""
    first_s: float
    """When the first feature came."""


class ViewFusion:
    """Frames of one group of sensors.

    Args:
        views: Sensors that belong together.
        deadline_s: How long a frame waits for further views after its first one.
    """

    def __init__(self, views: int, deadline_s: float) -> None:
        self.views = views
        self.deadline_s = deadline_s
        self._present: set[int] = set()
        self._since: dict[int, int] = {}
        self._started = False
        self._open: dict[int, tuple[float, dict[int, bytes]]] = {}
        self._closed = -1

    @property
    def first_useful_frame(self) -> int:
        """First frame that no view has delivered yet."""
        return max(self._closed, *self._open, -1) + 1

    @property
    def first_open_frame(self) -> int:
        """First frame that is not answered yet."""
        return self._closed + 1

    @property
    def started(self) -> bool:
        """Whether all views have been connected at the same time once; before that no frame is given up."""
        return self._started

    def join(self, view: int) -> None:
        """A sensor connected."""
        self._present.add(view)
        self._since.pop(view, None)
        if not self._started and len(self._present) == self.views:
            self._started = True
            self._since = dict.fromkeys(self._present, 0)

    def leave(self, view: int, now_s: float) -> list[ReadyFrame]:
        """A sensor is gone; returns the frames that waited only for it."""
        self._present.discard(view)
        self._since.pop(view, None)
        return self.poll(now_s)

    def add(self, view: int, frame: int, feature: bytes, now_s: float) -> list[ReadyFrame] | None:
        """A feature came.

        Returns:
            Frames that are ready now, in order; None where this frame was answered already.
        """
        if frame <= self._closed:
            return None
        if self._started:
            self._since.setdefault(view, frame)
        self._open.setdefault(frame, (now_s, {}))[1][view] = feature
        return self.poll(now_s)

    def start(self, now_s: float) -> list[ReadyFrame]:
        """Do not wait any longer for views that never came."""
        if not self._started:
            self._started = True
            self._since = dict.fromkeys(self._present, 0)
        return self.poll(now_s)

    def poll(self, now_s: float) -> list[ReadyFrame]:
        """Returns the frames that are ready because of a deadline or a view that went away, in order."""
        if not self._started:
            return []
        last = -1
        for frame in sorted(self._open):
            first_s, features = self._open[frame]
            lacking = [view for view, since in self._since.items() if since <= frame and view not in features]
            if lacking and now_s - first_s >= self.deadline_s:
                for view in lacking:
                    del self._since[view]
                lacking = []
            if not lacking:
                last = frame
        return [self._close(frame) for frame in sorted(self._open) if frame <= last]

    def _close(self, frame: int) -> ReadyFrame:
        first_s, features = self._open.pop(frame)
        self._closed = max(self._closed, frame)
        missing = tuple(view for view in range(self.views) if view not in features)
        return ReadyFrame(frame=frame, features=features, missing=missing, first_s=first_s)
