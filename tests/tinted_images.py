"""A folder of class folders that the smallest network can learn: noise with a tint."""

from pathlib import Path

import numpy as np
from PIL import Image


def write_tinted_classes(directory: Path, size: int, count: int) -> None:
    """Three classes of `count` square images each; the class is the colour channel that is brighter."""
    rng = np.random.default_rng(0)
    for label in range(3):
        (directory / str(label)).mkdir(parents=True)
        for index in range(count):
            pixels = rng.integers(0, 120, (size, size, 3))
            pixels[:, :, label] += 100
            Image.fromarray(pixels.astype(np.uint8)).save(directory / str(label) / f"{index}.png")
