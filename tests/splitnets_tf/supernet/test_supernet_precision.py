"""Training in bfloat16: float32 weights, normalisation and logits, and nearly the float32 network's results."""

import keras
import numpy as np
import tensorflow as tf
from tiny_training import blob_images, new_supernet

from splitnets_tf.supernet import SandwichSettings, Supernet, TrainingSettings, train_supernet
from splitnets_tf.supernet.training import _supernet_identity


def test_bfloat16_is_nearly_float32(training_space, blobs):
    images = blobs[0][:16]
    exact, mixed = new_supernet(training_space), new_supernet(training_space, dtype="mixed_bfloat16")
    assert keras.config.dtype_policy().name == "float32"  # as it was
    assert {variable.dtype for variable in mixed.variables} == {"float32"}
    assert {layer.compute_dtype for layer in mixed._flatten_layers()} == {"bfloat16"}
    vector = training_space.encode(training_space.largest())
    expected, logits = exact((images, vector), training=True), mixed((images, vector), training=True)
    assert logits.dtype == tf.float32
    error = np.linalg.norm(logits - expected) / np.linalg.norm(expected)
    assert 1e-4 < error < 0.1  # bfloat16 keeps 8 bits
    mixed((images, vector), calibration_weight=tf.constant(1.0))
    statistics = mixed.stem.bn.moving_variance.numpy()
    exact((images, vector), calibration_weight=tf.constant(1.0))
    np.testing.assert_allclose(statistics, exact.stem.bn.moving_variance, rtol=0.02)


def test_bfloat16_training_learns(training_space):
    images, labels = blob_images()
    supernet = new_supernet(training_space, dtype="mixed_bfloat16", drop_connect=0.1)
    losses = []

    class Collect(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            losses.append(logs["loss"])

    settings = TrainingSettings(epochs=6, batch_size=48, learning_rate=0.1, max_shift=0)
    sandwich = SandwichSettings(random=1)
    train_supernet(supernet, images, labels, settings=settings, sandwich=sandwich, callbacks=[Collect()])
    assert losses[-1] < 0.7 * losses[0]
    assert all(np.all(np.isfinite(variable)) for variable in supernet.variables)
    exact = new_supernet(training_space, drop_connect=0.1)
    identities = {_supernet_identity(one, settings, sandwich, 96) for one in (supernet, exact)}
    assert len(identities) == 2  # neither resumes the other's checkpoints
    again = Supernet.from_config(supernet.get_config())
    assert again.compute_dtype == "bfloat16"
