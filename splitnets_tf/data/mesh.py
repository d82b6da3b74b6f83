"""A triangle mesh with one colour for each face, and its normalisation to the unit sphere."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np

__all__ = ["Mesh", "fit_unit_sphere", "rotate_z"]

_SPHERE_STEPS = 500
"""Bound on the steps of the enclosing-sphere search; about ten are usual."""

_SPHERE_TOLERANCE = 1e-9
"""A point counts as inside the sphere up to this fraction of the radius."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Mesh:
    """Triangles in space; Z points up."""

    vertices: np.ndarray
    """float64 [vertices, 3]: positions."""
    faces: np.ndarray
    """int32 [faces, 3]: rows of `vertices`, three for each triangle."""
    colours: np.ndarray
    """float64 [faces, 3]: diffuse reflectance (red, green, blue) in 0..1, linear."""

    def __post_init__(self) -> None:
        """Checks shapes and ranges.

        Raises:
            ValueError: A shape is wrong, an index is out of range or a number is not finite.
        """
        for name, array in (("vertices", self.vertices), ("faces", self.faces), ("colours", self.colours)):
            if array.ndim != 2 or array.shape[1] != 3:
                raise ValueError(f"{name} must have shape [n, 3], got {array.shape}")
        if len(self.faces) == 0:
            raise ValueError("the mesh has no faces")
        if len(self.colours) != len(self.faces):
            raise ValueError(f"{len(self.faces)} faces need as many colours, got {len(self.colours)}")
        if self.faces.min() < 0 or self.faces.max() >= len(self.vertices):
            raise ValueError(
                f"faces must name vertices 0..{len(self.vertices) - 1}, got {self.faces.min()}..{self.faces.max()}"
            )
        if not np.isfinite(self.vertices).all() or not np.isfinite(self.colours).all():
            raise ValueError("vertices and colours must be finite numbers")


def fit_unit_sphere(mesh: Mesh) -> Mesh:
    """Moves and scales a mesh so that its smallest enclosing sphere becomes the unit sphere at the origin.

    Unlike the centre of the bounding box, the centre of that sphere turns with the object, so that turning an object
    by one azimuth step shifts its views by one. Only vertices that a face uses count.

    Args:
        mesh: Any mesh whose used vertices don't all coincide.

    Returns:
        The mesh with its vertices inside the unit sphere; the farthest ones touch it.

    Raises:
        ValueError: All vertices coincide.
    """
    points = mesh.vertices[np.unique(mesh.faces)]
    low = points.min(axis=0)
    extent = float((points.max(axis=0) - low).max())
    if not np.isfinite(extent) or extent <= 0.0:
        raise ValueError("the mesh has no extent: all its vertices coincide, or they are too far apart")
    centre, radius = _enclosing_sphere((points - low) / extent)
    # Rounded, so that the last bits of the small linear systems, which differ between processors, can't move a pixel.
    centre, radius = np.round(centre, 9), round(radius, 9)
    return dataclasses.replace(mesh, vertices=((mesh.vertices - low) / extent - centre) / radius)


def rotate_z(mesh: Mesh, angle_deg: float) -> Mesh:
    """Turns a mesh about the Z axis, counter-clockwise seen from above.

    Args:
        mesh: The mesh.
        angle_deg: The angle in degrees.

    Returns:
        The turned mesh.
    """
    angle = np.deg2rad(angle_deg)
    cosine, sine = float(np.cos(angle)), float(np.sin(angle))
    x, y, z = mesh.vertices.T
    return dataclasses.replace(mesh, vertices=np.stack([cosine * x - sine * y, sine * x + cosine * y, z], axis=1))


def _enclosing_sphere(points: np.ndarray) -> tuple[np.ndarray, float]:
    """The smallest sphere that holds all points [n, 3]: grows from two points by adding the farthest one outside."""
    support = points[[0, int(np.argmax(_squared_distances(points, points[0])))]]
    centre, radius, support = _small_sphere(support)
    for _ in range(_SPHERE_STEPS):
        squared = _squared_distances(points, centre)
        farthest = int(np.argmax(squared))
        if float(squared[farthest]) <= (radius * (1.0 + _SPHERE_TOLERANCE)) ** 2:
            break
        centre, radius, support = _small_sphere(np.concatenate([support, points[farthest : farthest + 1]]))
    return centre, float(np.sqrt(_squared_distances(points, centre).max()))


def _small_sphere(points: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Centre, radius and at most four touching points of the smallest sphere about at most five points [n, 3]."""
    best: tuple[np.ndarray, float, np.ndarray] | None = None
    for size in range(2, min(len(points), 4) + 1):
        for chosen in itertools.combinations(range(len(points)), size):
            subset = points[list(chosen)]
            centre = _circumcentre(subset)
            if centre is None:
                continue
            radius = float(np.sqrt(_squared_distances(subset, centre).max()))
            holds_all = _squared_distances(points, centre).max() <= (radius * (1.0 + _SPHERE_TOLERANCE / 10)) ** 2
            if holds_all and (best is None or radius < best[1]):
                best = (centre, radius, subset)
    if best is None:  # Only rounding leads here: points that (nearly) coincide or lie in a line.
        centre = (points.min(axis=0) + points.max(axis=0)) / 2
        return centre, float(np.sqrt(_squared_distances(points, centre).max())), points[-4:]
    return best


def _circumcentre(points: np.ndarray) -> np.ndarray | None:
    """The point in the affine hull of 2-4 points that is equally far from all of them; None if they are dependent."""
    edges = points[1:] - points[0]
    gram = edges @ edges.T
    if np.linalg.matrix_rank(gram) < len(edges):
        return None
    weights = np.linalg.solve(2.0 * gram, np.diag(gram))
    return points[0] + weights @ edges


def _squared_distances(points: np.ndarray, centre: np.ndarray) -> np.ndarray:
    # Column by column, not as a matrix product: BLAS rounds differently from one processor to another.
    x, y, z = points[:, 0] - centre[0], points[:, 1] - centre[1], points[:, 2] - centre[2]
    return x * x + y * y + z * z
