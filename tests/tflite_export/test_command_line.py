"""What the folder's commands say and return when something outside of them goes wrong."""

import subprocess
import sys
import types

import pytest

import tflite_export
from splitnets_tf.errors import UserError
from tflite_export.command_line import run_command
from tflite_export.split import main as split


def raising(error):
    def command():
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "said", "code"),
    [
        (UserError("m.tflite: is\n\x1b[31mdamaged"), "error: m.tflite: is \N{REPLACEMENT CHARACTER}[31mdamaged\n", 2),
        (
            PermissionError(13, "Permission denied", "m.json"),
            "error: m.json: Permission denied; check that the path exists and may be written\n",
            2,
        ),
        (KeyboardInterrupt(), "interrupted\n", 130),
    ],
)
def test_what_goes_wrong_is_one_line(capsys, error, said, code):
    assert run_command(raising(error)) == code
    assert capsys.readouterr().err == said


@pytest.mark.parametrize(
    ("name", "message"),
    [(".", "is a folder; name a file"), ("m.tflite", "name of a model"), ("none/m.json", "none does not exist")],
)
def test_results_take_no_place_that_is_taken_or_missing(tmp_path, capsys, name, message):
    with pytest.raises(SystemExit) as caught:
        split(["m.tflite", "--list", "--json", str(tmp_path / name)])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


HELP = """
import contextlib, importlib, io, sys
for name in sys.argv[1:]:
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
        importlib.import_module(f"tflite_export.{name}").main(["--help"])
print([name for name in ("numpy", "rich", "tensorflow") if name in sys.modules])
"""


def test_help_waits_for_no_large_package():
    commands = ["benchmark", "demo", "memory", "sense", "serve", "split", "vela"]
    done = subprocess.run([sys.executable, "-c", HELP, *commands], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_every_public_name_is_there_and_hides_no_module():
    for name in tflite_export.__all__:
        assert not isinstance(getattr(tflite_export, name), types.ModuleType), name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        tflite_export.nothing  # noqa: B018
