"""Images that stand for a camera's frames: an .npy file or a folder of pictures, at the network's resolution."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from splitnets_tf.errors import UserError
from tflite_export.images import open_images, resize_bytes

__all__ = ["FrameReader", "open_frames"]

FrameReader = Callable[[int], np.ndarray]
_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")


def open_frames(path: Path, size: int, *, stride: int = 1, offset: int = 0) -> FrameReader:
    """Open a source of frames.

    Args:
        path: An .npy file with uint8 images `[n, s, s, 3]`, or a folder of pictures, taken in the order of their names.
        size: Side in pixels of the network's input.
        stride: Frame f is image `f * stride + offset`, counted in a circle.
        offset: See `stride`.

    Returns:
        Frame number -> uint8 image `[size, size, 3]`.

    Raises:
        UserError: There is nothing usable at the path.
    """
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix.lower() in _SUFFIXES)
        if not files:
            raise UserError(f"{path}: holds no picture ({', '.join(_SUFFIXES)})")
        return lambda frame: _picture(files[(frame * stride + offset) % len(files)], size)
    if not path.is_file():
        raise UserError(f"{path}: neither a folder of pictures nor an .npy file")
    images = resize_bytes(open_images(path), size)
    return lambda frame: images[(frame * stride + offset) % len(images)]


def _picture(file: Path, size: int) -> np.ndarray:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(file) as image:
            side = min(image.size)
            left, top = ((length - side) // 2 for length in image.size)
            square = image.convert("RGB").crop((left, top, left + side, top + side))
            return np.asarray(square.resize((size, size), Image.Resampling.BILINEAR))
    except (UnidentifiedImageError, OSError) as error:
        raise UserError(f"{file}: not a readable picture ({error})") from error
