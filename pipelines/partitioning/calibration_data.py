"""Model inputs for int8 calibration and for checking halves against the whole."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from splitnets_tf.errors import UserError

__all__ = ["load_inputs", "random_inputs"]

logger = logging.getLogger(__name__)

_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
_MOST_IMAGES = 256
_RANGES = {"0..255": (1.0, 0.0), "0..1": (1 / 255, 0.0), "-1..1": (1 / 127.5, -1.0)}

Images = NDArray[np.float32]


def load_inputs(path: Path, shape: tuple[int, ...], pixel_range: str) -> Images:
    """Loads model inputs.

    Args:
        path: A folder with images at any depth (at most 256 are taken, evenly), or an .npy file with an array
            [images, height, width, channels] that already has the values the model expects.
        shape: Shape of one input, (height, width, channels).
        pixel_range: Values that the model expects of image files: `0..255`, `0..1` or `-1..1`.

    Returns:
        Array [images, *shape].

    Raises:
        UserError: If there is nothing usable at the path.
    """
    if path.suffix == ".npy":
        return _from_array(path, shape)
    if not path.is_dir():
        raise UserError(f"{path}: is neither a folder of images nor an .npy file")
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() in _SUFFIXES)
    taken = (
        [files[i] for i in np.linspace(0, len(files) - 1, min(len(files), _MOST_IMAGES)).astype(int)] if files else []
    )
    scale, offset = _RANGES[pixel_range]
    images = [image for file in taken if (image := _image(file, shape)) is not None]
    if not images:
        raise UserError(f"{path}: holds no readable image ({', '.join(_SUFFIXES)}); give a folder of images")
    return np.stack(images) * np.float32(scale) + np.float32(offset)


def random_inputs(shape: tuple[int, ...], count: int) -> Images:
    """Returns inputs of uniform noise in 0..1, the same ones every time."""
    return np.random.default_rng(0).random((count, *shape), dtype=np.float32)


def _from_array(path: Path, shape: tuple[int, ...]) -> Images:
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as an array ({error}); save it with numpy.save") from error
    if array.ndim != len(shape) + 1 or array.shape[1:] != shape or not len(array):
        raise UserError(f"{path}: must have the shape (images, {', '.join(map(str, shape))}), not {array.shape}")
    return np.asarray(array[:_MOST_IMAGES], dtype=np.float32)


def _image(file: Path, shape: tuple[int, ...]) -> Images | None:
    from PIL import Image, UnidentifiedImageError

    height, width, channels = shape
    try:
        with Image.open(file) as image:
            pixels = image.convert("L" if channels == 1 else "RGB").resize((width, height), Image.Resampling.BILINEAR)
            return np.asarray(pixels, dtype=np.float32).reshape(height, width, channels)
    except (UnidentifiedImageError, OSError) as error:
        logger.warning("%s: skipped, not a readable image (%s)", file, error)
        return None
