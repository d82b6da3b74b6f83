"""Results as JSON, where the user wants them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from splitnets_tf.errors import UserError
from splitnets_tf.files import write_json

__all__ = ["write_json_for_user"]


def write_json_for_user(path: Path, data: Any) -> None:
    """Writes data as JSON under a temporary name and renames it.

    Args:
        path: The file; folders that are missing are made.
        data: Dictionaries, lists, numbers and text.

    Raises:
        UserError: If the file cannot be written.
    """
    try:
        write_json(path, data)
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({error.strerror}); name a file in a folder you may write to"
        ) from error
