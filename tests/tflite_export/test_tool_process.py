"""Tools that crash, fail or hang end in one line."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from splitnets_tf.errors import UserError
from tflite_export.tool_process import _set_limits, run_tool

MODEL = Path("model.tflite")
LIMITED = """
import resource, time
while (limit := resource.getrlimit(resource.RLIMIT_DATA)[0]) == resource.RLIM_INFINITY:
    time.sleep(0.01)
"""
"""Start of a program that waits for its limit, which is set while it starts."""


def test_output_is_returned():
    assert run_tool(MODEL, "the tool", ["-c", "print('figures')"]) == "figures\n"


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "ended by signal 11"),
        ("import os; os.abort()", "ended by signal 6"),
        ("raise RuntimeError('no such\\n operator')", r"\(RuntimeError: no such\)"),
        ("import sys; sys.exit(3)", "exit code 3"),
        ("raise RuntimeError('x' * 5000)", "x{100}"),
        ("import sys; sys.stderr.write('ERROR: [a.cc:1]\\nERROR: bad scale\\n'); raise ValueError('no')", "bad scale"),
        ("bytearray(2**60)", "MemoryError"),
    ],
)
def test_what_goes_wrong_is_one_short_line(program, message):
    with pytest.raises(UserError, match=message) as caught:
        run_tool(MODEL, "the tool", ["-c", program])
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    assert str(caught.value).startswith("model.tflite: the tool cannot run it (")
    assert str(caught.value).endswith("); convert the model again")


def test_a_tool_that_hangs_is_ended():
    with pytest.raises(UserError, match=r"took more than 0\.5 s"):
        run_tool(MODEL, "the tool", ["-c", "import time; time.sleep(60)"], timeout_s=0.5)


def test_a_tool_does_not_get_all_the_memory_of_the_machine(monkeypatch):
    monkeypatch.setattr("tflite_export.tool_process._MEMORY_SHARE", 0.02)
    limit = int(run_tool(MODEL, "the tool", ["-c", LIMITED + "print(limit)"], timeout_s=30))
    assert limit == int(0.02 * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with pytest.raises(UserError, match="MemoryError"):
        run_tool(MODEL, "the tool", ["-c", LIMITED + "bytearray(2 * limit)"], timeout_s=30)


def test_where_limits_are_forbidden_a_tool_runs_all_the_same(monkeypatch):
    def forbidden(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(resource, "prlimit", forbidden)
    assert run_tool(MODEL, "the tool", ["-c", "print('figures')"]) == "figures\n"


def test_a_program_of_our_own_on_files_of_our_own_has_no_limits(monkeypatch):
    def refuse(pid, timeout_s):
        raise AssertionError("limited")

    monkeypatch.setattr("tflite_export.tool_process._set_limits", refuse)
    assert run_tool(MODEL, "the tool", ["-c", "print(5)"], timeout_s=30, bounded=False) == "5\n"
    with pytest.raises(AssertionError, match="limited"):
        run_tool(MODEL, "the tool", ["-c", "print(5)"], timeout_s=30)


def test_lower_limits_of_the_user_stay():
    half = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        for what, present, expected in (
            (resource.RLIMIT_DATA, 2**26, 2**26),
            (resource.RLIMIT_DATA, 2**60, half),
            (resource.RLIMIT_CPU, 9, 9),
            (resource.RLIMIT_CPU, 2**40, 60 * os.cpu_count()),
        ):
            _, most = resource.prlimit(process.pid, what)
            resource.prlimit(process.pid, what, (present, most))
            _set_limits(process.pid, 60)
            assert resource.prlimit(process.pid, what) == (expected, most)
        process.communicate(b"\n")


def test_a_tool_that_nobody_ends_any_more_ends_itself():
    busy = "import time\nwhile time.process_time() < 4: pass"
    with subprocess.Popen([sys.executable, "-c", busy]) as process:
        _set_limits(process.pid, 1 / os.cpu_count())
        assert process.wait() == -signal.SIGXCPU


def test_modules_of_the_project_can_be_tools_and_others_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "json.py").write_text("raise ImportError('of the working directory')")
    program = "import tflite_export.tool_process as t, json; print(t.__name__)"
    assert run_tool(MODEL, "the tool", ["-c", program]) == "tflite_export.tool_process\n"
