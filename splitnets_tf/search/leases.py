"""Who has been heard of lately: the chief's memory of its workers."""

from collections.abc import Callable

__all__ = ["Leases"]


class Leases:
    """Remembers when each worker was last heard of.

    Args:
        seconds: How long a worker may be silent.
        clock: Seconds that never run backwards.
    """

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._heard: dict[str, float] = {}

    def renew(self, worker: str) -> None:
        """The worker has just been heard of."""
        self._heard[worker] = self._clock()

    def take_silent(self) -> tuple[str, ...]:
        """Names the workers that were silent for too long, and forgets them."""
        now = self._clock()
        silent = tuple(worker for worker, heard in self._heard.items() if now - heard > self._seconds)
        for worker in silent:
            del self._heard[worker]
        return silent
