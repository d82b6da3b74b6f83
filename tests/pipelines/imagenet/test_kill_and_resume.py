"""SIGKILL in every stage, then the same command: the run completes as if nothing had happened.

Slow (minutes), so it runs with `pytest -m slow` only.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
import yaml
from tinted_images import write_tinted_classes

from splitnets_tf.space import space_to_dict

pytestmark = pytest.mark.slow
MIDWAY = {
    "train": "supernet/epoch-*",
    "search": "search/trial_*",
    "fine_tune": "networks/chosen/epoch-*",
    "export": "export/job.json",
}
"""Stage -> artefact that shows that its work has begun."""


def make_arguments(root, tiny_space, size):
    write_tinted_classes(root / "data", size, 36)
    (root / "tiny.yaml").write_text(yaml.safe_dump(space_to_dict(tiny_space) | {"resolutions": [16, size]}))
    return [
        *("--smoke", "--data-dir", root / "data", "--image-size", size, "--space", root / "tiny.yaml"),
        *("--batch-size", 16, "--epochs", 4, "--fine-tune-epochs", 3, "--population", 8, "--generations", 3),
    ]


@pytest.fixture(scope="module")
def arguments(tmp_path_factory, tiny_space):
    return make_arguments(tmp_path_factory.mktemp("kill"), tiny_space, 24)


def start(arguments, directory):
    command = [sys.executable, "-m", "pipelines.imagenet", "--output-dir", str(directory), *map(str, arguments)]
    # A session of its own, so that the kill reaches the export worker as a power cut would.
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def kill_when(process, condition):
    while not condition():
        assert process.poll() is None, f"the run ended before it could be killed: {process.stderr.read()}"
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    process.stderr.close()


def finish(process):
    _, errors = process.communicate()
    assert process.returncode == 0, errors


def stages(directory):
    record = directory / "provenance.json"
    return json.loads(record.read_text())["stages"] if record.is_file() else {}


@pytest.fixture(scope="module")
def uninterrupted(arguments, tmp_path_factory):
    directory = tmp_path_factory.mktemp("whole") / "run"
    finish(start(arguments, directory))
    return directory


@pytest.mark.parametrize("moment", ["at the start", "midway"])
def test_killed_in_every_stage(arguments, uninterrupted, tmp_path, moment):
    directory = tmp_path / "run"
    if moment == "at the start":
        kill_when(start(arguments, directory), (directory / ".splitnets-run").is_file)
    for stage, artefact in MIDWAY.items():

        def reached(stage=stage, artefact=artefact):
            begun = stage in stages(directory)
            return begun and (moment == "at the start" or any(directory.glob(artefact)))

        kill_when(start(arguments, directory), reached)
        assert not stages(directory)[stage]["done"], "the kill came after the stage"
        assert list(stages(directory))[-1] == stage
    finish(start(arguments, directory))
    for name in ("search/pareto.csv", "search/evaluated.csv", "architecture.json"):
        assert (directory / name).read_bytes() == (uninterrupted / name).read_bytes(), name
    expected = json.loads((uninterrupted / "summary.json").read_text())
    actual = json.loads((directory / "summary.json").read_text())
    for key in ("architecture", "accuracy", "devices", "boundary", "comparisons"):
        assert actual[key] == expected[key], key


def test_full_is_added_to_a_finished_run_and_survives_kills(tmp_path, tiny_space):
    arguments = make_arguments(tmp_path, tiny_space, 32)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    finish(start(arguments, whole))
    before = {name: (whole / name).read_bytes() for name in ("weights.npz", "sensor.tflite", "search/pareto.csv")}
    default = json.loads((whole / "summary.json").read_text())
    shutil.copytree(whole, killed)
    finish(start([*arguments, "--full"], whole))
    for network in ("mobilenet_v2", "distilled_feature", "head_distillation"):
        checkpoint = killed / "networks" / network / "epoch-00001.weights.h5"
        kill_when(start([*arguments, "--full"], killed), checkpoint.is_file)
    finish(start([*arguments, "--full"], killed))
    expected, actual = (json.loads((run / "summary.json").read_text()) for run in (whole, killed))
    for key in ("accuracy", "baselines", "comparisons"):
        assert actual[key] == expected[key], key
    assert [row["backbone"] for row in actual["baselines"]].count("MobileNetV2") == 5
    added = len(actual["baselines"]) - 5
    assert actual["baselines"][:added] == default["baselines"]
    assert actual["accuracy"] == default["accuracy"]
    assert {name: (killed / name).read_bytes() for name in before} == before
