"""A real SIGKILL: the repeated call ends at exactly the front of an uninterrupted one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from killed_searches import MOMENTS, SETTINGS, search

from benchmarks.synthetic_problem import SPACE, RuggedTable

SCRIPT = Path(__file__).with_name("killed_searches.py")
ROOT = Path(__file__).parents[3]


def test_a_search_killed_at_several_moments_resumes_to_the_same_front(tmp_path):
    expected = search(tmp_path / "whole", RuggedTable(SPACE))
    run = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path / "killed")],
        env=os.environ | {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.stdout.split() == [str(int(signal.SIGKILL))] * len(MOMENTS), run.stderr[-2000:]
    for index, (evaluations, _) in enumerate(MOMENTS):
        folder = tmp_path / "killed" / str(index)
        begun = len((folder / "marks").read_text())
        assert begun >= evaluations
        table = RuggedTable(SPACE)
        assert search(folder / "search", table) == expected
        # What was finished is not evaluated again; only the evaluation under way may be.
        assert len(table.asked) <= SETTINGS.max_candidates - begun + 1
