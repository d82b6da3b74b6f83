"""Killed within an epoch, started again: the weights are those of a training that ran through, bit for bit."""

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import tiny_training
import yaml

from splitnets_tf.space import space_to_dict
from splitnets_tf.supernet.checkpoints import _IDENTITY
from splitnets_tf.supernet.training import _supernet_identity

SCRIPT = Path(__file__).parents[2] / "tiny_training.py"
EPOCHS = 6  # of two steps
DROP = {"dropout": 0.3, "drop_connect": 0.3}


@pytest.fixture(scope="module")
def uninterrupted(training_space, tmp_path_factory):
    """The weights, and the folder of checkpoints, of a training that ran through."""
    directory = tmp_path_factory.mktemp("whole")
    return tiny_training.run(training_space, EPOCHS, directory=directory, **DROP), directory


def assert_same(actual, expected):
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_sigkill_within_an_epoch(training_space, uninterrupted, tmp_path):
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(space_to_dict(training_space)))
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
    assert_same(tiny_training.run(training_space, EPOCHS, directory=directory, seed=9, **DROP), uninterrupted[0])


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
    training_space, uninterrupted, tmp_path, caplog
):
    expected, finished = uninterrupted
    with pytest.raises(KeyboardInterrupt):
        tiny_training.run(training_space, EPOCHS, directory=tmp_path, callbacks=[Stop(7)], **DROP)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["epoch-00003-step-0000001.weights.h5", "epoch-00003.weights.h5"]
    newest = tmp_path / names[0]
    newest.write_bytes(newest.read_bytes()[:-1000])
    # Of the same network, but of another training; and of this training, but under a wrong name.
    foreign = tmp_path / "epoch-00004.weights.h5"
    shutil.copy(finished / "epoch-00006.weights.h5", foreign)
    with h5py.File(foreign, "r+") as file:
        assert len(file.attrs[_IDENTITY]) == 16
        file.attrs[_IDENTITY] = "0" * 16
    shutil.copy(finished / "epoch-00006.weights.h5", tmp_path / "epoch-00005.weights.h5")
    resumed = tiny_training.run(training_space, EPOCHS, directory=tmp_path, seed=9, **DROP)
    for name in ("epoch-00005", "epoch-00004", names[0]):
        assert name in caplog.text
    assert "belongs to the training 0000000000000000" in caplog.text
    assert "epoch-00003.weights.h5 is no checkpoint" not in caplog.text
    assert_same(resumed, expected)


def test_finished_training_is_not_repeated(training_space, uninterrupted):
    expected, directory = uninterrupted
    assert_same(
        tiny_training.run(training_space, EPOCHS, directory=directory, seed=9, callbacks=[Stop(0)], **DROP), expected
    )


def test_another_schedule_is_another_training(training_space):
    supernet, sandwich = tiny_training.new_supernet(training_space), tiny_training.sandwich_settings()
    dropping = tiny_training.new_supernet(training_space, **DROP)
    settings = tiny_training.training_settings(EPOCHS)
    changed = [
        (supernet, tiny_training.training_settings(EPOCHS + 1), sandwich, 96),
        (supernet, dataclasses.replace(settings, rand_augment=0.5), sandwich, 96),
        (supernet, settings, dataclasses.replace(sandwich, random=2), 96),
        (supernet, settings, sandwich, 95),
        (dropping, settings, sandwich, 96),
    ]
    names = {_supernet_identity(*arguments) for arguments in [(supernet, settings, sandwich, 96), *changed]}
    assert len(names) == 1 + len(changed)
