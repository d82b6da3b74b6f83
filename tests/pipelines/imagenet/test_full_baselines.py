"""`--full`: MobileNetV2 and Head Distillation as stages of their own, and their rows in summary.json."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from tinted_images import write_tinted_classes

from pipelines.cli import run_command
from pipelines.imagenet import __main__ as command
from pipelines.imagenet import command as shared_command
from pipelines.imagenet.config import SMOKE, with_overrides
from pipelines.imagenet.context import open_context
from pipelines.imagenet.summary_rows import Predictions
from pipelines.report.run_summary import summary_from_mapping
from splitnets_tf.space import space_to_dict

SIZE = 32
FIXTURE_SUMMARY = Path(__file__).parents[1] / "report" / "fixture_run" / "summary.json"


@pytest.fixture(scope="module")
def arguments(tmp_path_factory, tiny_space):
    """Three classes of coloured squares at 32 pixels, and a tiny space for them."""
    root = tmp_path_factory.mktemp("full")
    write_tinted_classes(root / "data", SIZE, 30)
    for name, resolutions in (("tiny", [16, SIZE]), ("small", [16, 24])):
        (root / f"{name}.yaml").write_text(yaml.safe_dump(space_to_dict(tiny_space) | {"resolutions": resolutions}))
    return {
        "--data-dir": root / "data",
        "--image-size": SIZE,
        "--space": root / "tiny.yaml",
        "--batch-size": 16,
        "--epochs": 1,
        "--output-dir": root / "run",
    }


def call(arguments, *flags, **changes):
    options = arguments | {f"--{name.replace('_', '-')}": value for name, value in changes.items()}
    return run_command(command.main, [*flags, *(str(part) for pair in options.items() for part in pair)])


@pytest.fixture
def no_stages(monkeypatch):
    """Leaves the configuration's checks and records."""
    monkeypatch.setattr(shared_command, "_run_stages", lambda application, context, verb: None)


@pytest.mark.usefixtures("no_stages")
def test_full_may_be_added_to_a_run_and_stays(arguments, tmp_path, capsys):
    run = tmp_path / "run"
    stored = []
    for flags in (("--smoke",), ("--smoke", "--full"), ()):
        assert call(arguments, *flags, output_dir=run) == 0
        stored.append(yaml.safe_load((run / "config.yaml").read_text()))
    assert [config.pop("full") for config in stored] == [False, True, True]
    assert stored[0] == stored[1] == stored[2]
    assert call(arguments, "--full", output_dir=run, epochs=3) == 2
    assert "train.epochs" in capsys.readouterr().err


@pytest.mark.usefixtures("no_stages")
def test_a_run_from_before_the_option_is_taken_up(arguments, tmp_path):
    run = tmp_path / "run"
    assert call(arguments, "--smoke", output_dir=run) == 0
    config = yaml.safe_load((run / "config.yaml").read_text())
    del config["full"]
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    assert call(arguments, output_dir=run) == 0


@pytest.mark.usefixtures("no_stages")
def test_images_too_small_for_mobilenet_are_refused_at_once(arguments, tmp_path, capsys):
    space = arguments["--space"].with_name("small.yaml")
    assert call(arguments, "--smoke", "--full", output_dir=tmp_path / "run", space=space) == 2
    (line,) = [text for text in capsys.readouterr().err.splitlines() if text.startswith("error")]
    assert "at least 32 pixels" in line
    assert "24" in line
    assert not (tmp_path / "run").exists()
    assert call(arguments, "--smoke", output_dir=tmp_path / "run", space=space) == 0


@pytest.fixture(scope="module")
def trained(arguments):
    """Both stages on the squares, without those before them."""
    from pipelines.imagenet.full_baselines import distil_head, train_mobilenet

    keys = {
        "data.dataset": None,
        "data.data_dir": str(arguments["--data-dir"]),
        "data.image_size": SIZE,
        "space": str(arguments["--space"]),
        "train": {"epochs": 1, "batch_size": 16},
        "fine_tune": {"epochs": 1, "batch_size": 16},
        "full": True,
    }
    context = open_context(with_overrides(SMOKE, keys), arguments["--output-dir"])
    with context.run.lock():
        train_mobilenet(context)
        distil_head(context)
    return context


def predictions_of(context):
    arrays = context.arrays("test")
    directory = context.path("predictions")
    return Predictions(
        labels=arrays.labels, families=arrays.families, objects=arrays.objects, seed=0, directory=directory
    )


def test_stages_are_recorded_and_not_run_again(trained):
    from pipelines.imagenet.full_baselines import distil_head, train_mobilenet

    stages = trained.run.provenance()["stages"]
    assert [name for name, stage in stages.items() if stage["done"]] == ["mobilenet", "head_distillation"]
    assert "networks/mobilenet_v2/final.weights.h5" in stages["head_distillation"]["inputs"]
    files = [path for path in trained.path().rglob("*") if path.is_file()]
    before = {path: path.stat().st_mtime_ns for path in files}
    train_mobilenet(trained)
    distil_head(trained)
    assert {path: path.stat().st_mtime_ns for path in files} == before


def test_budget_is_that_of_the_supernet_and_fine_tuning_together(trained):
    networks = trained.path("networks")
    last = {path.name: max(path.glob("epoch-*")).name for path in networks.iterdir()}
    assert last == {
        "mobilenet_v2": "epoch-00002.weights.h5",
        "distilled_feature": "epoch-00001.weights.h5",
        "head_distillation": "epoch-00001.weights.h5",
    }


def test_normalisation_follows_a_short_training():
    from pipelines.imagenet.mobilenet import build_mobilenet

    model = build_mobilenet(SIZE, 3)
    momenta = {layer.momentum for layer in model.layers if hasattr(layer, "momentum")}
    assert momenta == {0.9}
    assert getattr(model.layers[-1].activation, "__name__", "") == "linear"


def test_rows_and_claims_stand_in_the_summary(trained):
    from pipelines.imagenet.full_summary import full_baselines, full_training

    predictions = predictions_of(trained)
    np.save(trained.path("predictions", "chosen.npy"), predictions.labels)
    full = full_baselines(trained)
    rows = full.rows(predictions)
    assert [row["method"] for row in rows] == [
        "all-on-sensor",
        "all-on-aggregator",
        "neurosurgeon",
        "neurosurgeon-no-limit",
        "head-distillation",
    ]
    assert {row["backbone"] for row in rows} == {"MobileNetV2"}
    assert [row["feasible"] for row in rows] == [False, True, True, rows[3]["feasible"], True]
    assert len({json.dumps(row["accuracy"]) for row in rows[:4]}) == 1
    claims = full.comparisons(predictions, rows[1]["latency_ms"] / 4)
    fastest = min((row for row in rows[:4] if row["feasible"]), key=lambda row: row["latency_ms"])
    assert [claim["against"] for claim in claims] == [
        f"{fastest['method']}, MobileNetV2",
        "head-distillation, MobileNetV2",
    ]
    for claim, row in zip(claims, (fastest, rows[4]), strict=True):
        assert claim["difference"]["value"] == pytest.approx(1 - row["accuracy"]["value"])
        assert claim["latency_ratio"] == pytest.approx(rows[1]["latency_ms"] / 4 / row["latency_ms"])
        assert claim["holds"] == (claim["latency_ratio"] <= 0.5)
    assert set(full_training(trained.config)) == {"MobileNetV2", "head-distillation"}
    summary = json.loads(FIXTURE_SUMMARY.read_text("utf-8"))
    summary["baselines"] += rows
    summary["comparisons"] += claims
    networks = summary_from_mapping(summary).baselines[-5:]
    assert [network.accuracy_kind for network in networks] == ["trained_alone"] * 4 + ["fine_tuned"]
