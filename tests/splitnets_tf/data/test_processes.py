"""Jobs in several processes."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from splitnets_tf.data import processes
from splitnets_tf.data.processes import run_jobs
from splitnets_tf.errors import UserError


@pytest.mark.parametrize("count", [1, 2])
def test_every_job_gives_one_result_and_few_wait(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_WAITING", 2)
    taken = []

    def jobs() -> Iterator[int]:
        for number in range(-20, 0):
            taken.append(number)
            yield number

    results = run_jobs(abs, jobs(), count)
    first = next(results)
    assert len(taken) <= 2 * count
    assert sorted([first, *results]) == list(range(1, 21))


def test_a_process_that_dies_is_reported() -> None:
    with pytest.raises(UserError, match="worker processes died"):
        list(run_jobs(os._exit, [3], 2))
