"""Two replicas, in one process and in two, equal one process that averages the gradients of the same half-batches."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import yaml
from tiny_training import blob_images, new_supernet, sandwich_settings, training_settings

from splitnets_tf.errors import UserError
from splitnets_tf.space import space_to_dict
from splitnets_tf.supernet import augment_batch, open_strategy, read_cluster, sandwich_vectors, training_batches
from splitnets_tf.supernet.distribution import batch_parts
from splitnets_tf.supernet.training import _WarmupCosine

EPOCHS = 10  # of two steps
SCRIPT = Path(__file__).parents[2] / "tiny_training.py"


@pytest.fixture(scope="module")
def space_file(training_space, tmp_path_factory):
    path = tmp_path_factory.mktemp("space") / "tiny.yaml"
    path.write_text(yaml.safe_dump(space_to_dict(training_space)))
    return path


def start(space_file, weights, *arguments, **environment):
    command = [sys.executable, str(SCRIPT), str(space_file), str(weights), "--epochs", str(EPOCHS), *arguments]
    return subprocess.Popen(command, env=os.environ | environment, stderr=subprocess.PIPE, text=True)


def finish(process):
    _, errors = process.communicate()
    assert process.returncode == 0, errors


@pytest.fixture(scope="module")
def reference(training_space):
    """Weights before and after 20 steps, each half of a batch on its own and their gradients averaged."""
    settings, (images, labels) = training_settings(EPOCHS), blob_images()
    supernet = new_supernet(training_space)
    schedule = _WarmupCosine(settings.learning_rate, 1, 2 * EPOCHS)
    optimizer = keras.optimizers.SGD(
        schedule, momentum=0.9, nesterov=True, weight_decay=settings.weight_decay, clipvalue=settings.gradient_clip
    )
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    optimizer.build(supernet.trainable_variables)
    initial = [variable.numpy() for variable in supernet.trainable_variables]

    @tf.function
    def step(batch, vectors, classes):
        variables = [variable.value for variable in supernet.trainable_variables]
        half = settings.batch_size // 2
        first, _, _ = supernet._sandwich(batch[:half], vectors, classes[:half], variables)
        second, _, _ = supernet._sandwich(batch[half:], vectors, classes[half:], variables)
        mean = [(a + b) / 2 for a, b in zip(first, second, strict=True)]
        optimizer.apply_gradients(zip(mean, supernet.trainable_variables, strict=True))

    batches = training_batches(
        images,
        labels,
        batch_size=settings.batch_size,
        epochs=EPOCHS,
        start_step=0,
        seed=settings.seed,
        max_shift=settings.max_shift,
        vectors=lambda step: sandwich_vectors(training_space, sandwich_settings(), seed=settings.seed, step=step),
    )
    for (batch, vectors), classes in batches:
        step(batch, vectors, classes)
    return initial, [variable.numpy() for variable in supernet.trainable_variables]


def assert_equal(path, reference):
    initial, expected = reference
    with np.load(path) as file:
        weights = [file[f"arr_{index}"] for index in range(len(expected))]
    for actual, wanted in zip(weights, expected, strict=True):
        np.testing.assert_allclose(actual, wanted, rtol=1e-5, atol=1e-5)
    moved = [np.abs(after - before).max() for before, after in zip(initial, weights, strict=True)]
    assert np.median(moved) > 1e-3  # the tolerance is far below what training does


def test_two_devices_of_one_process(space_file, reference, tmp_path):
    finish(start(space_file, tmp_path / "weights.npz", "--strategy", "mirrored", "--cpus", "2"))
    assert_equal(tmp_path / "weights.npz", reference)


def test_two_worker_processes(space_file, reference, tmp_path):
    with socket.socket() as first, socket.socket() as second:
        for probe in (first, second):
            probe.bind(("127.0.0.1", 0))
        addresses = [f"127.0.0.1:{probe.getsockname()[1]}" for probe in (first, second)]
    arguments = ["--strategy", "multi-worker", "--directory", str(tmp_path / "checkpoints")]
    workers = []
    for index in range(2):
        cluster = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        workers.append(start(space_file, tmp_path / f"{index}.npz", *arguments, TF_CONFIG=json.dumps(cluster)))
    for worker in workers:
        finish(worker)
    for index in range(2):
        assert_equal(tmp_path / f"{index}.npz", reference)
    names = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert names == ["epoch-00009-step-0000001.weights.h5", "epoch-00010.weights.h5"]


def test_parts_put_together_are_the_batch():
    images, labels = blob_images()
    options = {"batch_size": 40, "epochs": 1, "start_step": 1, "seed": 3, "max_shift": 3, "image_size": 24}
    ((whole, classes),) = training_batches(images, labels, **options)
    parts = batch_parts(40, replicas=4, pipelines=2, pipeline=0) + batch_parts(40, 4, 2, 1)
    assert parts == ((0, 10), (10, 10), (20, 10), (30, 10))
    pieces = list(training_batches(images, labels, parts=parts, **options))
    np.testing.assert_array_equal(np.concatenate([x for x, _ in pieces]), whole)
    np.testing.assert_array_equal(np.concatenate([y for _, y in pieces]), classes)


def test_part_of_a_batch_is_augmented_as_in_the_whole():
    images = tf.constant(blob_images()[0][:12])
    whole = augment_batch(images, tf.constant([1, 2]), 4)
    part = augment_batch(images[5:9], tf.constant([1, 2]), 4, first=5, total=12)
    np.testing.assert_array_equal(part, whole[5:9])


def test_cluster_of_the_environment():
    workers = {"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 1}}
    cluster = read_cluster({"TF_CONFIG": json.dumps(workers)})
    assert (cluster.workers, cluster.index, cluster.is_chief) == (("a:1", "b:2"), 1, False)
    named = {"cluster": {"chief": ["c:0"], "worker": ["a:1"]}, "task": {"type": "chief", "index": 0}}
    assert read_cluster({"TF_CONFIG": json.dumps(named)}).is_chief
    named["task"] = {"type": "worker", "index": 0}
    assert read_cluster({"TF_CONFIG": json.dumps(named)}).index == 1


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 3}}']
)
def test_broken_cluster_is_refused(text):
    with pytest.raises(UserError, match="TF_CONFIG"):
        read_cluster({"TF_CONFIG": text})


def test_unknown_strategy_is_refused():
    with pytest.raises(UserError, match="mirrored"):
        open_strategy("mirored", 32)
