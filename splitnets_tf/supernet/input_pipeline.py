"""Training batches as a function of seed and step, so that a resumed run sees what an uninterrupted one sees."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from splitnets_tf.data import StoredImages
from splitnets_tf.supernet.distribution import batch_parts
from splitnets_tf.supernet.images import augment_batch, resize_batch
from splitnets_tf.supernet.rand_augment import RandAugment

__all__ = ["distributed_batches", "steps_per_epoch", "training_batches"]

_READERS = 2
_PREFETCH = 4


def steps_per_epoch(count: int, batch_size: int) -> int:
    """Full batches in one pass; at least one.

    Raises:
        ValueError: There are fewer images than one batch.
    """
    if count < batch_size:
        raise ValueError(f"a batch of {batch_size} needs at least as many images, received {count}")
    return count // batch_size


def training_batches(
    images: np.ndarray | StoredImages,
    labels: np.ndarray,
    *,
    batch_size: int,
    epochs: int,
    start_step: int,
    seed: int,
    max_shift: int,
    rand_augment: float | None = None,
    vectors: Callable[[int], np.ndarray] | None = None,
    image_size: int | None = None,
    parts: Sequence[tuple[int, int]] | None = None,
) -> tf.data.Dataset:
    """The batches of steps `start_step` to the end of the last epoch.

    Each epoch is a new permutation; what does not fill a batch is left out of that epoch.

    Args:
        images: uint8 `[n, s, s, 3]`, in memory or read as they are needed; of objects in several views
            `[n, views, s, s, 3]`.
        labels: int `[n]`.
        batch_size: Images (objects) per batch.
        epochs: Total number of epochs, counted from step 0.
        start_step: First step to yield.
        seed: Seed of permutations and augmentation.
        max_shift: Largest random shift in pixels.
        rand_augment: Strength of further random changes, see `RandAugment`; None for none.
        vectors: Step -> value vectors `[networks, length]`; the batches are then `((images, vectors), labels)` with
            byte images, as `Supernet.train_step` takes them.
        image_size: Without `vectors`, the side to which the images are resized.
        parts: (first row, rows) of the parts of each batch to yield, one after the other, all of one size; None for
            whole batches. Put together, the parts are the whole batch, augmentation included.

    Returns:
        Data set of batches; without `vectors` of `(float32 images [batch, image_size, image_size, 3], labels)`.
    """
    steps = steps_per_epoch(len(images), batch_size)
    parts = [(0, batch_size)] if parts is None else parts
    part_size = parts[0][1]
    fetch = _fetcher(images)
    change = RandAugment(rand_augment) if rand_augment else None
    classes = tf.constant(np.asarray(labels, dtype=np.int32))

    def generate() -> Iterator[tuple]:
        order, order_epoch = None, -1
        for step in range(start_step, steps * epochs):
            epoch, offset = divmod(step, steps)
            if epoch != order_epoch:
                order = np.random.default_rng([seed, epoch]).permutation(len(images)).astype(np.int32)
                order_epoch = epoch
            rows = order[offset * batch_size : (offset + 1) * batch_size]
            extra = (vectors(step),) if vectors else ()
            for first, count in parts:
                yield (rows[first : first + count], first, np.asarray([seed, 2 * step], dtype=np.int32), *extra)

    def load(rows, first, batch_seed, *extra):
        batch = augment_batch(fetch(rows), batch_seed, max_shift, first=first, total=batch_size)
        batch.set_shape([part_size, *images.shape[1:]])
        if change is not None:
            batch = change(batch, batch_seed + 2, first)
        target = tf.gather(classes, rows)
        if extra:
            return (batch, extra[0]), target
        return resize_batch(batch, image_size or images.shape[-2]), target

    signature = [tf.TensorSpec([part_size], tf.int32), tf.TensorSpec([], tf.int32), tf.TensorSpec([2], tf.int32)]
    if vectors:
        signature.append(tf.TensorSpec(vectors(start_step).shape, tf.int32))
    dataset = tf.data.Dataset.from_generator(generate, output_signature=tuple(signature))
    return dataset.map(load, num_parallel_calls=_READERS, deterministic=True).prefetch(_PREFETCH)


def distributed_batches(
    strategy: tf.distribute.Strategy,
    images: np.ndarray | StoredImages,
    labels: np.ndarray,
    *,
    batch_size: int,
    **options,
) -> tf.data.Dataset:
    """The batches of `training_batches`, of which each replica of the strategy takes its own part.

    A worker reads and augments the images of its own replicas only. The batches start over when the last one has been
    taken: a data set without an end spares the replicas to agree before each step on whether there is one more.
    """

    def of_worker(context: tf.distribute.InputContext) -> tf.data.Dataset:
        parts = batch_parts(
            batch_size, context.num_replicas_in_sync, context.num_input_pipelines, context.input_pipeline_id
        )
        return training_batches(images, labels, batch_size=batch_size, parts=parts, **options).repeat()

    return strategy.distribute_datasets_from_function(of_worker)


def _fetcher(images: np.ndarray | StoredImages) -> Callable:
    """Rows -> their byte images, within a graph."""
    if isinstance(images, StoredImages):
        return images.load
    pixels = tf.constant(images)
    return lambda rows: tf.gather(pixels, rows)
