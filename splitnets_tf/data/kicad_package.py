"""Reads meshes and licences out of Debian's `kicad-packages3d` package without installing it.

The package is untrusted input: its members are streamed from `dpkg-deb --fsys-tarfile`, only regular files of the
expected names and sizes are looked at, and nothing is written to disk.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fnmatch
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from splitnets_tf.errors import UserError

__all__ = [
    "LICENCE",
    "PackageFile",
    "check_package",
    "iterate_meshes",
    "licence_of",
    "parse_copyright",
    "read_copyright",
]

LICENCE = "CC-BY-SA-4.0-with-exception"
"""The licence, as debian/copyright names it, of the files that `components` may use."""

_MODELS = "usr/share/kicad/3dmodels/"
_COPYRIGHT = "usr/share/doc/kicad-packages3d/copyright"
_FOLDER_ENDING = ".3dshapes"
_MAX_MEMBER_BYTES = 64 * 2**20


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class PackageFile:
    """One mesh of the package."""

    folder: str
    """Folder without its ending `.3dshapes`, for example `Package_QFP`."""
    stem: str
    """File name without `.wrl`."""
    content: bytes
    """The file's bytes."""

    @property
    def path(self) -> str:
        """`folder.3dshapes/stem.wrl`, as debian/copyright and the manifest name it."""
        return f"{self.folder}{_FOLDER_ENDING}/{self.stem}.wrl"


def check_package(deb: Path) -> str:
    """Makes sure that a file is Debian's kicad-packages3d.

    Args:
        deb: The .deb file.

    Returns:
        The package's version.

    Raises:
        UserError: dpkg-deb or the file is missing, or the file is another package.
    """
    if shutil.which("dpkg-deb") is None:
        raise UserError("dpkg-deb was not found; it is part of dpkg: install that, or run this on Debian or Ubuntu")
    if not deb.is_file():
        raise UserError(f"{deb} is not a file; get the package with 'apt-get download kicad-packages3d'")
    command = ["dpkg-deb", "--showformat=${Package} ${Version}", "--show", str(deb)]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    name, _, version = shown.stdout.partition(" ")
    if shown.returncode != 0 or name != "kicad-packages3d":
        raise UserError(
            f"{deb} is not the Debian package kicad-packages3d; get it with 'apt-get download kicad-packages3d'"
        )
    return version


def iterate_meshes(deb: Path) -> Iterator[PackageFile]:
    """Streams the VRML meshes of the package, in the package's order.

    Args:
        deb: The .deb file.

    Yields:
        Every `.wrl` file of the library.

    Raises:
        UserError: The package is damaged or a mesh is too large.
    """
    for name, content in _members(deb, lambda name: name.startswith(_MODELS) and name.endswith(".wrl")):
        folder, _, file_name = name.removeprefix(_MODELS).partition("/")
        if folder.endswith(_FOLDER_ENDING) and "/" not in file_name:
            yield PackageFile(
                folder=folder.removesuffix(_FOLDER_ENDING), stem=file_name.removesuffix(".wrl"), content=content
            )


def read_copyright(deb: Path) -> str:
    """The text of the package's debian/copyright.

    Args:
        deb: The .deb file.

    Returns:
        The text.

    Raises:
        UserError: The package holds none.
    """
    for _, content in _members(deb, lambda name: name == _COPYRIGHT):
        return content.decode("utf-8")
    raise UserError(f"{deb} holds no {_COPYRIGHT}")


def parse_copyright(text: str) -> list[tuple[tuple[str, ...], str]]:
    """Reads the Files paragraphs of a machine-readable debian/copyright.

    Args:
        text: The file's text (https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/).

    Returns:
        (patterns, licence) of each Files paragraph, in order; later ones override earlier ones.
    """
    paragraphs = []
    for paragraph in re.split(r"\n[ \t]*\n", text):
        fields: dict[str, str] = {}
        field = ""
        for line in paragraph.splitlines():
            if line[:1] in (" ", "\t"):
                fields[field] = fields.get(field, "") + "\n" + line.strip()
            elif ":" in line:
                field, _, value = line.partition(":")
                fields[field] = value.strip()
        if "Files" in fields and "License" in fields:
            licence = fields["License"].split("\n")[0].strip()
            paragraphs.append((tuple(fields["Files"].split()), licence))
    return paragraphs


def licence_of(path: str, paragraphs: list[tuple[tuple[str, ...], str]]) -> str | None:
    """The licence of one file: that of the last paragraph with a pattern that matches.

    Args:
        path: `folder.3dshapes/stem.wrl`.
        paragraphs: As `parse_copyright` returns them.

    Returns:
        The licence's short name, or None where no pattern matches.
    """
    for patterns, licence in reversed(paragraphs):
        if any(path == pattern or fnmatch.fnmatchcase(path, pattern) for pattern in patterns):
            return licence
    return None


def _members(deb: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Yields (name without './', content) of the regular files that `wanted` accepts."""
    with _tar_stream(deb) as stream:
        try:
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                for member in archive:
                    name = member.name.removeprefix("./")
                    if not member.isreg() or not wanted(name):
                        continue
                    if member.size > _MAX_MEMBER_BYTES:
                        raise UserError(
                            f"{name} in {deb} has {member.size} bytes; at most {_MAX_MEMBER_BYTES} are read"
                        )
                    content = archive.extractfile(member)
                    if content is not None:
                        yield name, content.read()
        except tarfile.TarError as error:
            raise UserError(f"{deb} can't be unpacked ({error}); download it again") from error


@contextlib.contextmanager
def _tar_stream(deb: Path) -> Iterator[IO[bytes]]:
    """The package's files as a tar stream; the process ends with the block."""
    command = ["dpkg-deb", "--fsys-tarfile", str(deb)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            if process.stdout is None:
                raise UserError(f"dpkg-deb gave no output for {deb}")
            yield process.stdout
        finally:
            process.kill()
