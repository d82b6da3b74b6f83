"""Renders a mesh from a ring of cameras with a z-buffer in NumPy, the same to the pixel on every machine.

Orthographic cameras look at the unit sphere that encloses the object, from azimuths `360 / views` degrees apart and one
elevation. Each view has one directional light, at its camera; faces are lit from both sides (|n . l|), because CAD
exports don't orient theirs. Colours are linear until the pixels are averaged, then encoded with gamma 2.2.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import numpy as np

from splitnets_tf.data.mesh import Mesh, fit_unit_sphere

__all__ = ["RenderSettings", "render_views"]

_MARGIN = 0.98
"""Radius of the unit sphere in half image widths: leaves a rim of background."""

_DEPTH_STEPS = 2**20
"""Steps of depth for one unit; faces closer than that count as coplanar and the first in the file wins."""

_BLOCK = 2**14
"""Rows or pixels handled at a time: the arrays of one block stay in a processor's cache."""

_GAMMA_TABLE = np.array([math.floor(255 * (i / 65535) ** (1 / 2.2) + 0.5) for i in range(65536)], dtype=np.uint8)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class RenderSettings:
    """How objects are looked at."""

    image_size: int = 64
    """Height and width of an image in pixels."""
    views: int = 12
    """Number of cameras on the ring; view k looks from azimuth 360 / views * k degrees."""
    elevation_deg: float = 30.0
    """Height of the cameras above the horizon."""
    supersampling: int = 2
    """Samples for each pixel along each axis."""
    floor: float = 0.04
    """Least reflectance: without it, black plastic would vanish on the black background."""

    def __post_init__(self) -> None:
        """Checks the ranges.

        Raises:
            ValueError: A setting is out of range.
        """
        if not 1 <= self.image_size <= 4096 or not 1 <= self.supersampling <= 8:
            raise ValueError(
                f"image_size must be 1..4096 and supersampling 1..8, got {self.image_size}, {self.supersampling}"
            )
        if self.views < 1 or not -90.0 <= self.elevation_deg <= 90.0 or not 0.0 <= self.floor <= 1.0:
            raise ValueError(
                "views must be at least 1, elevation_deg within -90..90 and floor within 0..1, "
                f"got {self.views}, {self.elevation_deg}, {self.floor}"
            )


def render_views(mesh: Mesh, settings: RenderSettings | None = None) -> np.ndarray:
    """Renders one object from all cameras.

    Args:
        mesh: The object; Z points up. It is scaled to the unit sphere first.
        settings: Cameras and image size; None for the defaults.

    Returns:
        uint8 [views, image_size, image_size, 3], sRGB-like (gamma 2.2) on black.

    Raises:
        ValueError: The mesh has no extent.
    """
    settings = settings or RenderSettings()
    mesh = fit_unit_sphere(mesh)
    normals = _face_normals(mesh)
    reflectance = np.maximum(mesh.colours, settings.floor).T
    # What has no colours of its own is grey: then one channel is worked out and repeated.
    channels = 1 if (reflectance == reflectance[0]).all() else 3
    images = np.empty((settings.views, settings.image_size, settings.image_size, 3), np.uint8)
    for view in range(settings.views):
        right, up, towards = _camera_axes(360.0 / settings.views * view, settings.elevation_deg)
        faces = _visible_faces(mesh, right, up, towards, settings.image_size * settings.supersampling)
        shade = np.maximum(np.abs(_dot(normals, towards)), settings.floor)
        palette = np.append(reflectance[:channels] * shade, np.zeros((channels, 1)), axis=1)
        for channel in range(channels):
            images[view, :, :, channel] = _resolve(palette[channel].take(faces), settings)
    if channels == 1:
        images[..., 1:] = images[..., :1]
    return images


def _camera_axes(azimuth_deg: float, elevation_deg: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors to the right, up and towards the camera. Rounded: the last bits of sine differ between libraries."""
    azimuth, elevation = math.radians(azimuth_deg), math.radians(elevation_deg)
    cos_a, sin_a = round(math.cos(azimuth), 12), round(math.sin(azimuth), 12)
    cos_e, sin_e = round(math.cos(elevation), 12), round(math.sin(elevation), 12)
    right = np.array([-sin_a, cos_a, 0.0])
    up = np.array([-sin_e * cos_a, -sin_e * sin_a, cos_e])
    towards = np.array([cos_e * cos_a, cos_e * sin_a, sin_e])
    return right, up, towards


def _dot(points: np.ndarray, axis: np.ndarray) -> np.ndarray:
    # Not a matrix product: BLAS rounds differently from one processor to another.
    return points[:, 0] * axis[0] + points[:, 1] * axis[1] + points[:, 2] * axis[2]


def _face_normals(mesh: Mesh) -> np.ndarray:
    """Unit normals [faces, 3]; zero for faces without area."""
    a, b, c = (mesh.vertices[mesh.faces[:, corner]] for corner in range(3))
    u, v = (b - a).T, (c - a).T
    normals = np.stack([u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]], axis=1)
    length = np.sqrt(normals[:, 0] ** 2 + normals[:, 1] ** 2 + normals[:, 2] ** 2)
    return normals / np.where(length > 0.0, length, 1.0)[:, None]


def _visible_faces(mesh: Mesh, right: np.ndarray, up: np.ndarray, towards: np.ndarray, size: int) -> np.ndarray:
    """The nearest face at the centre of each sample, int [size, size]; -1 where there is none."""
    scale = _MARGIN * size / 2
    x = _dot(mesh.vertices, right) * scale + size / 2
    y = size / 2 - _dot(mesh.vertices, up) * scale
    triangles = _Triangles.sort(x[mesh.faces], y[mesh.faces], _dot(mesh.vertices, towards)[mesh.faces])
    # One number orders samples by depth, then by face: the greatest is the nearest, the first in the file.
    nearest = np.zeros(size * size, np.int64)
    face_bits = len(mesh.faces).bit_length()
    rank = np.arange(len(mesh.faces), 0, -1)
    for face, row in _expand(_clip(triangles.y[:, 0], size), _clip(triangles.y[:, 2], size)):
        left, right_end = triangles.span(face, row + 0.5)
        along_y, row_start = triangles.rise(face, row + 0.5), row * size
        for span, column in _expand(_clip(left, size), _clip(right_end, size)):
            owner = face.take(span)
            depth = triangles.depth(owner, column + 0.5, along_y.take(span))
            level = ((depth + 2.0) * _DEPTH_STEPS).astype(np.int64)
            np.maximum.at(nearest, row_start.take(span) + column, (level << face_bits) + rank.take(owner))
    found = nearest & ((1 << face_bits) - 1)
    return np.where(found > 0, len(mesh.faces) - found, -1).reshape(size, size)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Triangles:
    """Projected triangles, the corners of each sorted from top to bottom."""

    x: np.ndarray
    y: np.ndarray
    slopes: np.ndarray
    """dx/dy of the edges 0-1, 1-2 and 0-2 [n, 3]; 0 where an edge is level, for it crosses no row."""
    gradient_x: np.ndarray
    """dz/dx [n]; 0 for triangles seen edge-on."""
    gradient_y: np.ndarray
    """dz/dy [n]."""
    top: tuple[np.ndarray, np.ndarray, np.ndarray]
    """x, y and depth of the top corner, [n] each."""
    depth_range: tuple[np.ndarray, np.ndarray]
    """Least and greatest depth of the corners, [n] each."""

    @classmethod
    def sort(cls, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> _Triangles:
        """Sorts corners [n, 3] by y and prepares slopes and gradients."""
        order = np.argsort(y, axis=1, kind="stable")
        x, y, z = (np.take_along_axis(values, order, axis=1) for values in (x, y, z))
        run = np.stack([x[:, 1] - x[:, 0], x[:, 2] - x[:, 1], x[:, 2] - x[:, 0]], axis=1)
        rise = np.stack([y[:, 1] - y[:, 0], y[:, 2] - y[:, 1], y[:, 2] - y[:, 0]], axis=1)
        slopes = run / np.where(rise > 0.0, rise, np.inf)
        lift = z[:, 1:] - z[:, :1]
        area = run[:, 0] * rise[:, 2] - run[:, 2] * rise[:, 0]
        inverse = np.where(np.abs(area) > 1e-12, 1.0, 0.0) / np.where(np.abs(area) > 1e-12, area, 1.0)
        gradient_x = (lift[:, 0] * rise[:, 2] - lift[:, 1] * rise[:, 0]) * inverse
        gradient_y = (lift[:, 1] * run[:, 0] - lift[:, 0] * run[:, 2]) * inverse
        return cls(
            x=x,
            y=y,
            slopes=slopes,
            gradient_x=gradient_x,
            gradient_y=gradient_y,
            top=(x[:, 0].copy(), y[:, 0].copy(), z[:, 0].copy()),
            depth_range=(z.min(axis=1), z.max(axis=1)),
        )

    def span(self, face: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where the lines at height y [m] enter and leave the faces [m].

        An edge is always followed from its upper end, so neighbours compute the same crossing: no gaps, no overlaps.
        """
        x0, x1, _ = self.x.take(face, axis=0).T
        y0, y1, _ = self.y.take(face, axis=0).T
        upper, lower, whole = self.slopes.take(face, axis=0).T
        long_edge = x0 + (y - y0) * whole
        short_edge = np.where(y < y1, x0 + (y - y0) * upper, x1 + (y - y1) * lower)
        return np.minimum(long_edge, short_edge), np.maximum(long_edge, short_edge)

    def rise(self, face: np.ndarray, y: np.ndarray) -> np.ndarray:
        """How much the faces' [m] depth differs at height y [m] from that of their top corners."""
        return self.gradient_y.take(face) * (y - self.top[1].take(face))

    def depth(self, face: np.ndarray, x: np.ndarray, along_y: np.ndarray) -> np.ndarray:
        """Depth of the faces [m] at x [m] where `rise` is along_y [m], kept within the corners' range."""
        top_x, _, top_z = self.top
        depth = top_z.take(face) + self.gradient_x.take(face) * (x - top_x.take(face)) + along_y
        lowest, highest = self.depth_range
        return np.minimum(np.maximum(depth, lowest.take(face)), highest.take(face))


def _clip(values: np.ndarray, size: int) -> np.ndarray:
    """The first sample whose centre is not before the value, within 0..size."""
    return np.clip(np.ceil(values - 0.5), 0, size).astype(np.int64)


def _expand(start: np.ndarray, stop: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields, in blocks, (i, value) for every whole value in start[i] <= value < stop[i]."""
    counts = np.maximum(stop - start, 0)
    kept = np.flatnonzero(counts)
    totals = np.cumsum(counts[kept])
    begin = 0
    while begin < len(kept):
        done = totals[begin - 1] if begin else 0
        end = max(int(np.searchsorted(totals, done + _BLOCK, side="right")), begin + 1)
        rows = kept[begin:end]
        owner = np.repeat(rows, counts[rows])
        offset = np.arange(len(owner)) - np.repeat(totals[begin:end] - counts[rows] - done, counts[rows])
        yield owner, start[owner] + offset
        begin = end


def _resolve(samples: np.ndarray, settings: RenderSettings) -> np.ndarray:
    """Averages linear samples [size * s, size * s] over pixels and encodes them as uint8 [size, size]."""
    step = settings.supersampling
    total = np.zeros((settings.image_size, settings.image_size))
    for row in range(step):
        for column in range(step):
            total += samples[row::step, column::step]
    return _GAMMA_TABLE.take((total * (65535.0 / step**2) + 0.5).astype(np.int64))
