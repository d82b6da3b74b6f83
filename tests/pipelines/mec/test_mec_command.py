"""The command lines of JMSNAS: wrong input is one line, before TensorFlow is loaded; a small run end to end."""

import json
import subprocess
import sys

import pytest

from pipelines.cli import run_command
from pipelines.mec.__main__ import main
from pipelines.profile import main as profile


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--latency-ms", "0.001"], "the fastest one takes"),
        (["--latency-ms", "-2"], "--latency-ms must be a positive number"),
        (["--space", "nospace"], "nospace"),
        (["--space", "mec-chain", "--system", "hmd"], "belong together"),
        (["--topology", "mesh", "--system", "jmsnas-chain"], "jmsnas-chain is a chain, but"),
        (["--system", "jmsnas-mesh"], "jmsnas-mesh is a mesh, but"),
        (["--times", "phone=x.csv"], "no processor 'phone'"),
        (["--times", "ue=missing.csv"], "missing.csv"),
        (["--max-images", "20"], "do not fill one batch"),
        (["--config", "nofile.yaml"], "nofile.yaml"),
    ],
)
def test_wrong_input_is_one_line_and_leaves_nothing(tmp_path, capsys, arguments, named):
    assert run_command(main, ["--output-dir", str(tmp_path / "run"), *arguments]) == 2
    error = capsys.readouterr().err
    assert len(error.strip().splitlines()) == 1, error
    assert named in error
    assert not (tmp_path / "run").exists()


def test_wrong_input_is_found_without_tensorflow(tmp_path):
    code = (
        "import sys; from pipelines.cli import run_command; from pipelines.mec.__main__ import main;"
        "code = run_command(main, sys.argv[1:]); print(code, 'tensorflow' in sys.modules)"
    )
    command = [sys.executable, "-c", code, "--latency-ms", "0.001", "--output-dir", str(tmp_path / "run")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() == ["2", "False"]


def test_profile_refuses_a_space_without_a_system(tmp_path, capsys):
    assert run_command(profile, ["--space", "mec-chain", "--output", str(tmp_path / "t.csv")]) == 2
    assert "expected SPACE=SYSTEM" in capsys.readouterr().err
    assert not (tmp_path / "t.csv").exists()


@pytest.mark.slow
@pytest.mark.parametrize("topology", ["chain", "mesh"])
def test_smoke_run_leaves_files_and_report_and_is_not_repeated(tmp_path, topology):
    command = [sys.executable, "-m", "pipelines.mec", "--smoke", "--topology", topology, "--output-dir", str(tmp_path)]
    subprocess.run(command, check=True)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["latency_ms"] <= summary["limit_ms"]
    assert summary["boundary"]["bit_exact_inputs"] == 32
    for device in summary["devices"]:
        assert (tmp_path / f"{device['name']}.tflite").stat().st_size == device["tflite_bytes"]
    assert "Shortfall" in summary["headline"] or "Smoke run" in summary["headline"]
    assert "<svg" in (tmp_path / "report.html").read_text()
    weights = (tmp_path / "weights.npz").stat().st_mtime_ns
    subprocess.run(command, check=True)
    assert (tmp_path / "weights.npz").stat().st_mtime_ns == weights


@pytest.mark.slow
def test_another_constraint_starts_behind_the_warm_up_of_a_finished_run(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    command = [sys.executable, "-m", "pipelines.mec", "--smoke", "--output-dir"]
    subprocess.run([*command, str(first)], check=True)
    others = ["--warmup-run", str(first), "--baselines-run", str(first)]
    subprocess.run([*command, str(second), "--latency-ms", "3", *others], check=True)
    histories = [json.loads((run / "search" / "history.json").read_text())["epochs"] for run in (first, second)]
    assert [row["epoch"] for row in histories[1]] == [1, 2]
    assert histories[1][0] == histories[0][0] | {"limit_ms": 3.0}
    assert (
        not (second / "search" / "warmup.weights.h5").exists() and not (second / "networks" / "mobilenet_v1").exists()
    )
    accuracies = [json.loads((run / "summary.json").read_text())["baselines"][0]["accuracy"] for run in (first, second)]
    assert accuracies[0] == accuracies[1]


@pytest.mark.parametrize(("options", "seeds"), [((), (5, 5, 7)), (("--seed", "3"), (3, 3, 3))])
def test_the_seed_of_a_file_is_that_of_every_part(tmp_path, options, seeds):
    from pipelines.mec.__main__ import _parser, _resolve

    file = tmp_path / "mine.yaml"
    file.write_text("seed: 5\ntrain.seed: 7\n")
    arguments = ["--config", str(file), "--output-dir", str(tmp_path / "run"), *options]
    config = _resolve(_parser().parse_args(arguments)).config
    assert (config.seed, config.search.seed, config.train.seed) == seeds
