"""Tools that crash, fail or hang end in one line."""

from pathlib import Path

import pytest

from splitnets_tf.errors import UserError
from tflite_export.tool_process import run_tool

MODEL = Path("model.tflite")


def test_output_is_returned():
    assert run_tool(MODEL, "the tool", ["-c", "print('figures')"]) == "figures\n"


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "ended by signal 11"),
        ("import os; os.abort()", "ended by signal 6"),
        ("raise RuntimeError('no such\\n operator')", r"RuntimeError: no such|operator"),
        ("import sys; sys.exit(3)", "exit code 3"),
        ("raise RuntimeError('x' * 5000)", "x{100}"),
    ],
)
def test_what_goes_wrong_is_one_short_line(program, message):
    with pytest.raises(UserError, match=message) as caught:
        run_tool(MODEL, "the tool", ["-c", program])
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    assert str(caught.value).startswith("model.tflite: the tool cannot run it (")


def test_a_tool_that_hangs_is_ended():
    with pytest.raises(UserError, match=r"took more than 0\.5 s"):
        run_tool(MODEL, "the tool", ["-c", "import time; time.sleep(60)"], timeout_s=0.5)
