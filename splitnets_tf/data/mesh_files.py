"""Reads one untrusted mesh file: OBJ, STL, PLY and GLB by trimesh, OFF and VRML 2.0 by readers of this package.

Nothing but the file itself is opened: materials, textures and buffers in other files are not followed. OFF, OBJ, STL,
PLY and VRML are taken to have Z up, as ModelNet and KiCad do; glTF has Y up by its specification and is turned.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from splitnets_tf.data.glb_limits import check_glb
from splitnets_tf.data.mesh import Mesh
from splitnets_tf.data.off import parse_off
from splitnets_tf.data.untrusted_files import UnreadableFileError, read_regular_file
from splitnets_tf.data.vrml import VrmlError, parse_vrml

__all__ = ["MESH_SUFFIXES", "UnreadableMeshError", "load_mesh", "parse_mesh"]

MAX_FACES = 2_000_000
"""Most triangles that are read from one file."""

_MAX_COORDINATE = 1e30
"""Greatest distance from the origin along an axis; far beyond, squares overflow."""
_GREY = 0.8
"""Reflectance of what has no colour of its own; VRML's default."""
_GAMMA = 2.2
_PLY_HEADER_BYTES = 64 * 1024

_LOADER_ERRORS = (
    ValueError,
    LookupError,
    TypeError,
    NameError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    NotImplementedError,
    RecursionError,
    MemoryError,
    EOFError,
    OSError,
    struct.error,
)
"""What trimesh raises on damaged files, depending on the format."""


class UnreadableMeshError(UnreadableFileError):
    """A file holds no mesh that can be read; the message says why."""


def load_mesh(path: Path) -> Mesh:
    """Reads a mesh file; the format follows from the ending.

    Args:
        path: A file that ends like one of `MESH_SUFFIXES`.

    Returns:
        All triangles in one mesh, Z up.

    Raises:
        UnreadableFileError: Not a regular file, too large, another format, damaged, or without a visible triangle.
    """
    return parse_mesh(read_regular_file(path), path.suffix)


def parse_mesh(content: bytes, suffix: str) -> Mesh:
    """Reads the content of a mesh file; see `load_mesh`.

    Args:
        content: The file's bytes.
        suffix: The file's ending with its dot, in any case.

    Raises:
        UnreadableMeshError: Another format, damaged, too large, or without a visible triangle.
    """
    reader = _READERS.get(suffix.lower())
    if reader is None:
        raise UnreadableMeshError(f"'{suffix}' is no known mesh format; known are {', '.join(MESH_SUFFIXES)}")
    if not content:
        raise UnreadableMeshError("empty file")
    mesh = reader(content)
    used = mesh.vertices[mesh.faces]
    if np.abs(used).max() > _MAX_COORDINATE:
        raise UnreadableMeshError(f"a coordinate is beyond {_MAX_COORDINATE:g}")
    if (used.reshape(-1, 3).max(axis=0) - used.reshape(-1, 3).min(axis=0)).max() <= 0.0:
        raise UnreadableMeshError("all vertices of its faces coincide")
    return mesh


def _read_vrml(content: bytes) -> Mesh:
    try:
        return parse_vrml(content.decode("utf-8", errors="replace"))
    except VrmlError as error:
        raise UnreadableMeshError(str(error)) from error


def _read_off(content: bytes) -> Mesh:
    try:
        vertices, faces = parse_off(content)
        return _as_mesh(vertices, faces)
    except ValueError as error:
        raise UnreadableMeshError(str(error)) from error


def _read_ply(content: bytes) -> Mesh:
    header, end, _ = content[:_PLY_HEADER_BYTES].partition(b"end_header")
    if not end:
        raise UnreadableMeshError("not a PLY file, or one with a header of more than 64 KiB")
    announced = sum(map(int, re.findall(rb"^\s*element\s+\w+\s+(\d{1,18})\s*$", header, re.M)))
    if announced > 4 * MAX_FACES:
        raise UnreadableMeshError(f"the header announces {announced} elements, at most {4 * MAX_FACES} are read")
    if re.search(rb"^\s*format\s+ascii", header, re.M):
        _check_rows(content.partition(b"end_header")[2], announced)
    return _read_by_trimesh(content, "ply", gamma=_GAMMA)


def _check_rows(body: bytes, announced: int) -> None:
    found = sum(1 for line in body.splitlines() if line.strip())
    if found < announced:
        raise UnreadableMeshError(f"cut short: the header announces {announced} rows, the file has {found}")


def _read_glb(content: bytes) -> Mesh:
    try:
        check_glb(content, max_faces=MAX_FACES)
    except ValueError as error:
        raise UnreadableMeshError(str(error)) from error
    # Colours of vertices are linear in glTF; Y points up.
    mesh = _read_by_trimesh(content, "glb")
    x, y, z = mesh.vertices.T
    return Mesh(vertices=np.stack([x, -z, y], axis=1), faces=mesh.faces, colours=mesh.colours)


def _read_by_trimesh(content: bytes, kind: str, *, gamma: float = 1.0) -> Mesh:
    """Reads a file of which no other file is needed; colours of 8 bits are raised to the power of gamma."""
    import trimesh

    try:
        with np.errstate(all="ignore"):
            # Without a resolver nothing else can be opened; without processing, vertices and faces stay as they are.
            loaded = trimesh.load_mesh(io.BytesIO(content), file_type=kind, process=False, skip_materials=True)
            visual: Any = loaded.visual
            coloured = visual.kind in ("face", "vertex")
            colours = (np.asarray(visual.face_colors)[:, :3] / 255.0) ** gamma if coloured else None
            return _as_mesh(loaded.vertices, loaded.faces, colours)
    except _LOADER_ERRORS as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise UnreadableMeshError(f"no {kind.upper()} mesh, or a damaged one: {reason}") from error


def _as_mesh(vertices: np.ndarray, faces: np.ndarray, colours: np.ndarray | None = None) -> Mesh:
    if len(faces) == 0:
        raise ValueError("it has no faces")
    if len(faces) > MAX_FACES:
        raise ValueError(f"{len(faces)} faces, at most {MAX_FACES} are read")
    return Mesh(
        vertices=np.asarray(vertices, dtype=np.float64),
        faces=np.asarray(faces).astype(np.int32),
        colours=np.full((len(faces), 3), _GREY) if colours is None else colours,
    )


_READERS: dict[str, Callable[[bytes], Mesh]] = {
    ".off": _read_off,
    ".obj": lambda content: _read_by_trimesh(content, "obj", gamma=_GAMMA),
    ".stl": lambda content: _read_by_trimesh(content, "stl", gamma=_GAMMA),
    ".ply": _read_ply,
    ".glb": _read_glb,
    ".wrl": _read_vrml,
}

MESH_SUFFIXES: tuple[str, ...] = tuple(_READERS)
"""Endings of the files that are read."""
