"""A picture of what a network will see: one object of each class, from all sides."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from splitnets_tf.data.source import DataSource, Split
from splitnets_tf.errors import UserError
from splitnets_tf.files import write_atomically

__all__ = ["contact_sheet", "write_contact_sheet"]

_TILE = 64
_NAME_WIDTH = 150
_GAP = 2
_GREY = 90
_LETTERS = 23
"""As many fit beside the views."""


def contact_sheet(source: DataSource, *, split: Split = "train", rows: int = 40) -> np.ndarray:
    """Puts the views of one object of each class side by side.

    Args:
        source: Objects seen from several sides.
        split: Where the objects are taken from; the middle one of each class.
        rows: Most classes that are shown, evenly spread.

    Returns:
        uint8 [height, width, 3]: a row for each class with its name, the object's name and views of 64 pixels.

    Raises:
        UserError: The source has one view an object.
    """
    if source.views == 1:
        raise UserError(
            f"{source.name} has one image for each object; a contact sheet shows objects from several sides"
        )
    labels = source.object_labels(split)
    shown = np.unique(np.linspace(0, len(source.class_names) - 1, min(rows, len(source.class_names))).astype(int))
    members = [np.flatnonzero(labels == label) for label in shown]
    chosen = np.array([group[len(group) // 2] for group in members if len(group)])
    arrays = source.view_rows(split, chosen)
    names = np.array(source.object_names(split))[chosen]
    size = (_NAME_WIDTH + source.views * (_TILE + _GAP), len(chosen) * (_TILE + _GAP))
    sheet = Image.new("RGB", size, (_GREY, _GREY, _GREY))
    draw = ImageDraw.Draw(sheet)
    for row, (views, label, name) in enumerate(zip(arrays.images, arrays.labels, names, strict=True)):
        top = row * (_TILE + _GAP)
        draw.text((4, top + 16), source.class_names[label][:_LETTERS], fill="white")
        draw.text((4, top + 34), str(name)[:_LETTERS], fill="lightgrey")
        for column, view in enumerate(views):
            tile = Image.fromarray(view).resize((_TILE, _TILE), Image.Resampling.BOX)
            sheet.paste(tile, (_NAME_WIDTH + column * (_TILE + _GAP), top))
    return np.asarray(sheet)


def write_contact_sheet(source: DataSource, path: Path, *, split: Split = "train") -> None:
    """Writes a contact sheet as a PNG file; see `contact_sheet`."""
    picture = Image.fromarray(contact_sheet(source, split=split))
    write_atomically(path, lambda temporary: picture.save(temporary, "PNG"))
