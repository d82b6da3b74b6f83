"""The command line: wrong input gives one line and exit code 2 before TensorFlow is loaded; a small run end to end."""

import csv
import json
import math
import subprocess
import sys

import numpy as np
import pytest
import yaml
from PIL import Image

from splitnets_tf.graph import read_tflite
from splitnets_tf.hardware import plan_arena
from splitnets_tf.space import space_to_dict


def run(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "pipelines.imagenet", *map(str, arguments)], capture_output=True, text=True, **options
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three classes of coloured squares, 36 images each."""
    root = tmp_path_factory.mktemp("squares")
    rng = np.random.default_rng(0)
    for label, name in enumerate(("red", "green", "blue")):
        (root / name).mkdir()
        for index in range(36):
            pixels = rng.integers(0, 80, (24, 24, 3))
            row, column = rng.integers(0, 12, 2)
            pixels[row : row + 12, column : column + 12, label] += 150
            Image.fromarray(pixels.astype(np.uint8)).save(root / name / f"{index}.png")
    (root / "red" / "broken.png").write_bytes(b"no image")
    return root


SYSTEM = {"processors": {"sensor": {"macs_per_s": -1}}}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--data-dir", "nowhere"], "nowhere"),
        (["--dataset", "imagenot"], "imagenot"),
        (["--space", "nospace"], "nospace"),
        (["--system", "nosystem"], "nosystem"),
        (["--constraint", "latency_ms <= 0.01"], "smallest reachable latency_ms under the other constraints is 0.0"),
        (["--constraint", "weight <= 3"], "weight"),
        (["--epochs", "0"], "epochs"),
        (["--min-accuracy", "55"], "fraction such as 0.55"),
        (["--min-accuracy", "0.4,55"], "fraction such as 0.55"),
        (["--max-latency-ms", "-1"], "positive number of ms"),
        (["--config", "nofile.yaml"], "nofile.yaml"),
        (["--population", "1"], "population"),
        (["--system", "jmsnas-chain"], "two"),
        (["--max-images", "20"], "--batch-size"),
        (["--output-dir", "/proc/nothing"], "/proc/nothing"),
        (["--strategy", "multi-worker"], "TF_CONFIG"),
        (["--checkpoint-minutes", "-1"], "--checkpoint-minutes"),
        (["--dataset", "imagenet2012"], "--data-dir"),
        (["--dataset", "imagenet2012", "--data-dir", "."], "lacks ILSVRC2012_img_train.tar"),
    ],
)
def test_wrong_input_is_one_line_and_leaves_nothing(tmp_path, arguments, named):
    result = run("--output-dir", tmp_path / "run", *arguments)
    assert result.returncode == 2
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("error: ")
    assert named in lines[0]
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda data: data["links"]["bus"].update(bandwidth_bytes_per_s=-1), "bandwidth_bytes_per_s"),
        (lambda data: data["processors"]["sensor"].update(speed=1), "speed"),
        (lambda data: data["processors"]["sensor"].pop("macs_per_s"), "macs_per_s"),
    ],
)
def test_wrong_system_names_key(tmp_path, change, named):
    from splitnets_tf.hardware import load_system, system_to_yaml

    data = yaml.safe_load(system_to_yaml(load_system("hmd-demo")))
    change(data)
    (tmp_path / "system.yaml").write_text(yaml.safe_dump(data))
    result = run("--output-dir", tmp_path / "run", "--system", tmp_path / "system.yaml")
    assert result.returncode == 2
    assert named in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_unknown_class_layout(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "loose.png")
    result = run("--output-dir", tmp_path / "run", "--data-dir", tmp_path)
    assert result.returncode == 2
    assert "class" in result.stderr


def test_nothing_that_needs_tensorflow_is_loaded_for_help_or_a_wrong_constraint(tmp_path):
    for arguments in (["--help"], ["--output-dir", str(tmp_path / "run"), "--constraint", "latency_ms <= 0.01"]):
        code = (
            "import sys\nfrom pipelines.cli import run_command\nfrom pipelines.imagenet.__main__ import main\n"
            f"try:\n    run_command(main, {arguments!r})\nexcept SystemExit:\n    pass\n"
            "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules, 'loaded'\n"
        )
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert result.returncode == 0, result.stderr


@pytest.fixture(scope="module")
def small_run(tmp_path_factory, folder, tiny_space):
    """The smoke configuration on the squares with the tiny space."""
    root = tmp_path_factory.mktemp("small")
    (root / "tiny.yaml").write_text(yaml.safe_dump(space_to_dict(tiny_space)))
    arguments = ["--smoke", "--output-dir", root / "run", "--data-dir", folder, "--image-size", 24]
    arguments += ["--space", root / "tiny.yaml", "--batch-size", 16, "--epochs", 2, "--qat-epochs", 1]
    arguments += ["--rerank", "vela"]
    result = run(*arguments)
    assert result.returncode == 0, result.stdout + result.stderr
    return root / "run", arguments, result


def test_run_leaves_every_file(small_run):
    directory, _, _ = small_run
    for name in (
        "config.yaml",
        "system.yaml",
        "provenance.json",
        "supernet/final.weights.h5",
        "search/pareto.csv",
        "architecture.json",
        "weights.npz",
        "sensor.tflite",
        "aggregator.tflite",
        "memory.json",
        "summary.json",
        "report.html",
    ):
        assert (directory / name).stat().st_size > 0, name
    assert list((directory / "logs").rglob("events.out.tfevents.*"))
    assert not [path for path in directory.rglob("*") if path.name.startswith(("tmp-", ".tmp"))]


def test_number_of_architectures_is_printed(small_run, tiny_space):
    _, _, result = small_run
    assert f"space tiny: {tiny_space.count():,} architectures" in result.stdout


def test_summary_agrees_with_the_files(small_run):
    directory, _, _ = small_run
    summary = json.loads((directory / "summary.json").read_text())
    sensor, aggregator = summary["devices"]
    assert summary["schema_version"] == 1
    assert sensor["tflite_bytes"] == (directory / "sensor.tflite").stat().st_size
    assert aggregator["tflite_bytes"] == (directory / "aggregator.tflite").stat().st_size
    assert sensor["arena_bytes"] == sensor["arena_bytes_measured"]
    halves = {device["name"]: read_tflite(directory / f"{device['name']}.tflite") for device in summary["devices"]}
    for device in summary["devices"]:
        assert device["macs"] == sum(operation.macs for operation in halves[device["name"]].operations)
        assert device["arena_bytes"] == plan_arena(halves[device["name"]]).arena_bytes
    (features,) = halves["sensor"].outputs
    assert summary["links"][0]["bytes"] == math.prod(halves["sensor"].tensor(features).shape)  # int8
    with (directory / "search" / "pareto.csv").open() as file:
        chosen = next(row for row in csv.DictReader(file) if json.loads(row["architecture"]) == summary["architecture"])
    assert int(chosen["sensor_macs"]) == sensor["macs"]
    assert int(chosen["macs"]) == sensor["macs"] + aggregator["macs"]
    assert int(chosen["link_bytes"]) == summary["links"][0]["bytes"]
    assert int(chosen["peak_bytes"]) == sensor["peak_bytes"]
    assert int(chosen["sensor_memory_bytes"]) == sensor["weight_bytes"] + sensor["arena_bytes"]
    assert summary["latency_ms"] == pytest.approx(
        sensor["latency_ms"] + aggregator["latency_ms"] + summary["links"][0]["latency_ms"]
    )
    assert summary["split"]["feature_bytes"] == summary["links"][0]["bytes"]
    assert summary["boundary"]["bit_exact_inputs"] == min(64, summary["data"]["test"])
    for kind in ("supernet", "fine_tuned", "int8"):
        interval = summary["accuracy"][kind]
        assert 0 <= interval["low"] <= interval["value"] <= interval["high"] <= 1
    methods = [baseline["method"] for baseline in summary["baselines"]]
    assert methods == ["all-on-sensor", "all-on-aggregator", "neurosurgeon", "neurosurgeon-no-limit", "plain CNN"]


def test_summary_says_what_the_tools_found(small_run):
    directory, _, _ = small_run
    summary = json.loads((directory / "summary.json").read_text())
    memory = json.loads((directory / "memory.json").read_text())
    micro = summary["boundary"]["micro"]
    assert micro["identical"] == micro["images"] == 8
    assert micro["measured_by"].startswith("TensorFlow Lite Micro")
    assert "reference kernels" in summary["boundary"]["measured_by"]
    for device, npu in zip(summary["devices"], ("ethos-u55-256", "ethos-u85-2048"), strict=True):
        assert device["npu_cpu_operations"] == 0
        assert device["npu_cycles"] > 0
        assert device["npu_required_bytes"] == device["npu_sram_bytes"] + device["npu_flash_bytes"]
        assert device["measured_by"]["npu_cycles"].startswith("Vela ")
        assert npu in device["measured_by"]["npu_cycles"]
        assert device["not_measured"] is None
    assert memory["npu_memory"]["sram_bytes"] == summary["devices"][0]["npu_sram_bytes"]
    assert summary["devices"][0]["fits"] is True


def test_the_choice_by_vela_is_recorded(small_run):
    directory, _, _ = small_run
    summary = json.loads((directory / "summary.json").read_text())
    vela = json.loads((directory / "search" / "vela.json").read_text())
    with (directory / "search" / "evaluated.csv").open() as file:
        assert {row["id"] for row in csv.DictReader(file)} == set(vela["candidates"])
    chosen = summary["rerank"]["chosen"]
    assert summary["selection_rule"].endswith("Latencies are Vela's.")
    assert chosen["cost_model_latency_ms"] == summary["latency_ms"]
    # Placeholder weights gave the cycles of the file that was exported in the end.
    assert chosen["sensor_ms"] == pytest.approx(summary["devices"][0]["npu_latency_ms"], rel=0.05)
    assert chosen["aggregator_ms"] == pytest.approx(summary["devices"][1]["npu_latency_ms"], rel=0.1)


def test_summary_compares_float_with_both_ways_to_int8(small_run):
    summary = json.loads((small_run[0] / "summary.json").read_text())
    quantization = summary["quantization"]
    assert quantization["method"] == "qat"
    assert quantization["test_images"] == summary["data"]["test"]
    assert {key: quantization["qat"][key] for key in ("value", "low", "high")} == summary["accuracy"]["int8"]
    for method in ("qat", "ptq"):
        change = quantization[method]["value"] - summary["accuracy"]["fine_tuned"]["value"]
        assert quantization[method]["minus_float"]["value"] == pytest.approx(change)


def test_every_front_point_keeps_the_memory(small_run):
    directory, _, _ = small_run
    with (directory / "search" / "pareto.csv").open() as file:
        rows = list(csv.DictReader(file))
    limit = yaml.safe_load((directory / "system.yaml").read_text())["processors"]["sensor"]["memory_bytes"]
    assert rows
    for row in rows:
        assert int(row["peak_bytes"]) <= limit
        assert int(row["sensor_memory_bytes"]) <= limit


def test_broken_image_is_named(small_run):
    assert "broken.png" in small_run[2].stderr


def test_finished_run_is_not_done_again(small_run):
    directory, arguments, _ = small_run
    before = {path: path.stat().st_mtime_ns for path in directory.rglob("*.tflite")}
    result = run("export", *arguments)
    assert result.returncode == 0, result.stderr
    assert {path: path.stat().st_mtime_ns for path in directory.rglob("*.tflite")} == before


def test_other_configuration_on_the_same_run_is_refused(small_run):
    arguments = small_run[1]
    result = run(*arguments, "--epochs", 3, "--seed", 1)
    assert result.returncode == 2
    assert "train.epochs (run: 2, now: 3)" in result.stderr
    assert "seed (run: 0, now: 1)" in result.stderr


def test_verbs_go_on_with_the_runs_own_configuration(small_run):
    result = run("search", "--output-dir", small_run[0])
    assert result.returncode == 0, result.stderr
