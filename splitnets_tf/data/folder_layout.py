"""Finds the classes, splits and files of a folder of class folders, without opening a file."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

from splitnets_tf.data.source import Split
from splitnets_tf.errors import UserError

__all__ = ["FolderLayout", "read_layout", "read_mesh_layout"]

_LOGGER = logging.getLogger(__name__)

_SPLIT_FOLDERS: dict[str, Split] = {"train": "train", "val": "validation", "validation": "validation", "test": "test"}
_EXPECTED = "expected DIR/<class>/<file> or DIR/{train,val,test}/<class>/<file>"
_MAX_DEPTH = 16


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class FolderLayout:
    """Files by class, for each split that the folder itself names."""

    class_names: tuple[str, ...]
    """Sorted class names."""
    files: dict[Split | None, tuple[tuple[Path, ...], ...]]
    """For each split folder, the sorted files of each class; the key None means: not divided yet."""


def read_layout(directory: Path) -> FolderLayout:
    """Lists a folder of class folders.

    Hidden files and folders are left out, folders below a class folder belong to that class, and symbolic links are
    followed once. `train` counts as a split folder only if it holds folders, so a class may be called `train`.

    Args:
        directory: The folder.

    Returns:
        Its classes and files.

    Raises:
        UserError: Missing, no class folders, fewer than two classes, an empty class, or splits that disagree.
    """
    folders = _top_folders(directory)
    split_folders = _split_folders(directory, folders)
    if not split_folders:
        return _layout(directory, {None: {folder.name: folder for folder in folders}})
    ignored = [folder.name for folder in folders if folder not in split_folders.values()]
    if ignored:
        _LOGGER.warning("%s: ignored beside the split folders: %s", directory, ", ".join(ignored))
    roots = split_folders.items()
    return _layout(directory, {split: {folder.name: folder for folder in _subfolders(root)} for split, root in roots})


def read_mesh_layout(directory: Path) -> FolderLayout:
    """Lists a folder of class folders that may each be divided: DIR/<class>/{train,val,test}/<file>, as ModelNet40 is.

    Args:
        directory: The folder.

    Returns:
        Its classes and files; every other layout as `read_layout` gives it.

    Raises:
        UserError: As `read_layout`, or some classes are divided and others aren't, or differently.
    """
    folders = _top_folders(directory)
    divided = {folder.name: _divided_class(folder) for folder in folders}
    if not any(divided.values()) or _split_folders(directory, folders):
        return read_layout(directory)
    first = next(iter(divided))
    for name, found in divided.items():
        if set(found) != set(divided[first]):
            given = {
                label: ", ".join(sorted(folder.name for folder in divided[label].values())) or "none"
                for label in (first, name)
            }
            raise UserError(
                f"the classes of {directory} are divided differently: '{first}' has {given[first]}, '{name}' has "
                f"{given[name]}; give each class the same folders (train, and test or val as you like)"
            )
    if "train" not in divided[first]:
        raise UserError(f"the classes of {directory} have no 'train' folder; expected DIR/<class>/train/<file>")
    splits = divided[first]
    return _layout(directory, {split: {name: found[split] for name, found in divided.items()} for split in splits})


def _divided_class(folder: Path) -> dict[Split, Path]:
    """The split folders of a class folder; empty if it isn't divided."""
    return {_SPLIT_FOLDERS[sub.name.lower()]: sub for sub in _subfolders(folder) if sub.name.lower() in _SPLIT_FOLDERS}


def _top_folders(directory: Path) -> list[Path]:
    if not directory.is_dir():
        what = "is a file" if directory.exists() else "doesn't exist"
        raise UserError(f"the data directory {directory} {what}; {_EXPECTED}")
    folders = _subfolders(directory)
    if not folders:
        received = "only files" if any(directory.iterdir()) else "nothing"
        raise UserError(f"{directory} holds {received}; {_EXPECTED}")
    loose = sorted(path.name for path in directory.iterdir() if path.is_file() and not path.name.startswith("."))
    if loose:
        _LOGGER.warning("%s: left out %d file(s) that are in no class folder: %s", directory, len(loose), loose[0])
    return folders


def _split_folders(directory: Path, folders: list[Path]) -> dict[Split | None, Path]:
    """The folders that are splits; empty if the folders are classes."""
    found: dict[Split | None, Path] = {}
    for folder in folders:
        split = _SPLIT_FOLDERS.get(folder.name.lower())
        if split is None or not _subfolders(folder):
            continue
        if split in found:
            raise UserError(f"{directory} has both '{found[split].name}' and '{folder.name}'; keep one of them")
        found[split] = folder
    if found and "train" not in found:
        names = ", ".join(folder.name for folder in found.values())
        raise UserError(f"{directory} has split folders ({names}) but no 'train'; {_EXPECTED}")
    return found


def _layout(directory: Path, classes: dict[Split | None, dict[str, Path]]) -> FolderLayout:
    """The files below the class folders of each split."""
    names = sorted(next(iter(classes.values())) if None in classes else classes["train"])
    for split, found in classes.items():
        different = sorted(set(found) ^ set(names))
        if different:
            shown = ", ".join(different[:5])
            folder = next(iter(found.values())).parent.name if found else split
            raise UserError(f"the classes of '{folder}' and 'train' in {directory} differ in: {shown}")
    if len(names) < 2:
        raise UserError(
            f"{directory} has {len(names)} class folder ({', '.join(names)}), at least 2 are needed; {_EXPECTED}"
        )
    files: dict[Split | None, tuple[tuple[Path, ...], ...]] = {}
    for split, found in classes.items():
        files[split] = tuple(_files(found[name]) for name in names)
        for name, members in zip(names, files[split], strict=True):
            if not members:
                raise UserError(f"the class folder {found[name]} is empty; add files to it or remove it")
    return FolderLayout(class_names=tuple(names), files=files)


def _subfolders(directory: Path) -> list[Path]:
    return sorted(path for path in directory.iterdir() if path.is_dir() and not path.name.startswith("."))


def _files(directory: Path) -> tuple[Path, ...]:
    """All files below a class folder, hidden ones left out, sorted by their path below it."""
    files: list[Path] = []
    visited: set[tuple[int, int]] = set()
    waiting = [(directory, 0)]
    while waiting:
        folder, depth = waiting.pop()
        status = folder.stat()
        # A link back to a folder above would otherwise be followed for ever.
        if (status.st_dev, status.st_ino) in visited or depth > _MAX_DEPTH:
            continue
        visited.add((status.st_dev, status.st_ino))
        for path in sorted(folder.iterdir()):
            if path.name.startswith("."):
                continue
            if path.is_dir():
                waiting.append((path, depth + 1))
            else:
                files.append(path)
    return tuple(sorted(files, key=lambda path: path.relative_to(directory).as_posix()))
