"""Opens folders of meshes: any folder of class folders, and ModelNet40's original folder tree."""

from __future__ import annotations

import collections
import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from splitnets_tf.data.folder_layout import FolderLayout, read_mesh_layout
from splitnets_tf.data.mesh_files import MESH_SUFFIXES
from splitnets_tf.data.mesh_source import MeshObject, MeshSource, mesh_source
from splitnets_tf.data.name_families import hold_out, name_families
from splitnets_tf.data.renderer import RenderSettings
from splitnets_tf.data.source import SPLITS, Split, check_image_size
from splitnets_tf.data.view_cache import ViewCache
from splitnets_tf.errors import UserError

__all__ = ["MODELNET40_CLASSES", "open_mesh_folder", "open_modelnet40"]

_LOGGER = logging.getLogger(__name__)

_CACHE = ".splitnets_views"
_MAX_IMAGE_SIZE = 224

MODELNET40_CLASSES: tuple[str, ...] = (
    *("airplane", "bathtub", "bed", "bench", "bookshelf", "bottle", "bowl", "car", "chair", "cone"),
    *("cup", "curtain", "desk", "door", "dresser", "flower_pot", "glass_box", "guitar", "keyboard", "lamp"),
    *("laptop", "mantel", "monitor", "night_stand", "person", "piano", "plant", "radio", "range_hood", "sink"),
    *("sofa", "stairs", "stool", "table", "tent", "toilet", "tv_stand", "vase", "wardrobe", "xbox"),
)
"""The 40 classes."""

_MODELNET40_COUNTS = {"train": 9843, "test": 2468}


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Rules:
    """How a data set differs from other folders of meshes."""

    name: str
    suffixes: tuple[str, ...]
    """Endings of the files that count."""
    shares: dict[Split, float]
    """Shares of the splits that have no folder of their own."""
    families_by_name: bool
    """Whether objects whose names differ in numbers only are one family."""
    drop_alike: bool
    """Whether one of several objects with the same views to the pixel is kept."""


_MESH_FOLDER = _Rules(
    name="mesh-folder",
    suffixes=MESH_SUFFIXES,
    shares={"validation": 0.15, "test": 0.15},
    families_by_name=True,
    drop_alike=True,
)
_MODELNET40 = _Rules(
    name="modelnet40", suffixes=(".off",), shares={"validation": 0.10}, families_by_name=False, drop_alike=False
)


def open_mesh_folder(
    directory: Path, *, image_size: int = 64, seed: int = 0, cache_dir: Path | None = None, processes: int | None = None
) -> MeshSource:
    """Opens a folder of class folders of meshes, and renders what isn't rendered yet.

    `train`, `val` and `test` folders are respected, directly under the folder or under each class; what is missing is
    held out of train by name family. A mesh that can't be read is logged by name and left out, and so is one whose
    views equal another's to the pixel.

    Args:
        directory: The folder.
        image_size: Height and width of the views in pixels, at most 224.
        seed: Seed of the division.
        cache_dir: Where the views are kept; None for `.splitnets_views` in the folder.
        processes: Processes that render; None for one a processor.

    Returns:
        The source.

    Raises:
        UserError: An unknown layout, a class without a readable mesh, or too few to divide.
    """
    return _open(directory, _MESH_FOLDER, image_size, seed, cache_dir, processes)


def open_modelnet40(
    directory: Path, *, image_size: int = 64, seed: int = 0, cache_dir: Path | None = None, processes: int | None = None
) -> MeshSource:
    """Opens ModelNet40 in its original layout, ModelNet40/<class>/{train,test}/<class>_0001.off.

    A tenth of each class's train meshes is held out for validation; the test meshes are the official ones. Missing
    classes and numbers other than 9 843 and 2 468 are logged.

    Args:
        directory: The folder `ModelNet40`, or the one that holds it.
        image_size: Height and width of the views in pixels, at most 224.
        seed: Seed of what is held out.
        cache_dir: Where the views are kept; None for `.splitnets_views` in the folder of the classes.
        processes: Processes that render; None for one a processor.

    Returns:
        The source.

    Raises:
        UserError: Another layout or other classes, or a class without a readable mesh.
    """
    inner = directory / "ModelNet40"
    return _open(inner if inner.is_dir() else directory, _MODELNET40, image_size, seed, cache_dir, processes)


def _open(
    directory: Path, rules: _Rules, image_size: int, seed: int, cache_dir: Path | None, processes: int | None
) -> MeshSource:
    check_image_size(image_size)
    if image_size > _MAX_IMAGE_SIZE:
        raise UserError(f"meshes are rendered at up to {_MAX_IMAGE_SIZE} pixels, got a request for {image_size}")
    layout = _only_meshes(read_mesh_layout(directory), directory, rules)
    if rules is _MODELNET40:
        _check_modelnet40(layout, directory)
    cache = ViewCache(cache_dir or directory / _CACHE, RenderSettings(image_size=image_size))
    objects = _readable(layout, directory, rules, cache, processes)
    if rules.drop_alike:
        objects = _drop_alike(objects)
    members = _divide(objects, layout.class_names, directory, rules, seed)
    return mesh_source(rules.name, layout.class_names, members, cache)


def _only_meshes(layout: FolderLayout, directory: Path, rules: _Rules) -> FolderLayout:
    """Leaves out other files: materials, textures, read-me files."""
    other: collections.Counter[str] = collections.Counter()
    files: dict[Split | None, tuple[tuple[Path, ...], ...]] = {}
    for split, classes in layout.files.items():
        kept = [tuple(path for path in members if path.suffix.lower() in rules.suffixes) for members in classes]
        other.update(path.suffix.lower() for members in classes for path in members)
        other.subtract(path.suffix.lower() for members in kept for path in members)
        for name, members in zip(layout.class_names, kept, strict=True):
            if not members:
                raise UserError(
                    f"class '{name}' in {directory} has no mesh{_in_split(split)}; expected files that end in "
                    f"{', '.join(rules.suffixes)}"
                )
        files[split] = tuple(kept)
    left_out = ", ".join(f"{count} '{suffix}'" for suffix, count in sorted(other.items()) if count)
    if left_out:
        _LOGGER.warning("%s: left out files that are no meshes: %s", directory, left_out)
    return FolderLayout(class_names=layout.class_names, files=files)


def _check_modelnet40(layout: FolderLayout, directory: Path) -> None:
    if set(layout.files) != {"train", "test"}:
        raise UserError(f"{directory} is not laid out as ModelNet40: expected DIR/<class>/train and DIR/<class>/test")
    strange = sorted(set(layout.class_names) - set(MODELNET40_CLASSES))
    if strange:
        raise UserError(f"ModelNet40 has no class '{strange[0]}'; open {directory} as 'mesh-folder'")
    missing = sorted(set(MODELNET40_CLASSES) - set(layout.class_names))
    if missing:
        _LOGGER.warning("%s lacks %d of ModelNet40's 40 classes: %s", directory, len(missing), ", ".join(missing))
    for split, classes in layout.files.items():
        count, expected = sum(map(len, classes)), _MODELNET40_COUNTS[str(split)]
        if count != expected:
            _LOGGER.warning("%s has %d %s meshes; ModelNet40 has %d", directory, count, split, expected)


def _readable(
    layout: FolderLayout, directory: Path, rules: _Rules, cache: ViewCache, processes: int | None
) -> dict[Split | None, list[list[MeshObject]]]:
    """Renders all files; the objects by split folder and class."""
    paths = [path for classes in layout.files.values() for members in classes for path in members]
    entries = dict(zip(paths, cache.prepare(paths, processes=processes), strict=True))
    skipped = [path for path in paths if entries[path].reason]
    for path in skipped:
        _LOGGER.warning("skipped %s: %s", path, entries[path].reason)
    if skipped:
        _LOGGER.warning("skipped %d of %d meshes in %s", len(skipped), len(paths), directory)
    objects: dict[Split | None, list[list[MeshObject]]] = {}
    for split, classes in layout.files.items():
        objects[split] = []
        for label, members in enumerate(classes):
            readable = [path for path in members if not entries[path].reason]
            names = _names(readable, directory, split)
            objects[split].append(
                [
                    MeshObject(name=name, label=label, family=name, views=entries[path])
                    for name, path in zip(names, readable, strict=True)
                ]
            )
    return objects


def _names(paths: Sequence[Path], directory: Path, split: Split | None) -> list[str]:
    """Paths below the class folder without the ending; with it where two files differ in nothing else."""
    below = [path.relative_to(directory).parts[1 if split is None else 2 :] for path in paths]
    full = ["/".join(parts) for parts in below]
    short = [name.removesuffix(path.suffix) for name, path in zip(full, paths, strict=True)]
    counts = collections.Counter(short)
    return [name if counts[name] == 1 else long for name, long in zip(short, full, strict=True)]


def _in_split(split: Split | None) -> str:
    return "" if split is None else f" in the {split} split"


def _drop_alike(objects: dict[Split | None, list[list[MeshObject]]]) -> dict[Split | None, list[list[MeshObject]]]:
    """Keeps one of each set of objects with the same views, of the test folder before validation before train."""
    seen: dict[str, MeshObject] = {}
    kept: dict[Split | None, list[list[MeshObject]]] = {}
    for split in sorted(objects, key=lambda split: -1 if split is None else -SPLITS.index(split)):
        kept[split] = []
        for members in objects[split]:
            unique = []
            for member in members:
                first = seen.setdefault(member.views.views_digest, member)
                if first is member:
                    unique.append(member)
                else:
                    _LOGGER.warning("skipped %s: looks exactly like %s", member.name, first.name)
            kept[split].append(unique)
    return {split: kept[split] for split in objects}


def _divide(
    objects: dict[Split | None, list[list[MeshObject]]],
    class_names: tuple[str, ...],
    directory: Path,
    rules: _Rules,
    seed: int,
) -> dict[Split, tuple[MeshObject, ...]]:
    """Fills the three splits, class by class, in a fixed order."""
    held_out = [split for split in SPLITS[1:] if split in rules.shares and split not in objects]
    shares = [rules.shares[split] for split in held_out]
    splits: dict[Split, list[MeshObject]] = {split: [] for split in SPLITS}
    for folder, classes in objects.items():
        for label, members in enumerate(classes):
            if not members:
                raise UserError(
                    f"class '{class_names[label]}' in {directory} has no readable mesh of its own{_in_split(folder)}"
                )
            if folder not in (None, "train"):
                splits[folder] += _with_families(members, rules, folder)
                continue
            members = _with_families(members, rules, "")
            try:
                chosen = hold_out([member.family for member in members], shares, np.random.default_rng([seed, label]))
            except ValueError as error:
                raise UserError(
                    f"class '{class_names[label]}' of {directory} has {len(members)} different mesh(es) for train and "
                    f"{' and '.join(held_out)}; at least {1 + len(shares)} are needed; add some or remove the class"
                ) from error
            for member, number in zip(members, chosen, strict=True):
                splits[held_out[number - 1] if number else "train"].append(member)
    return {split: tuple(members) for split, members in splits.items()}


def _with_families(members: list[MeshObject], rules: _Rules, part: str) -> list[MeshObject]:
    """Objects of one class with their families; what the folder itself divides stays divided."""
    names = [member.name for member in members]
    families = name_families(names) if rules.families_by_name else names
    return [
        dataclasses.replace(member, family=f"{part}/{family}") for member, family in zip(members, families, strict=True)
    ]
