"""The multi-view command: wrong input in one line, and a small run from meshes to the report."""

import json
import subprocess
import sys

import numpy as np
import pytest
import yaml

SPACE = {
    "name": "tiny-views",
    "views": 12,
    "resolutions": [16, 24],
    "stem_widths": [8],
    "stages": [
        {"name": "a", "widths": [8, 12], "depths": [1, 2], "kernels": [3], "expansions": [2], "stride": 2},
        {"name": "b", "widths": [16], "depths": [1], "kernels": [3], "expansions": [2], "stride": 2},
    ],
    "head_widths": [16],
    "split_widths": [2, 4],
    "split_last_phase": True,
}


def run(*arguments):
    command = [sys.executable, "-m", "pipelines.modelnet", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--view-fusion", "lstm"], "view_fusion must be one of"),
        (["--backbone", "VGG-11"], "VGG-11"),
        (["--data-dir", "nowhere"], "nowhere"),
        (["--constraint", "latency_ms <= 0.001"], "smallest reachable latency_ms"),
    ],
)
def test_wrong_input_is_one_line_and_leaves_nothing(tmp_path, arguments, named):
    result = run("--output-dir", tmp_path / "run", *arguments)
    assert result.returncode == 2
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("error: ")
    assert named in line
    assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def small_run(tmp_path_factory):
    """ModelNet40's layout with a few simple meshes, some of them with the malformed header, through every stage."""
    from synthetic_modelnet import write_synthetic_modelnet

    root = tmp_path_factory.mktemp("views")
    data = write_synthetic_modelnet(root / "ModelNet40", classes=40, train=3, test=1, seed=0)
    (root / "tiny.yaml").write_text(yaml.safe_dump(SPACE))
    arguments = ["--smoke", "--full", "--output-dir", root / "run", "--dataset", "modelnet40", "--data-dir", data]
    arguments += ["--image-size", 32, "--space", root / "tiny.yaml", "--batch-size", 16, "--epochs", 1]
    result = run(*arguments)
    assert result.returncode == 0, result.stdout + result.stderr
    return root / "run", arguments


@pytest.mark.slow
def test_meshes_become_files_and_a_report(small_run):
    from tflite_export import Aggregator, Int8Model

    directory, arguments = small_run
    summary = json.loads((directory / "summary.json").read_text())
    sensor, aggregator = Int8Model(directory / "sensor.tflite"), Aggregator(directory / "aggregator.tflite")
    assert aggregator.views == summary["fusion"]["views"] == 12
    assert sensor.output_quantization == aggregator.quantization
    assert summary["links"][0]["bytes"] == summary["split"]["feature_bytes"] == aggregator.feature_bytes
    assert summary["boundary"]["bit_exact_inputs"] == 8
    assert summary["data"]["classes"] == 40
    assert summary["data"]["test"] == 40
    sensor_row, aggregator_row = summary["devices"]
    assert sensor_row["arena_bytes"] == sensor_row["arena_bytes_measured"]
    assert aggregator_row["arena_bytes_measured"] is None  # TensorFlow Lite Micro concatenates at most ten tensors
    page = (directory / "report.html").read_text()
    for text in ("Table 6 of SplitNets", "Table 5 of SplitNets", "Where the views are fused", "MNASNet-0.5"):
        assert text in page
    before = {path: path.stat().st_mtime_ns for path in directory.rglob("*.tflite")}
    assert run("export", *arguments).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in directory.rglob("*.tflite")} == before


@pytest.mark.slow
def test_every_place_of_the_fusion_is_measured_early_to_late(small_run):
    fusion = json.loads((small_run[0] / "summary.json").read_text())["fusion"]
    shares = [place["sensor_share"] for place in fusion["positions"]]
    assert shares == sorted(shares)
    assert sum(place["chosen"] for place in fusion["positions"]) == 1
    phases = {place["phase"]: place for place in fusion["positions"]}
    assert all(place["fine_tuned"] for place in phases.values())
    methods = [(row["method"], row["backbone"]) for row in fusion["networks"]]
    assert methods[:2] == [("MVCNN", "MobileNet-v3"), ("MVCNN", "MNASNet-0.5")]
    assert methods[-1] == ("SplitNets", "searched in tiny-views")
    assert all(np.isfinite(row["accuracy"]["value"]) for row in fusion["networks"])
