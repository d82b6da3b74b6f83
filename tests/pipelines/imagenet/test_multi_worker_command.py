"""Two processes run the same command: both train, the chief goes on alone; one of them is killed and both start again.

Slow (minutes), so it runs with `pytest -m slow` only.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest
import yaml
from tinted_images import write_tinted_classes

from splitnets_tf.space import space_to_dict

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def arguments(tmp_path_factory, tiny_space):
    root = tmp_path_factory.mktemp("workers")
    write_tinted_classes(root / "data", 24, 36)
    (root / "tiny.yaml").write_text(yaml.safe_dump(space_to_dict(tiny_space)))
    arguments = ["search", "--smoke", "--data-dir", root / "data", "--image-size", 24, "--space", root / "tiny.yaml"]
    arguments += ["--batch-size", 16, "--epochs", 12, "--checkpoint-minutes", 0, "--strategy", "multi-worker"]
    return [str(argument) for argument in arguments]


def start_both(arguments, directory):
    with socket.socket() as first, socket.socket() as second:
        for probe in (first, second):
            probe.bind(("127.0.0.1", 0))
        addresses = [f"127.0.0.1:{probe.getsockname()[1]}" for probe in (first, second)]
    processes = []
    for index in range(2):
        cluster = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        processes.append(
            subprocess.Popen(
                [sys.executable, "-m", "pipelines.imagenet", *arguments, "--output-dir", str(directory)],
                env=os.environ | {"TF_CONFIG": json.dumps(cluster)},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    return processes


def finish(processes):
    for process in processes:
        output, _ = process.communicate()
        assert process.returncode == 0, output


def final_weights(directory):
    found = {}

    def collect(name, item):
        if isinstance(item, h5py.Dataset):
            found[name] = item[()]

    with h5py.File(directory / "supernet" / "final.weights.h5") as file:
        file.visititems(collect)
    return found


def test_both_train_and_a_kill_changes_nothing(arguments, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    finish(start_both(arguments, whole))
    assert (whole / "search" / "pareto.csv").is_file()
    chief, worker = start_both(arguments, killed)
    while not list(killed.glob("supernet/epoch-00002*")):
        assert chief.poll() is None, chief.communicate()[0]
        time.sleep(0.02)
    for process in (worker, chief):
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    finish(start_both(arguments, killed))
    expected, actual = final_weights(whole), final_weights(killed)
    assert list(actual) == list(expected)
    for name, value in expected.items():
        if "moving_" not in name:  # statistics that the chief recalibrates for whatever it evaluates
            np.testing.assert_array_equal(actual[name], value)
    finish(start_both(arguments, killed))  # the training is done: no worker waits for another
