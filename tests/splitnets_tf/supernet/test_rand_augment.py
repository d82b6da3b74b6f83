"""Changes by Keras's layers: a function of seed and place, of the asked strength, different for each image."""

import numpy as np
import pytest
import tensorflow as tf

from splitnets_tf.errors import UserError
from splitnets_tf.supernet import RandAugment, TrainingSettings, training_batches

SEED = tf.constant([3, 8])


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    coarse = tf.image.resize(rng.uniform(0, 255, (40, 4, 4, 3)), [16, 16], method="bicubic")
    return tf.cast(tf.clip_by_value(coarse, 0, 255), tf.uint8)


@pytest.fixture(scope="module")
def augment():
    """One trace for all: it takes most of the time."""
    return tf.function(
        RandAugment(0.5),
        input_signature=[
            tf.TensorSpec([None, 16, 16, 3], tf.uint8),
            tf.TensorSpec([2], tf.int32),
            tf.TensorSpec([], tf.int32),
        ],
    )


def test_equal_seeds_give_equal_images_and_others_do_not(images, augment):
    once = augment(images, SEED, 0).numpy()
    assert once.dtype == np.uint8
    np.testing.assert_array_equal(augment(images, SEED, 0), once)
    different = np.any(augment(images, SEED + 1, 0) != once, axis=(1, 2, 3))
    assert np.mean(different) > 0.9


def test_every_image_has_changes_of_its_own(images, augment):
    same = tf.repeat(images[:1], len(images), axis=0)
    changed = augment(same, SEED, 0).numpy()
    assert len({image.tobytes() for image in changed}) > 30
    assert np.mean(np.any(changed != same, axis=(1, 2, 3))) > 0.8


def test_part_of_a_batch_is_changed_as_in_the_whole(images, augment):
    np.testing.assert_array_equal(augment(images[5:9], SEED, 5), augment(images, SEED, 0)[5:9])


def test_magnitude_is_strength(images, augment):
    def distance(changed):
        return np.mean(np.abs(changed.numpy().astype(int) - images[:16].numpy()))

    # Contrast stretching and equalisation have no strength, hence no smaller ratio.
    assert distance(RandAugment(0.02)(images[:16], SEED)) < 0.6 * distance(augment(images[:16], SEED, 0))


def test_training_batches_are_augmented_and_resume(images):
    options = {"batch_size": 20, "epochs": 2, "seed": 1, "max_shift": 0, "image_size": 16}
    labels = np.arange(40)
    whole = list(training_batches(images.numpy(), labels, start_step=0, rand_augment=0.5, **options))
    (resumed,) = training_batches(images.numpy(), labels, start_step=3, rand_augment=0.5, **options)
    np.testing.assert_array_equal(resumed[0], whole[3][0])
    plain = next(iter(training_batches(images.numpy(), labels, start_step=0, **options)))
    assert np.mean(np.any(whole[0][0] != plain[0], axis=(1, 2, 3))) > 0.8
    np.testing.assert_array_equal(whole[0][1], plain[1])


@pytest.mark.parametrize("magnitude", [0.0, -0.1, 1.5])
def test_wrong_magnitude_is_refused(magnitude):
    with pytest.raises(UserError, match="rand_augment"):
        TrainingSettings(epochs=1, rand_augment=magnitude)
    with pytest.raises(ValueError, match="magnitude"):
        RandAugment(magnitude)
