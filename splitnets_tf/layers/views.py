"""Several views of one object: folded into the batch in front of their fusion, one tensor behind it."""

import tensorflow as tf

__all__ = ["fold_views", "fuse_views"]

_REDUCTIONS = {"mean": tf.reduce_mean, "max": tf.reduce_max, "sum": tf.reduce_sum}


def fold_views(images):
    """Views as further images of the batch; those of one object follow one another.

    Args:
        images: `[batch, views, height, width, c]`, or single views `[batch, height, width, c]`, which stay as they are.

    Returns:
        `[batch * views, height, width, c]`.
    """
    if len(images.shape) == 4:
        return images
    return tf.reshape(images, tf.concat([[-1], tf.shape(images)[2:]], axis=0))


def fuse_views(x, views: int, how: str = "concat"):
    """One tensor for each object out of those of its views (SplitNets, section 3.1.3: View-Fuse).

    Args:
        x: `[batch * views, height, width, d]`, the views of one object following one another.
        views: Number of views.
        how: `concat` over the channels, view 0 first (the paper's), or element by element `mean`, `max` or `sum`.

    Returns:
        `[batch, height, width, views * d]` with `concat`, else `[batch, height, width, d]`.
    """
    shape = tf.shape(x)
    x = tf.reshape(x, [-1, views, shape[1], shape[2], shape[3]])
    if how != "concat":
        return _REDUCTIONS[how](x, axis=1)
    x = tf.transpose(x, [0, 2, 3, 1, 4])
    return tf.reshape(x, [-1, shape[1], shape[2], views * shape[3]])
