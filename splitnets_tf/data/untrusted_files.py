"""Reads files that a stranger may have made."""

from __future__ import annotations

import stat
from pathlib import Path

__all__ = ["UnreadableFileError", "read_regular_file"]

_MAX_FILE_BYTES = 128 * 2**20


class UnreadableFileError(Exception):
    """A file can't be used; the message says why, in one line and without the file's name."""


def read_regular_file(path: Path) -> bytes:
    """Reads a file, but only a regular one of bounded size: a pipe would block, a device never ends.

    Args:
        path: The file.

    Returns:
        Its bytes.

    Raises:
        UnreadableFileError: Not a regular file, too large, or not readable.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableFileError("not a regular file")
        if status.st_size > _MAX_FILE_BYTES:
            raise UnreadableFileError(f"{status.st_size} bytes, at most {_MAX_FILE_BYTES} are read")
        return path.read_bytes()
    except OSError as error:
        raise UnreadableFileError(error.strerror or "can't be read") from error
