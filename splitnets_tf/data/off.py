"""Reads OFF files, those of ModelNet with a malformed header too.

trimesh's reader fails where triangles and larger polygons are mixed, takes a file that was cut short for another shape,
and needs four times as long; an eighth of a second counts when thousands of meshes are read.
"""

from __future__ import annotations

import itertools
import re

import numpy as np

__all__ = ["parse_off"]

_COMMENT = re.compile(rb"#[^\r\n]*")
_HEADER = re.compile(rb"\s*C?OFF\s*(\d{1,18})[ \t]+(\d{1,18})[^\r\n]*")


def parse_off(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Reads vertices and faces; polygons become fans of triangles, colours are left out.

    Args:
        content: A text file: `OFF`, the numbers of vertices and faces (on the same line too, even without a blank
            between them), then a line for each vertex and each face. Blank lines and comments don't count.

    Returns:
        float64 [vertices, 3] and int64 [triangles, 3].

    Raises:
        ValueError: Something else; the message says what, in one line.
    """
    text = _COMMENT.sub(b"", content)
    header = _HEADER.match(text)
    if header is None:
        raise ValueError("an OFF file begins with OFF and the numbers of vertices and faces")
    vertex_count, face_count = int(header[1]), int(header[2])
    rows = [row for row in text[header.end() :].splitlines() if row.strip()]
    if len(rows) < vertex_count + face_count:
        raise ValueError(f"cut short: the header announces {vertex_count + face_count} rows, the file has {len(rows)}")
    vertices = _numbers(rows[:vertex_count], "vertices")
    if vertices.size % max(vertex_count, 1) or vertices.size < 3 * vertex_count:
        raise ValueError("a vertex has fewer or more numbers than the others")
    faces = _triangles(rows[vertex_count : vertex_count + face_count])
    if len(faces) and (faces.min() < 0 or faces.max() >= vertex_count):
        raise ValueError(f"faces name vertices {faces.min()}..{faces.max()}, there are {vertex_count}")
    return vertices.reshape(vertex_count, -1)[:, :3], faces


def _numbers(rows: list[bytes], what: str) -> np.ndarray:
    try:
        return np.array(b" ".join(rows).split(), dtype=np.float64)
    except ValueError as error:
        raise ValueError(f"the {what} hold something other than numbers") from error


def _triangles(rows: list[bytes]) -> np.ndarray:
    """Fans of the polygons, int64 [triangles, 3]; a row holds the number of corners, the corners, perhaps a colour."""
    numbers = _numbers(rows, "faces")
    if len(numbers) == 4 * len(rows) and (numbers[::4] == 3).all():
        corners = numbers.reshape(-1, 4)[:, 1:]
    else:
        fans: list[tuple[float, float, float]] = []
        for row in rows:
            count, *polygon = map(float, row.split())
            if not 0 <= count <= len(polygon):
                raise ValueError(f"a face announces {count:g} corners and has {len(polygon)}")
            corner_pairs = itertools.pairwise(polygon[1 : int(count)])
            fans.extend((polygon[0], left, right) for left, right in corner_pairs)
        corners = np.array(fans, dtype=np.float64).reshape(-1, 3)
    if not (np.isfinite(corners).all() and (corners == np.rint(corners)).all() and (np.abs(corners) < 2**53).all()):
        raise ValueError("corners of faces must be whole numbers")
    return corners.astype(np.int64)
