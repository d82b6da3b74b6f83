"""Runs many jobs in several processes, with a bounded number of them waiting."""

from __future__ import annotations

import concurrent.futures
import concurrent.futures.process
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from splitnets_tf.errors import UserError

__all__ = ["available_processors", "run_jobs"]

_WAITING = 16
"""Jobs for each process that are handed over before one is finished; bounds the memory."""

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")


def available_processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_jobs(function: Callable[[_Job], _Result], jobs: Iterable[_Job], processes: int) -> Iterator[_Result]:
    """Calls a function for each job; results come as they are ready.

    Args:
        function: A function of a module, which can be sent to another process as its jobs and results can.
        jobs: The jobs, taken one by one as there is room.
        processes: Number of worker processes; 1 works in this process.

    Yields:
        The results, in the order of the jobs only with one process.

    Raises:
        UserError: A worker process died.
    """
    if processes == 1:
        yield from map(function, jobs)
        return
    # Fresh processes: a fork of one that runs TensorFlow can hang.
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(processes, mp_context=context) as pool:
        waiting: set[concurrent.futures.Future[_Result]] = set()
        try:
            for job in jobs:
                waiting.add(pool.submit(function, job))
                if len(waiting) >= _WAITING * processes:
                    done, waiting = concurrent.futures.wait(waiting, return_when=concurrent.futures.FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            yield from (future.result() for future in concurrent.futures.as_completed(waiting))
        except concurrent.futures.process.BrokenProcessPool as error:
            raise UserError(
                f"one of {processes} worker processes died, most likely for want of memory; run the command again, "
                "with fewer processors if need be (taskset -c 0); a script of one's own must start under "
                "'if __name__ == \"__main__\":'"
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
