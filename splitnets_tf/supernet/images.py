"""Images on their way into a network: scaling, resizing, augmentation."""

import tensorflow as tf

from splitnets_tf.layers import fold_views

__all__ = ["augment_batch", "resize_batch"]

_VIEWS_RANK = 5


def resize_batch(images, size):
    """Scale to [0, 1] where the images are bytes, and resize with antialiasing where their side differs.

    Args:
        images: `[batch, s, s, 3]`, or several views of each object `[batch, views, s, s, 3]`; uint8 in [0, 255] or
            float32 in [0, 1].
        size: Side of the result in pixels, an int or a scalar int32 tensor.

    Returns:
        float32 in [0, 1], of the images' shape but for the side.
    """
    if len(images.shape) == _VIEWS_RANK:
        resized = resize_batch(fold_views(images), size)
        return tf.reshape(resized, [-1, images.shape[1], size, size, 3])
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

    Of an object in several views all are flipped or none, and flipped ones change places: the mirrored object is seen
    from the azimuth k as the object was from -k. Each view is shifted by itself.

    Args:
        images: uint8 `[batch, s, s, 3]` or `[batch, views, s, s, 3]`, view k from k times one step of the azimuth.
        seed: int32 `[2]`; equal seeds give equal results.
        max_shift: Largest shift in pixels in each direction; what moves in from outside is black.
        first: Where the images are a part of a larger batch, the first one's place in it: each image is then changed
            as it would be in the whole batch.
        total: Images of the whole batch; None where these are all.

    Returns:
        uint8 of the images' shape.
    """
    batch = tf.shape(images)[0]
    total = batch if total is None else total
    flips = tf.random.stateless_uniform([total], seed)[first : first + batch] < 0.5
    several = len(images.shape) == _VIEWS_RANK
    images = tf.where(tf.reshape(flips, [-1] + [1] * (len(images.shape) - 1)), _mirrored(images), images)
    if max_shift == 0:
        return images
    shape = tf.shape(images)
    count = [total, shape[1], 2] if several else [total, 2]
    shifts = tf.random.stateless_uniform(count, seed + 1, 0, 2 * max_shift + 1, dtype=tf.int32)
    shifts = tf.reshape(shifts[first : first + batch], [-1, 2])
    return tf.reshape(_shifted(fold_views(images), shifts, max_shift), shape)


def _mirrored(images):
    """Left and right exchanged; of several views also the order, but for view 0."""
    mirrored = tf.reverse(images, axis=[len(images.shape) - 2])
    return mirrored if len(images.shape) < _VIEWS_RANK else tf.roll(tf.reverse(mirrored, axis=[1]), 1, axis=1)


def _shifted(images, shifts, max_shift: int):
    size = tf.shape(images)[1]
    padded = tf.pad(images, [[0, 0], [max_shift, max_shift], [max_shift, max_shift], [0, 0]])
    rows = shifts[:, :1] + tf.range(size)[None, :]
    columns = shifts[:, 1:] + tf.range(size)[None, :]
    padded = tf.gather(padded, rows, axis=1, batch_dims=1)
    return tf.gather(padded, columns, axis=2, batch_dims=1)
