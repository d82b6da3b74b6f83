"""One small run, then more of it without training: several winners, other systems, workers.

Slow (minutes), so it runs with `pytest -m slow` only.
"""

import json
import os
import socket
import subprocess
import sys

import pytest
import yaml
from tinted_images import write_tinted_classes

from splitnets_tf.hardware import load_system, system_to_yaml
from splitnets_tf.search import read_pareto_csv
from splitnets_tf.space import space_to_dict

pytestmark = pytest.mark.slow


def command(*arguments):
    return [sys.executable, "-m", "pipelines.imagenet", *map(str, arguments)]


def run(*arguments, **options):
    return subprocess.run(command(*arguments), capture_output=True, text=True, check=False, **options)


@pytest.fixture(scope="module")
def arguments(tmp_path_factory, tiny_space):
    """Three classes of tinted noise and the tiny space."""
    root = tmp_path_factory.mktemp("small")
    write_tinted_classes(root / "data", 24, 36)
    (root / "tiny.yaml").write_text(yaml.safe_dump(space_to_dict(tiny_space)))
    arguments = ["--smoke", "--data-dir", root / "data", "--image-size", 24, "--space", root / "tiny.yaml"]
    return root, [*arguments, "--batch-size", 16, "--epochs", 1, "--fine-tune-epochs", 1]


@pytest.fixture(scope="module")
def searched(arguments):
    root, given = arguments
    result = run("search", "--output-dir", root / "run", *given)
    assert result.returncode == 0, result.stderr
    return root / "run"


def system_file(path, **sensor):
    data = yaml.safe_load(system_to_yaml(load_system("hmd-demo")))
    data["processors"]["sensor"] |= sensor
    data["links"]["bus"]["bandwidth_bytes_per_s"] *= 4
    path.write_text(yaml.safe_dump(data | {"name": "other"}))
    return path


def test_another_system_is_searched_without_training(searched, arguments, tmp_path):
    system = system_file(tmp_path / "other.yaml", macs_per_s=3e9)
    again = ("search", "--supernet", searched, "--system", system, "--constraint", "link_bytes <= 400")
    before = {path: path.stat().st_mtime_ns for path in searched.rglob("*") if path.is_file()}
    result = run(*again, "--output-dir", tmp_path / "again")
    assert result.returncode == 0, result.stderr
    assert {path: path.stat().st_mtime_ns for path in searched.rglob("*") if path.is_file()} == before
    front = read_pareto_csv(tmp_path / "again" / "search" / "pareto.csv")
    assert all(each.cost.link_bytes <= 400 for each in front)
    first = {each.architecture: each.accuracy for each in read_pareto_csv(searched / "search" / "evaluated.csv")}
    evaluated = read_pareto_csv(tmp_path / "again" / "search" / "evaluated.csv")
    shared = [each for each in evaluated if each.architecture in first]
    assert shared and all(each.accuracy == first[each.architecture] for each in shared)
    stages = json.loads((tmp_path / "again" / "provenance.json").read_text())["stages"]
    assert "train" not in stages and "supernet/final.weights.h5" in stages["search"]["inputs"]
    assert not (tmp_path / "again" / "supernet").exists()
    result = run("search", "--output-dir", tmp_path / "again")  # It knows where its supernet is.
    assert result.returncode == 0, result.stderr


def test_a_worker_takes_part_through_the_command(searched, tmp_path):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]

    def environment(name):
        address = {"KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_ORACLE_PORT": str(port)}
        return os.environ | address | {"KERASTUNER_TUNER_ID": name}

    again = ("search", "--output-dir", tmp_path / "again")
    chief = subprocess.Popen(
        command(*again, "--supernet", searched), env=environment("chief"), stderr=subprocess.PIPE, text=True
    )
    worker = run(*again, env=environment("worker-1"), timeout=300)
    assert worker.returncode == 0, worker.stderr
    assert "worker-1 evaluated 12 candidates" in worker.stdout
    assert chief.wait(60) == 0, chief.stderr.read()
    chief.stderr.close()
    alone = read_pareto_csv(searched / "search" / "evaluated.csv")
    assert read_pareto_csv(tmp_path / "again" / "search" / "evaluated.csv") == alone
    late = run(*again, env=environment("worker-2"))
    assert late.returncode == 0 and "nothing left to evaluate" in late.stdout
    refused = run("train", "--output-dir", tmp_path / "again", env=environment("worker-3"))
    assert refused.returncode == 2 and "train is the chief's to do" in refused.stderr


def test_several_winners_are_built_and_shown_in_one_table(searched):
    front = read_pareto_csv(searched / "search" / "pareto.csv")
    wanted = sorted({1, len(front)})
    limit = f"{front[0].cost.latency_ms * 1.0001},{front[-1].cost.latency_ms * 1.0001}"
    result = run("--output-dir", searched, "--pick", "1", "--max-latency-ms", limit)
    assert result.returncode == 0, result.stderr
    summary = json.loads((searched / "summary.json").read_text())
    assert [row["number"] for row in summary["picks"]] == wanted
    for row in summary["picks"]:
        folder = searched / "picks" / str(row["number"])
        candidate = front[row["number"] - 1]
        assert row["id"] == candidate.id and row["latency_ms"] == candidate.cost.latency_ms
        for device in row["devices"]:
            assert device["tflite_bytes"] == (folder / f"{device['name']}.tflite").stat().st_size
        assert row["accuracy"]["supernet"]["value"] == pytest.approx(candidate.accuracy)
        assert 0 <= row["accuracy"]["int8"]["value"] <= 1
    page = (searched / "report.html").read_text()
    assert "Several winners" in page
    before = {path: path.stat().st_mtime_ns for path in searched.rglob("*.tflite")}
    result = run("export", "--output-dir", searched)
    assert result.returncode == 0, result.stderr
    assert {path: path.stat().st_mtime_ns for path in searched.rglob("*.tflite")} == before
    result = run("export", "--output-dir", searched, "--pick", "99")
    assert result.returncode == 2 and f"the front has {len(front)} rows" in result.stderr
