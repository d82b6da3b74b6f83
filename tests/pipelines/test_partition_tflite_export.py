"""`partition MODEL.tflite --export`: the file itself is cut where a method says."""

import json

import pytest

from pipelines.cli import run_command
from pipelines.partition import main
from splitnets_tf.graph import read_tflite
from tests.tflite_export.tiny_halves import write_halves


@pytest.fixture
def fusing(tmp_path):
    """A file of two operators: views are joined, then classified."""
    return write_halves(tmp_path / "halves", views=3) / "aggregator.tflite"


def test_a_file_is_cut_behind_a_named_operation(fusing, tmp_path, capsys):
    out = tmp_path / "out.json"
    assert (
        run_command(main, [str(fusing), "--at", "fused", "--export", str(tmp_path / "parts"), "--json", str(out)]) == 0
    )

    assert "equal bit for bit on 2 inputs" in capsys.readouterr().out
    kinds = [
        [op.kind for op in read_tflite(tmp_path / "parts" / f"{n}.tflite").operations] for n in ("sensor", "aggregator")
    ]
    assert kinds == [["concat"], ["dense"]]
    export = json.loads(out.read_text("utf-8"))["export"]
    assert [piece["path"] for piece in export["parts"]] == ["sensor.tflite", "aggregator.tflite"]
    assert (tmp_path / "parts" / "split.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--method", "all-on-sensor", "--export", "parts"], "nothing to cut"),
        (["--at", "fused", "--export", "halves"], "holds the model itself"),
        (["--at", "fused", "--export", "parts", "--representative-data", "images"], "cut as it is"),
    ],
)
def test_what_cannot_be_exported_gets_one_line(fusing, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert run_command(main, [str(fusing), *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "parts").exists()
