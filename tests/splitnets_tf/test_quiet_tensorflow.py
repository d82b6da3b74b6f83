"""TensorFlow's start-up notes stay off standard error; everything else gets there."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTES = """\
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1795483500.041607    7321 port.cc:153] oneDNN custom operations are on. To turn them off, set
I0000 00:00:1795483500.041942    7321 cudart_stub.cc:31] Could not find cuda drivers on your machine
"""
ERROR = "E0000 00:00:1795483508.476212    7321 gpu_device.cc:52] no memory left\n"
NO_DRIVER = "E0000 00:00:1795483508.476212    7321 cuda_platform.cc:52] failed call to cuInit: UNKNOWN ERROR (303)\n"


def run(program, folder=ROOT):
    """A program that finds the project and, where `folder` has one, another package `tensorflow`."""
    code = f"import sys; sys.path[:0] = [{str(folder)!r}, {str(ROOT)!r}]\n{textwrap.dedent(program)}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def package(tmp_path):
    """Makes a package `tensorflow` whose import writes a text to file descriptor 2, and its look for a GPU another."""

    def make(at_import, at_look="", last="pass"):
        folder = tmp_path / "tensorflow"
        folder.mkdir()
        look = f"import os\ndef list_physical_devices(kind=None):\n    os.write(2, {at_look.encode()!r})\n"
        (folder / "config.py").write_text(look, "utf-8")
        text = f"import os\nos.write(2, {at_import.encode()!r})\nfrom tensorflow import config\n{last}\n"
        (folder / "__init__.py").write_text(text, "utf-8")
        return tmp_path

    return make


QUIET = "from splitnets_tf.quiet_tensorflow import quiet_tensorflow; quiet_tensorflow(); quiet_tensorflow()\n"


def test_notes_are_dropped_and_errors_stay(package):
    done = run(QUIET + "import tensorflow; sys.stderr.write('later\\n')", package(NOTES + ERROR, NOTES))
    assert done.returncode == 0
    assert done.stderr == ERROR + "later\n"


def test_without_a_driver_nobody_hears_that_there_is_none(package):
    program = (
        "from splitnets_tf import quiet_tensorflow as q; q._NVIDIA_DRIVER = __import__('pathlib').Path({!r})\n"
        + QUIET
        + "import tensorflow\n"
    )
    folder = package(NOTES, NO_DRIVER)
    assert run(program.format(str(folder / "none")), folder).stderr == ""
    assert run(program.format(str(folder)), folder).stderr == NO_DRIVER


def test_what_a_crash_in_the_import_says_is_kept(package):
    done = run(QUIET + "import tensorflow", package(NOTES, last="os.write(2, b'F0000 no AVX'); os.abort()"))
    assert done.returncode == -6
    assert done.stderr == "F0000 no AVX"


def test_an_exception_in_the_import_passes(package):
    done = run(QUIET + "import tensorflow", package(NOTES, last="raise ImportError('a library is missing')"))
    assert done.returncode == 1
    assert "a library is missing" in done.stderr
    assert "oneDNN" not in done.stderr


def test_litert_says_nothing_about_its_delegate_and_everything_else():
    program = """
        import os
        from splitnets_tf.quiet_tensorflow import without_litert_notes
        with without_litert_notes():
            os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\\n")
            os.write(2, b"ERROR: no memory\\nleft")
        os.write(2, b"!")
    """
    assert run(program).stderr == "ERROR: no memory\nleft!"


def test_the_module_is_the_package_itself(package):
    program = QUIET + "import tensorflow, sys; print(tensorflow.__spec__.name, tensorflow.__file__, tensorflow.config)"
    folder = package("")
    assert f"tensorflow {folder / 'tensorflow' / '__init__.py'} <module" in run(program, folder).stdout


def test_nothing_is_changed_where_tensorflow_is_there_already(package):
    program = "import tensorflow\n" + QUIET + "print(len([f for f in sys.meta_path if 'quiet' in type(f).__module__]))"
    assert run(program, package("")).stdout == "0\n"
