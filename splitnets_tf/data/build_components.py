"""Regenerates the embedded data set `components` from Debian's kicad-packages3d, pixel for pixel.

    apt-get download kicad-packages3d
    python -m splitnets_tf.data.build_components --deb kicad-packages3d_6.0.10-1_all.deb --output-dir OUT

reads the frozen manifest, renders its objects (about six minutes on one core) and writes OUT/components/1.0.0.
With --select, the manifest is chosen anew (about half an hour) and written to OUT/components/manifest.csv.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from splitnets_tf.data.component_classes import classify
from splitnets_tf.data.component_files import NAME, write_tfds
from splitnets_tf.data.component_selection import Candidate, select_objects
from splitnets_tf.data.kicad_package import (
    LICENCE,
    PackageFile,
    check_package,
    iterate_meshes,
    licence_of,
    parse_copyright,
    read_copyright,
)
from splitnets_tf.data.manifest import MANIFEST_PATH, ManifestRow, format_manifest, read_manifest
from splitnets_tf.data.png import encode_png
from splitnets_tf.data.processes import run_jobs
from splitnets_tf.data.renderer import RenderSettings, render_views
from splitnets_tf.data.vrml import VrmlError, parse_vrml
from splitnets_tf.errors import UserError

__all__ = ["choose_manifest", "main", "render_file", "render_manifest"]

_LOGGER = logging.getLogger(__name__)

_PACKAGE_VERSION = "6.0.10-1"
_SETTINGS = RenderSettings()


def render_file(content: bytes) -> np.ndarray:
    """Renders one VRML file as `components` shows it.

    Args:
        content: The file's bytes.

    Returns:
        uint8 [12, 64, 64, 3].

    Raises:
        VrmlError: The file can't be read.
    """
    return render_views(parse_vrml(content.decode("utf-8", errors="replace")), _SETTINGS)


def render_manifest(
    rows: Sequence[ManifestRow], files: Iterator[PackageFile], *, processes: int = 1
) -> list[list[bytes]]:
    """Renders the objects of a manifest.

    Args:
        rows: The objects.
        files: The package's meshes, in any order.
        processes: Number of worker processes.

    Returns:
        PNG files of the views of each object, in the order of the rows.

    Raises:
        UserError: A file is missing, differs from the one the manifest was made with, or can't be read.
    """
    wanted = {row.source: (number, row) for number, row in enumerate(rows)}
    pictures: dict[int, list[bytes]] = {}

    def chosen() -> Iterator[tuple[int, bytes]]:
        for file in files:
            number, row = wanted.get(file.path, (None, None))
            if number is None or row is None:
                continue
            if hashlib.sha256(file.content).hexdigest() != row.sha256:
                raise UserError(
                    f"{file.path} differs from the file that the manifest names; use version {_PACKAGE_VERSION}"
                )
            yield number, file.content

    for number, views in map(_checked, run_jobs(_render_and_encode, chosen(), processes)):
        pictures[number] = views
        if len(pictures) % 200 == 0:
            _LOGGER.info("rendered %d of %d objects", len(pictures), len(rows))
    missing = [row.source for number, row in enumerate(rows) if number not in pictures]
    if missing:
        raise UserError(f"the package lacks {len(missing)} file(s) of the manifest, the first is {missing[0]}")
    return [pictures[number] for number in range(len(rows))]


def choose_manifest(deb: Path, *, seed: int = 0) -> tuple[ManifestRow, ...]:
    """Chooses objects and splits anew from all files of the package under the Creative Commons licence.

    Args:
        deb: The package.
        seed: Seed of the division.

    Returns:
        A manifest.

    Raises:
        UserError: The package can't be read.
    """
    paragraphs = parse_copyright(read_copyright(deb))
    candidates: list[Candidate] = []
    digests: list[str] = []
    images: list[np.ndarray] = []
    # Sorted, so that the choice doesn't depend on the order of the package; the files are small enough to hold.
    for file in sorted(iterate_meshes(deb), key=lambda file: file.path):
        found = classify(file.folder, file.stem)
        if found is None or licence_of(file.path, paragraphs) != LICENCE:
            continue
        try:
            images.append(render_file(file.content))
        except VrmlError as error:
            _LOGGER.warning("skipped %s: %s", file.path, error)
            continue
        candidates.append(Candidate(path=file.path, class_name=found[0], family=found[1]))
        digests.append(hashlib.sha256(file.content).hexdigest())
        if len(images) % 200 == 0:
            _LOGGER.info("rendered %d candidates", len(images))
    selection = select_objects(candidates, np.stack(images), seed=seed)
    return manifest_rows(
        [candidates[index] for index in selection.kept],
        [digests[index] for index in selection.kept],
        selection.splits,
    )


def manifest_rows(
    candidates: Sequence[Candidate], digests: Sequence[str], splits: Sequence[str]
) -> tuple[ManifestRow, ...]:
    """Makes a manifest of chosen candidates, in an order that mixes the classes (by a hash of the name).

    Args:
        candidates: The objects.
        digests: SHA-256 of their files.
        splits: Their splits.

    Returns:
        The rows.
    """
    rows = [
        ManifestRow(
            object=Path(candidate.path).stem,
            class_name=candidate.class_name,
            family=candidate.family,
            split=split,
            source=candidate.path,
            sha256=digest,
        )
        for candidate, digest, split in zip(candidates, digests, splits, strict=True)
    ]
    return tuple(sorted(rows, key=lambda row: hashlib.sha256(row.object.encode()).digest()))


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: Command line; None for the process's own.

    Returns:
        Exit code: 0, or 2 for wrong input.
    """
    parser = argparse.ArgumentParser(
        prog="python -m splitnets_tf.data.build_components", description="Regenerate the data set `components`."
    )
    parser.add_argument("--deb", type=Path, required=True, help="Debian package kicad-packages3d 6.0.10")
    parser.add_argument("--output-dir", type=Path, required=True, help="receives components/1.0.0")
    parser.add_argument(
        "--manifest", type=Path, default=MANIFEST_PATH, help="list of objects (default: the frozen one)"
    )
    parser.add_argument("--select", action="store_true", help="choose the objects and splits anew")
    parser.add_argument("--processes", type=int, default=1, help="processes that render (default: 1)")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        _build(options)
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


def _build(options: argparse.Namespace) -> None:
    version = check_package(options.deb)
    if version != _PACKAGE_VERSION:
        _LOGGER.warning("the data set was made from version %s, this is %s", _PACKAGE_VERSION, version)
    if options.processes < 1:
        raise UserError(f"--processes must be at least 1, got {options.processes}")
    target = options.output_dir / NAME
    target.mkdir(parents=True, exist_ok=True)
    if options.select:
        rows = choose_manifest(options.deb)
        scratch = target / ".manifest.csv"
        scratch.write_text(format_manifest(rows), encoding="utf-8")
        scratch.replace(target / "manifest.csv")
    else:
        rows = read_manifest(options.manifest)
    pictures = render_manifest(rows, iterate_meshes(options.deb), processes=options.processes)
    write_tfds(rows, pictures, options.output_dir, image_size=_SETTINGS.image_size)


def _render_and_encode(job: tuple[int, bytes]) -> tuple[int, list[bytes] | str]:
    number, content = job
    try:
        return number, [encode_png(view) for view in render_file(content)]
    except VrmlError as error:
        return number, str(error)


def _checked(result: tuple[int, list[bytes] | str]) -> tuple[int, list[bytes]]:
    number, views = result
    if isinstance(views, str):
        raise UserError(f"object {number} of the manifest can't be read: {views}")
    return number, views


if __name__ == "__main__":
    sys.exit(main())
