"""Images on their way into a network: scaling, resizing, augmentation."""

import tensorflow as tf

__all__ = ["augment_batch", "resize_batch"]


def resize_batch(images, size):
    """Scale to [0, 1] where the images are bytes, and resize with antialiasing where their side differs.

    Args:
        images: `[batch, s, s, 3]`, uint8 in [0, 255] or float32 in [0, 1].
        size: Side of the result in pixels, an int or a scalar int32 tensor.

    Returns:
        float32 `[batch, size, size, 3]` in [0, 1].
    """
    if images.dtype == tf.uint8:
        images = tf.cast(images, tf.float32) / 255.0
    resized = tf.cond(
        tf.equal(tf.shape(images)[1], size),
        lambda: images,
        lambda: tf.image.resize(images, [size, size], antialias=True),
    )
    return tf.clip_by_value(resized, 0.0, 1.0)


def augment_batch(images, seed, max_shift: int, *, first=0, total=None):
    """Flip each image with probability 0.5 and shift it by a few pixels.

    Args:
        images: uint8 `[batch, s, s, 3]`.
        seed: int32 `[2]`; equal seeds give equal results.
        max_shift: Largest shift in pixels in each direction; what moves in from outside is black.
        first: Where the images are a part of a larger batch, the first one's place in it: each image is then changed
            as it would be in the whole batch.
        total: Images of the whole batch; None where these are all.

    Returns:
        uint8 `[batch, s, s, 3]`.
    """
    batch = tf.shape(images)[0]
    total = batch if total is None else total
    flips = tf.random.stateless_uniform([total], seed)[first : first + batch] < 0.5
    images = tf.where(flips[:, None, None, None], tf.reverse(images, axis=[2]), images)
    if max_shift == 0:
        return images
    size = tf.shape(images)[1]
    shifts = tf.random.stateless_uniform([total, 2], seed + 1, 0, 2 * max_shift + 1, dtype=tf.int32)
    shifts = shifts[first : first + batch]
    padded = tf.pad(images, [[0, 0], [max_shift, max_shift], [max_shift, max_shift], [0, 0]])
    rows = shifts[:, :1] + tf.range(size)[None, :]
    columns = shifts[:, 1:] + tf.range(size)[None, :]
    padded = tf.gather(padded, rows, axis=1, batch_dims=1)
    return tf.gather(padded, columns, axis=2, batch_dims=1)
