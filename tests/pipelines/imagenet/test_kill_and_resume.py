"""SIGKILL in every stage, then the same command: the run completes as if nothing had happened.

Slow (minutes), so it runs with `pytest -m slow` only.
"""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import yaml
from PIL import Image

from splitnets_tf.space import space_to_dict

pytestmark = pytest.mark.slow
STAGES = ("train", "search", "fine_tune", "export")


@pytest.fixture(scope="module")
def arguments(tmp_path_factory, tiny_space):
    root = tmp_path_factory.mktemp("kill")
    rng = np.random.default_rng(0)
    for label in range(3):
        (root / "data" / str(label)).mkdir(parents=True)
        for index in range(36):
            pixels = rng.integers(0, 120, (24, 24, 3))
            pixels[:, :, label] += 100
            Image.fromarray(pixels.astype(np.uint8)).save(root / "data" / str(label) / f"{index}.png")
    (root / "tiny.yaml").write_text(yaml.safe_dump(space_to_dict(tiny_space)))
    return [
        *("--smoke", "--data-dir", root / "data", "--image-size", 24, "--space", root / "tiny.yaml"),
        *("--batch-size", 16, "--epochs", 4, "--fine-tune-epochs", 3, "--population", 8, "--generations", 3),
    ]


def start(arguments, directory):
    command = [sys.executable, "-m", "pipelines.imagenet", "--output-dir", str(directory), *map(str, arguments)]
    # A session of its own, so that the kill reaches the export worker as a power cut would.
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def kill_in_stage(process, directory, stage, delay_s):
    record = directory / "provenance.json"
    while process.poll() is None:
        if record.is_file() and stage in json.loads(record.read_text())["stages"]:
            time.sleep(delay_s)
            os.killpg(process.pid, signal.SIGKILL)
            break
        time.sleep(0.05)
    return process.wait()


@pytest.fixture(scope="module")
def uninterrupted(arguments, tmp_path_factory):
    directory = tmp_path_factory.mktemp("whole") / "run"
    process = start(arguments, directory)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    return directory


@pytest.mark.parametrize("delay_s", [0.3, 8.0])
def test_killed_in_every_stage(arguments, uninterrupted, tmp_path, delay_s):
    directory = tmp_path / "run"
    for stage in STAGES:
        code = kill_in_stage(start(arguments, directory), directory, stage, delay_s)
        assert code in (-signal.SIGKILL, 0)
    process = start(arguments, directory)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    for name in ("search/pareto.csv", "search/evaluated.csv", "architecture.json"):
        assert (directory / name).read_bytes() == (uninterrupted / name).read_bytes(), name
    expected = json.loads((uninterrupted / "summary.json").read_text())
    actual = json.loads((directory / "summary.json").read_text())
    for key in ("architecture", "accuracy", "devices", "boundary", "comparisons"):
        assert actual[key] == expected[key], key
