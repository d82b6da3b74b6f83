"""Files that are there in full or not at all, whenever the process is killed."""

from pathlib import Path

__all__ = ["write_text"]


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text to a temporary file in the same folder and rename it.

    Args:
        path: The file; its folder exists. An older file of this name is replaced.
        text: The whole content.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text, "utf-8")
    temporary.replace(path)
