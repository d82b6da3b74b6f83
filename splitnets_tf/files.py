"""Files that are there in full or not at all, whenever the process is killed."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from splitnets_tf.errors import UserError

__all__ = ["read_json", "sha256_of_file", "write_atomically", "write_bytes", "write_json", "write_text"]


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file in the same folder, then rename it to `path`.

    The temporary name holds the process id, so that two processes never write into one file, and ends like `path`,
    since some writers choose the format by the ending.

    Args:
        path: The file; its folder is made if missing.
        write: Called with the temporary path.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".tmp-{os.getpid()}-{path.name}")
    try:
        write(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write bytes atomically."""
    write_atomically(path, lambda temporary: temporary.write_bytes(data))


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON, atomically."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def read_json(path: Path, what: str) -> dict[str, Any]:
    """Read a JSON object.

    Args:
        path: The file.
        what: What the file should be, for messages.

    Raises:
        UserError: The file is missing, is no JSON, or holds something other than an object.
    """
    try:
        value = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; expected {what}") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"{path}: not JSON ({error}); expected {what}") from error
    if not isinstance(value, dict):
        raise UserError(f"{path}: expected {what} as a JSON object, received {type(value).__name__}")
    return value


def sha256_of_file(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
