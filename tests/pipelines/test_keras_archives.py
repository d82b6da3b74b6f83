"""Damaged .keras files and those with code in them are refused before TensorFlow is loaded."""

import json
import subprocess
import sys
import zipfile

import pytest

from pipelines.partitioning.load_model import load_model
from splitnets_tf.errors import UserError


def _archive(path, config):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", bytes(range(256)) * 40)
    return path


def _functional(*layers):
    rows = [{"class_name": kind, "config": {"name": name}} for kind, name in layers]
    return {"class_name": "Functional", "config": {"layers": rows}}


@pytest.fixture
def whole(tmp_path):
    return _archive(tmp_path / "model.keras", _functional(("Dense", "a")))


@pytest.mark.parametrize("kept", [0, 7, 300, -1, -60])
def test_a_truncated_archive_is_named(whole, kept):
    whole.write_bytes(whole.read_bytes()[:kept])
    with pytest.raises(UserError, match=r"model\.keras: is no complete \.keras archive"):
        load_model(str(whole))


def test_a_damaged_entry_is_named(whole):
    content = bytearray(whole.read_bytes())
    start = content.index(b"model.weights.h5") + len(b"model.weights.h5")
    content[start + 20] ^= 0xFF
    whole.write_bytes(bytes(content))
    with pytest.raises(UserError, match=r"damaged|no complete"):
        load_model(str(whole))


def test_an_archive_of_something_else_is_refused(tmp_path):
    path = tmp_path / "other.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(UserError, match="no complete"):
        load_model(str(path))


def test_a_lambda_is_refused_by_name_wherever_it_stands(tmp_path):
    inner = _functional(("Dense", "a"), ("Lambda", "times_two"))
    for config in (inner, {"class_name": "Sequential", "config": {"layers": [inner]}}):
        with pytest.raises(UserError, match="layer 'times_two' is a Lambda") as caught:
            load_model(str(_archive(tmp_path / "model.keras", config)))
        assert "\n" not in str(caught.value)


def test_the_refusal_does_not_load_tensorflow(whole):
    whole.write_bytes(whole.read_bytes()[:-9])
    code = (
        "import sys\nfrom pipelines.cli import run_command\nfrom pipelines.partition import main\n"
        f"assert run_command(main, [{str(whole)!r}]) == 2\n"
        "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules, 'loaded'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("\n") == 1
