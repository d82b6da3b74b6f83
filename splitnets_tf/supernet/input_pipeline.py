"""Training batches as a function of seed and step, so that a resumed run sees what an uninterrupted one sees."""

from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from splitnets_tf.supernet.images import augment_batch, resize_batch

__all__ = ["steps_per_epoch", "training_batches"]


def steps_per_epoch(count: int, batch_size: int) -> int:
    """Full batches in one pass; at least one.

    Raises:
        ValueError: There are fewer images than one batch.
    """
    if count < batch_size:
        raise ValueError(f"a batch of {batch_size} needs at least as many images, received {count}")
    return count // batch_size


def training_batches(
    images: np.ndarray,
    labels: np.ndarray,
    *,
    batch_size: int,
    epochs: int,
    start_step: int,
    seed: int,
    max_shift: int,
    vectors: Callable[[int], np.ndarray] | None = None,
    image_size: int | None = None,
) -> tf.data.Dataset:
    """The batches of steps `start_step` to the end of the last epoch.

    Each epoch is a new permutation; what does not fill a batch is left out of that epoch.

    Args:
        images: uint8 `[n, s, s, 3]`.
        labels: int `[n]`.
        batch_size: Images per batch.
        epochs: Total number of epochs, counted from step 0.
        start_step: First step to yield.
        seed: Seed of permutations and augmentation.
        max_shift: Largest random shift in pixels.
        vectors: Step -> value vectors `[networks, length]`; the batches are then `((images, vectors), labels)` with
            byte images, as `Supernet.train_step` takes them.
        image_size: Without `vectors`, the side to which the images are resized.

    Returns:
        Data set of batches; without `vectors` of `(float32 images [batch, image_size, image_size, 3], labels)`.
    """
    steps = steps_per_epoch(len(images), batch_size)
    pixels, classes = tf.constant(images), tf.constant(np.asarray(labels, dtype=np.int32))

    def generate() -> Iterator[tuple]:
        order, order_epoch = None, -1
        for step in range(start_step, steps * epochs):
            epoch, offset = divmod(step, steps)
            if epoch != order_epoch:
                order = np.random.default_rng([seed, epoch]).permutation(len(images)).astype(np.int32)
                order_epoch = epoch
            rows = order[offset * batch_size : (offset + 1) * batch_size]
            extra = (vectors(step),) if vectors else ()
            yield (rows, np.asarray([seed, 2 * step], dtype=np.int32), *extra)

    def load(rows, batch_seed, *extra):
        batch = augment_batch(tf.gather(pixels, rows), batch_seed, max_shift)
        batch.set_shape([batch_size, *images.shape[1:]])
        target = tf.gather(classes, rows)
        if extra:
            return (batch, extra[0]), target
        return resize_batch(batch, image_size or images.shape[1]), target

    signature = [tf.TensorSpec([batch_size], tf.int32), tf.TensorSpec([2], tf.int32)]
    if vectors:
        signature.append(tf.TensorSpec(vectors(start_step).shape, tf.int32))
    dataset = tf.data.Dataset.from_generator(generate, output_signature=tuple(signature))
    return dataset.map(load, num_parallel_calls=2, deterministic=True).prefetch(4)
