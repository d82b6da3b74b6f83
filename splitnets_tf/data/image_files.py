"""Decodes one untrusted image file into a small square RGB image."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

from splitnets_tf.data.untrusted_files import UnreadableFileError

__all__ = ["UnreadableImageError", "decode_image"]

_FORMATS = ("JPEG", "PNG", "BMP", "GIF")
_MAX_PIXELS = 64_000_000
_DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    zlib.error,
    struct.error,
)
"""What Pillow's decoders raise on damaged files, depending on the format."""


class UnreadableImageError(UnreadableFileError):
    """A file is no image that can be read; the message says why."""


def decode_image(content: bytes, image_size: int) -> np.ndarray:
    """Decodes an image, turns it upright, crops the largest centred square and scales that.

    Scaling filters over the whole area that a pixel covers (antialiased). 16-bit samples are scaled to 8 bits,
    transparency is laid over white, of an animation the first frame counts.

    Args:
        content: A JPEG, PNG, BMP or GIF file.
        image_size: Height and width of the result in pixels.

    Returns:
        uint8 [image_size, image_size, 3].

    Raises:
        UnreadableImageError: Another format, damaged, truncated or too large.
    """
    if not content:
        raise UnreadableImageError("empty file")
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as picture:
            width, height = picture.size
            if width * height > _MAX_PIXELS:
                raise UnreadableImageError(f"{width}x{height} pixels, at most {_MAX_PIXELS} are decoded")
            if picture.format == "JPEG":
                picture.draft(None, (2 * image_size, 2 * image_size))
            upright = ImageOps.exif_transpose(picture)
            square = ImageOps.fit(_to_rgb(upright), (image_size, image_size), Image.Resampling.BILINEAR)
            return np.asarray(square, dtype=np.uint8)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadableImageError("far too many pixels") from error
    except Image.UnidentifiedImageError as error:
        raise UnreadableImageError("not a JPEG, PNG, BMP or GIF image") from error
    except _DECODER_ERRORS as error:
        raise UnreadableImageError(f"damaged: {' '.join(str(error).split())[:120]}") from error


def _to_rgb(picture: Image.Image) -> Image.Image:
    """A Pillow image of any mode as RGB."""
    if picture.mode.startswith("I"):
        values = np.asarray(picture).astype(np.int64)
        return Image.fromarray(np.clip(values // 257, 0, 255).astype(np.uint8)).convert("RGB")
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, (255, 255, 255, 255)), layer).convert("RGB")
    return picture.convert("RGB")
