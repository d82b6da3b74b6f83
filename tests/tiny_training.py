"""A tiny training for tests that need a process of their own: devices of its own, or a kill.

python tests/tiny_training.py SPACE.yaml WEIGHTS.npz --strategy mirrored --cpus 2 --epochs 10
"""

import argparse
import sys
from pathlib import Path

import numpy as np

CLASSES = 3


def blob_images():
    """uint8 images [96, 24, 24, 3] whose brightness tells the class, and labels [96]."""
    rng = np.random.default_rng(0)
    labels = np.arange(96) % CLASSES
    images = rng.integers(0, 60, (96, 24, 24, 3)) + 80 * labels[:, None, None, None]
    return images.astype(np.uint8), labels


def new_supernet(space, seed=1, **arguments):
    """A built supernet, the same at each call."""
    import keras

    from splitnets_tf.supernet import Supernet

    keras.utils.set_random_seed(seed)
    supernet = Supernet(space, CLASSES, **arguments)
    supernet.build()
    return supernet


def training_settings(epochs):
    """48 images a step, two steps an epoch."""
    from splitnets_tf.supernet import TrainingSettings

    return TrainingSettings(epochs=epochs, batch_size=48, learning_rate=0.005, max_shift=2, seed=5, weight_decay=1e-3)


def sandwich_settings():
    """Four networks a step, one of them with several splits."""
    from splitnets_tf.supernet import SandwichSettings

    return SandwichSettings(random=1, multi_split=1)


def run(space, epochs, *, strategy="single", directory=None, callbacks=(), is_chief=True, **arguments):
    """Train, a checkpoint after each step; returns the trainable weights."""
    from splitnets_tf.supernet import open_strategy, train_supernet, wait_for_all

    settings = training_settings(epochs)
    opened = open_strategy(strategy, settings.batch_size)
    with opened.scope():
        supernet = new_supernet(space, **arguments)
    train_supernet(
        supernet,
        *blob_images(),
        settings=settings,
        sandwich=sandwich_settings(),
        directory=directory,
        callbacks=callbacks,
        strategy=opened,
        is_chief=is_chief,
        checkpoint_interval_s=0.0,
    )
    weights = [variable.numpy() for variable in supernet.trainable_variables]
    wait_for_all(opened)
    return weights


def main():
    """Train as the arguments say and write the weights."""
    parser = argparse.ArgumentParser()
    parser.add_argument("space")
    parser.add_argument("weights", type=Path)
    parser.add_argument("--strategy", default="single")
    parser.add_argument("--cpus", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--directory", type=Path)
    parser.add_argument("--drop", type=float, default=0.0)
    options = parser.parse_args()
    import tensorflow as tf

    from splitnets_tf.space import load_space
    from splitnets_tf.supernet import read_cluster

    if options.cpus > 1:
        device = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(device, [tf.config.LogicalDeviceConfiguration()] * options.cpus)
    is_chief = options.strategy != "multi-worker" or read_cluster().is_chief
    weights = run(
        load_space(options.space),
        options.epochs,
        strategy=options.strategy,
        directory=options.directory,
        is_chief=is_chief,
        dropout=options.drop,
        drop_connect=options.drop,
    )
    np.savez(options.weights, *weights)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    main()
