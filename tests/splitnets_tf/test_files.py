"""Files that are there in full or not at all."""

import json

import pytest

from splitnets_tf.errors import UserError
from splitnets_tf.files import read_json, sha256_of_file, write_atomically, write_json


def test_json_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"b": 1})
    before = sha256_of_file(path)
    with pytest.raises(TypeError):
        write_json(path, {"b": object()})
    assert sha256_of_file(path) == before
    assert json.loads(path.read_text()) == {"b": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_writer_that_fails_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "deep" / "a.npy"
    write_atomically(path, lambda temporary: temporary.write_text("old"))

    def fail(temporary):
        assert temporary.suffix == ".npy"
        temporary.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert [p.name for p in path.parent.iterdir()] == ["a.npy"]


def test_wrong_json_is_refused_by_name(tmp_path):
    path = tmp_path / "a.json"
    with pytest.raises(UserError, match=r"a\.json: no such file"):
        read_json(path, "a thing")
    for text in ("{", "[1]"):
        path.write_text(text)
        with pytest.raises(UserError, match="a thing"):
            read_json(path, "a thing")
