"""LiteRT's benchmark and its command."""

import json

import pytest

from splitnets_tf.errors import UserError
from tflite_export import run_benchmark
from tflite_export.benchmark import main


def test_the_command_prints_and_writes_what_litert_measured(split_export, tmp_path, capsys):
    target = tmp_path / "speed.json"
    assert main([str(split_export.paths[1]), "--runs", "7", "--json", str(target)]) == 0

    assert "7 runs, 1 thread" in " ".join(capsys.readouterr().out.split())
    data = json.loads(target.read_text("utf-8"))
    assert data["runs"] == 7
    assert data["threads"] == 1
    assert 0 <= data["min_ms"] <= data["median_ms"] <= data["p95_ms"] <= data["max_ms"]
    assert data["init_ms"] > 0
    # Not in steps of 0.01 ms, which would be the whole time of a small network.
    assert any(data[name] != round(data[name], 2) for name in ("median_ms", "min_ms", "max_ms", "p95_ms"))
    assert "LiteRT" in data["measured_by"]


@pytest.mark.parametrize("damage", [None, lambda content: content[:900], lambda content: b"text"])
def test_a_file_that_cannot_be_run_is_named(split_export, tmp_path, damage):
    path = tmp_path / "broken.tflite"
    if damage is not None:
        path.write_bytes(damage(split_export.paths[0].read_bytes()))

    with pytest.raises(UserError, match=r"broken\.tflite") as caught:
        run_benchmark(path, runs=1)
    assert "\n" not in str(caught.value)


def test_a_user_error_ends_the_command_with_2(tmp_path, capsys):
    assert main([str(tmp_path / "none.tflite")]) == 2
    assert capsys.readouterr().err.startswith("error: ")


@pytest.mark.parametrize("runs", ["0", "-3", "many"])
def test_a_silly_number_of_runs_is_refused(runs, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["model.tflite", "--runs", runs])
    assert caught.value.code == 2
    assert "at least 1" in capsys.readouterr().err
