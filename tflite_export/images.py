"""Images as the sensor's network receives them: bytes at its resolution, and those bytes as int8.

A camera delivers bytes. So an image is resized to the network's resolution and rounded to bytes once, and the int8
input is the byte minus 128, exactly: scale 1/255, zero point -128.
"""

import tokenize
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from splitnets_tf.errors import UserError

__all__ = ["INPUT_SCALE", "INPUT_ZERO_POINT", "bytes_to_int8", "open_images", "open_labels", "resize_bytes", "to_bytes"]

INPUT_SCALE = 1.0 / 255.0
INPUT_ZERO_POINT = -128
_CHUNK = 512


def to_bytes(images: Any, size: int) -> Any:
    """Resize a batch in a TensorFlow graph and round it to whole grey levels.

    Args:
        images: uint8 `[batch, s, s, 3]` or `[batch, views, s, s, 3]` tensor.
        size: Side in pixels of the result.

    Returns:
        float32 `[batch, (views,) size, size, 3]` of whole numbers in [0, 255].
    """
    import tensorflow as tf

    from splitnets_tf.supernet.images import resize_batch

    return tf.round(resize_batch(images, size) * 255.0)


def resize_bytes(images: np.ndarray, size: int) -> np.ndarray:
    """The same on arrays, piece by piece.

    Args:
        images: uint8 `[n, s, s, 3]` or `[n, views, s, s, 3]`, may be memory-mapped.
        size: Side in pixels of the result.

    Returns:
        uint8 `[n, (views,) size, size, 3]`; the array itself where it has that size.
    """
    if images.shape[-3:-1] == (size, size):
        return images
    import tensorflow as tf

    resized = np.empty((*images.shape[:-3], size, size, 3), np.uint8)
    for start in range(0, len(images), _CHUNK):
        chunk = tf.convert_to_tensor(np.ascontiguousarray(images[start : start + _CHUNK]))
        resized[start : start + _CHUNK] = to_bytes(chunk, size).numpy()
    return resized


def bytes_to_int8(images: np.ndarray) -> np.ndarray:
    """uint8 images as the int8 input of a quantised network: byte - 128."""
    return (images ^ np.uint8(0x80)).view(np.int8)


def open_images(path: Path, views: int = 1) -> np.ndarray:
    """Memory-map a file of images, `[n, s, s, 3]`, or of objects in several views, `[n, views, s, s, 3]`.

    Raises:
        UserError: It is no .npy file, or no square uint8 RGB images in so many views.
    """
    images = _open(path, "r")
    shape = images.shape
    between = shape[1:-3]
    square = len(shape) >= 4 and shape[-3] == shape[-2] and shape[-1] == 3
    if images.dtype != np.uint8 or not square or between != ((views,) if views > 1 else ()) or not len(images):
        expected = "[n, s, s, 3]" if views == 1 else f"[n, {views}, s, s, 3]"
        raise UserError(
            f"{path}: expected uint8 images of shape {expected}, received {images.dtype} of shape {list(shape)}"
        )
    return images


def open_labels(path: Path, count: int, num_classes: int) -> np.ndarray:
    """Read the labels of `count` images.

    Raises:
        UserError: It is no .npy file, has another length, or holds something other than classes.
    """
    labels = _open(path, None)
    if labels.shape != (count,) or not np.issubdtype(labels.dtype, np.integer):
        raise UserError(
            f"{path}: expected {count} integer labels, one for each image, received {labels.dtype} of shape "
            f"{list(labels.shape)}"
        )
    if labels.min() < 0 or labels.max() >= num_classes:
        raise UserError(f"{path}: labels should be in 0..{num_classes - 1}, received {labels.min()}..{labels.max()}")
    return labels.astype(np.int32)


def _open(path: Path, mmap_mode: Any) -> np.ndarray:
    try:
        array = np.load(path, mmap_mode=mmap_mode, allow_pickle=False)
    except (ValueError, EOFError, MemoryError, tokenize.TokenError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: not a readable .npy file ({error}); write it with numpy.save") from error
    if not isinstance(array, np.ndarray):
        raise UserError(f"{path}: an archive of several arrays, not a single one; write it with numpy.save")
    return array
