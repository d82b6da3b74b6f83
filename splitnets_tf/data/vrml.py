"""Reads the VRML 2.0 subset that KiCad's component library uses into a `Mesh`.

Understood: Shape with IndexedFaceSet, Appearance and Material (diffuse colour), Group, Transform, Switch, Anchor and
Collision, DEF and USE, colours per face or per vertex. Lines, points, lights and unknown nodes are read and left out.
Files are untrusted: nothing is evaluated, nothing is fetched, and size, nesting and the number of nodes are bounded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from splitnets_tf.data.mesh import Mesh
from splitnets_tf.data.vrml_syntax import MAX_DEPTH, MAX_NODES, VrmlError, VrmlNode, parse_nodes

__all__ = ["VrmlError", "parse_vrml"]

_MAX_FACES = 2_000_000
_DEFAULT_DIFFUSE = (0.8, 0.8, 0.8)

_GROUPS = {
    "Group": "children",
    "Transform": "children",
    "Anchor": "children",
    "Collision": "children",
    "Switch": "choice",
}


def parse_vrml(text: str) -> Mesh:
    """Reads a VRML 2.0 scene as one mesh.

    Polygons become fans of triangles. Transparency, specular and emissive colours and normals are ignored.

    Args:
        text: The whole file, decoded.

    Returns:
        All face sets of the scene in one mesh, in scene order, each face with its diffuse colour.

    Raises:
        VrmlError: Not VRML 2.0, a syntax error, a limit passed, an index out of range, or no face at all.
    """
    scene = _Scene()
    for node in parse_nodes(text):
        scene.add(node, np.eye(4), depth=0)
    return scene.mesh()


class _Scene:
    """Collects the faces of the nodes that are shown."""

    def __init__(self) -> None:
        self._vertices: list[np.ndarray] = []
        self._faces: list[np.ndarray] = []
        self._colours: list[np.ndarray] = []
        self._vertex_count = 0
        self._face_count = 0
        self._visits = 0

    def add(self, node: Any, placement: np.ndarray, *, depth: int) -> None:
        """Adds what a node shows; `placement` is the 4x4 matrix from its frame to the world."""
        # USE can make a short file stand for exponentially many nodes, so visits are counted, not only parsed nodes.
        self._visits += 1
        if self._visits > MAX_NODES or depth > MAX_DEPTH:
            raise VrmlError(f"the scene shows more than {MAX_NODES} nodes or nests deeper than {MAX_DEPTH}")
        if not isinstance(node, VrmlNode):
            return
        if node.kind == "Shape":
            self._add_shape(node, placement)
            return
        if node.kind not in _GROUPS:
            return
        if node.kind == "Transform":
            placement = placement @ _transform_matrix(node)
        children = node.get(_GROUPS[node.kind], [])
        children = children if isinstance(children, list) else [children]
        if node.kind == "Switch":
            chosen = int(_floats(node, "whichChoice", (-1.0,))[0])
            children = children[chosen : chosen + 1] if chosen >= 0 else []
        for child in children:
            self.add(child, placement, depth=depth + 1)

    def mesh(self) -> Mesh:
        """All faces in one mesh."""
        if not self._faces:
            raise VrmlError("the scene shows no faces")
        try:
            return Mesh(
                vertices=np.concatenate(self._vertices),
                faces=np.concatenate(self._faces).astype(np.int32),
                colours=np.concatenate(self._colours),
            )
        except ValueError as error:
            raise VrmlError(str(error)) from error

    def _add_shape(self, shape: VrmlNode, placement: np.ndarray) -> None:
        geometry = shape.get("geometry")
        if not isinstance(geometry, VrmlNode) or geometry.kind != "IndexedFaceSet":
            return
        points = _rows(geometry.get("coord"), "point")
        index = _floats(geometry, "coordIndex", ())
        if len(points) == 0 or len(index) == 0:
            return
        triangles, polygons, corners = _triangulate(index, len(points))
        self._face_count += len(triangles)
        if self._face_count > _MAX_FACES or self._vertex_count + len(points) > 3 * _MAX_FACES:
            raise VrmlError(f"the scene shows more than {_MAX_FACES} triangles")
        if len(triangles) == 0:
            return
        placed = _place(points, placement)
        self._vertices.append(placed)
        self._faces.append(triangles + self._vertex_count)
        self._colours.append(_face_colours(shape, geometry, triangles, polygons, corners))
        self._vertex_count += len(points)


def _triangulate(index: np.ndarray, points: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fans polygons ended by -1 into triangles [t, 3]; also the polygon [t] and first list position of each [t]."""
    if not np.isfinite(index).all() or (index != np.rint(index)).any():
        raise VrmlError("coordIndex must hold whole numbers")
    index = index.astype(np.int64)
    if index.min() < -1 or index.max() >= points:
        raise VrmlError(f"coordIndex must be -1..{points - 1}, got {index.min()}..{index.max()}")
    if index[-1] != -1:
        index = np.append(index, -1)
    ends = np.flatnonzero(index == -1)
    starts = np.concatenate([[0], ends[:-1] + 1])
    fans = np.maximum(ends - starts - 2, 0)
    polygons = np.repeat(np.arange(len(ends)), fans)
    offsets = np.arange(len(polygons)) - np.repeat(np.cumsum(fans) - fans, fans)
    first = starts[polygons]
    triangles = np.stack([index[first], index[first + offsets + 1], index[first + offsets + 2]], axis=1)
    return triangles, polygons, first


def _face_colours(
    shape: VrmlNode, geometry: VrmlNode, triangles: np.ndarray, polygons: np.ndarray, corners: np.ndarray
) -> np.ndarray:
    """Diffuse colour of each triangle [t, 3]: the face set's own colours, else the material's."""
    palette = _rows(geometry.get("color"), "color")
    if len(palette):
        listed = _floats(geometry, "colorIndex", ()).astype(np.int64)
        if geometry.get("colorPerVertex", True):
            chosen = listed[corners] if len(listed) > corners.max() else triangles[:, 0]
        else:
            chosen = listed[polygons] if len(listed) > polygons.max() else polygons
        if chosen.min() < 0 or chosen.max() >= len(palette):
            raise VrmlError(f"colour indices must be 0..{len(palette) - 1}, got {chosen.min()}..{chosen.max()}")
        return np.clip(palette[chosen], 0.0, 1.0)
    appearance = shape.get("appearance")
    material = appearance.get("material") if isinstance(appearance, VrmlNode) else None
    diffuse = (
        _floats(material, "diffuseColor", _DEFAULT_DIFFUSE) if isinstance(material, VrmlNode) else _DEFAULT_DIFFUSE
    )
    if len(diffuse) != 3:
        raise VrmlError(f"diffuseColor must hold 3 numbers, got {len(diffuse)}")
    return np.tile(np.clip(np.asarray(diffuse, dtype=np.float64), 0.0, 1.0), (len(triangles), 1))


def _transform_matrix(node: VrmlNode) -> np.ndarray:
    """The 4x4 matrix of a Transform node: translation, centre, rotation, scale (ISO/IEC 14772-1, 6.52)."""
    if _floats(node, "scaleOrientation", (0.0, 0.0, 1.0, 0.0))[-1] != 0.0:
        raise VrmlError("scaleOrientation is not supported")
    values = {
        "translation": _floats(node, "translation", (0.0, 0.0, 0.0)),
        "center": _floats(node, "center", (0.0, 0.0, 0.0)),
        "scale": _floats(node, "scale", (1.0, 1.0, 1.0)),
        "rotation": _floats(node, "rotation", (0.0, 0.0, 1.0, 0.0)),
    }
    for name, numbers in values.items():
        if len(numbers) != (4 if name == "rotation" else 3) or not np.isfinite(numbers).all():
            raise VrmlError(f"{name} must hold {4 if name == 'rotation' else 3} finite numbers, got {len(numbers)}")
    matrix = np.eye(4)
    matrix[:3, :3] = _rotation(values["rotation"]) * values["scale"]
    matrix[:3, 3] = values["translation"] + values["center"] - matrix[:3, :3] @ values["center"]
    return matrix


def _rotation(axis_angle: Sequence[float] | np.ndarray) -> np.ndarray:
    """Rodrigues' formula for an axis (3 numbers) and an angle in radians."""
    axis = np.asarray(axis_angle[:3], dtype=np.float64)
    length = float(np.sqrt((axis * axis).sum()))
    if length == 0.0:
        return np.eye(3)
    x, y, z = axis / length
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    angle = float(axis_angle[3])
    return np.eye(3) + math.sin(angle) * cross + (1.0 - math.cos(angle)) * (cross @ cross)


def _place(points: np.ndarray, placement: np.ndarray) -> np.ndarray:
    if np.array_equal(placement, np.eye(4)):
        return points
    return points @ placement[:3, :3].T + placement[:3, 3]


def _floats(node: Mapping[str, Any], field: str, default: Sequence[float]) -> np.ndarray:
    value = node.get(field)
    return value if isinstance(value, np.ndarray) else np.asarray(default, dtype=np.float64)


def _rows(node: Any, field: str) -> np.ndarray:
    """The numbers of a Coordinate or Color node as rows of three."""
    numbers = _floats(node, field, ()) if isinstance(node, VrmlNode) else np.zeros(0)
    if len(numbers) % 3:
        raise VrmlError(f"'{field}' must hold triples of numbers, got {len(numbers)} numbers")
    return numbers.reshape(-1, 3)
