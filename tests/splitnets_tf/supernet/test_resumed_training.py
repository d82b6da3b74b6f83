"""Killed within an epoch, started again: the weights are those of a training that ran through, bit for bit."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
import tiny_training
import yaml

from splitnets_tf.space import space_to_dict

SCRIPT = Path(__file__).parents[2] / "tiny_training.py"
EPOCHS = 6  # of two steps
DROP = {"dropout": 0.3, "drop_connect": 0.3}


@pytest.fixture(scope="module")
def uninterrupted(tiny_space, tmp_path_factory):
    """The weights, and the folder of checkpoints, of a training that ran through."""
    directory = tmp_path_factory.mktemp("whole")
    return tiny_training.run(tiny_space, EPOCHS, directory=directory, **DROP), directory


def assert_same(actual, expected):
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_sigkill_within_an_epoch(tiny_space, uninterrupted, tmp_path):
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(space_to_dict(tiny_space)))
    directory = tmp_path / "checkpoints"
    command = [sys.executable, SCRIPT, tmp_path / "tiny.yaml", tmp_path / "weights.npz"]
    command += ["--epochs", EPOCHS, "--directory", directory, "--drop", DROP["dropout"]]
    process = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)
    while not list(directory.glob("epoch-*-step-*")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "weights.npz").exists()
    assert_same(tiny_training.run(tiny_space, EPOCHS, directory=directory, seed=9, **DROP), uninterrupted[0])


class Stop(keras.callbacks.Callback):
    """Ends a training after so many steps of this process, as Ctrl-C would."""

    def __init__(self, steps):
        super().__init__()
        self.left = steps

    def on_train_batch_begin(self, batch, logs=None):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt


def test_damaged_and_foreign_checkpoints_are_named_and_the_one_before_serves(
    tiny_space, uninterrupted, tmp_path, caplog
):
    expected, finished = uninterrupted
    with pytest.raises(KeyboardInterrupt):
        tiny_training.run(tiny_space, EPOCHS, directory=tmp_path, callbacks=[Stop(7)], **DROP)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["epoch-00003-step-0000001.weights.h5", "epoch-00003.weights.h5"]
    newest = tmp_path / names[0]
    newest.write_bytes(newest.read_bytes()[:-1000])
    # Of the same network, but of another training; and of this training, but under a wrong name.
    with pytest.raises(KeyboardInterrupt):
        tiny_training.run(tiny_space, EPOCHS + 1, directory=tmp_path / "other", callbacks=[Stop(2)], **DROP)
    shutil.copy(tmp_path / "other" / "epoch-00001.weights.h5", tmp_path / "epoch-00004.weights.h5")
    shutil.copy(finished / "epoch-00006.weights.h5", tmp_path / "epoch-00005.weights.h5")
    resumed = tiny_training.run(tiny_space, EPOCHS, directory=tmp_path, seed=9, **DROP)
    for name in ("epoch-00005", "epoch-00004", names[0]):
        assert name in caplog.text
    assert "epoch-00003.weights.h5 is no checkpoint" not in caplog.text
    assert_same(resumed, expected)


def test_finished_training_is_not_repeated(tiny_space, uninterrupted):
    expected, directory = uninterrupted
    assert_same(
        tiny_training.run(tiny_space, EPOCHS, directory=directory, seed=9, callbacks=[Stop(0)], **DROP), expected
    )
