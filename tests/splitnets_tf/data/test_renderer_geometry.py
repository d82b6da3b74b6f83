"""The renderer against analytical silhouettes, known light and turned objects."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from splitnets_tf.data.mesh import Mesh, fit_unit_sphere, rotate_z
from splitnets_tf.data.renderer import RenderSettings, render_views

_LARGE = RenderSettings(image_size=400, supersampling=1)
_RADIUS_PIXELS = 0.98 * 200


def _covered_area(image: np.ndarray) -> int:
    return int((image.max(axis=-1) > 0).sum())


def test_silhouette_of_a_sphere_is_a_disc(sphere: Mesh) -> None:
    for image in render_views(sphere, dataclasses.replace(_LARGE, views=4)):
        assert _covered_area(image) == pytest.approx(math.pi * _RADIUS_PIXELS**2, rel=0.01)
        rows, columns = np.nonzero(image.max(axis=-1))
        assert rows.mean() == pytest.approx(199.5, abs=0.5)
        assert columns.mean() == pytest.approx(199.5, abs=0.5)


@pytest.mark.parametrize("elevation_deg", [0.0, 30.0, 90.0])
def test_silhouette_of_a_cube_has_the_projected_area(cube: Mesh, elevation_deg: float) -> None:
    images = render_views(cube, dataclasses.replace(_LARGE, elevation_deg=elevation_deg))
    # The shadow of a convex body with face areas A and normals n towards d is half the sum of A |n . d|.
    edge = 2.0 / math.sqrt(3.0) * _RADIUS_PIXELS
    for view, image in enumerate(images):
        azimuth, elevation = math.radians(30.0 * view), math.radians(elevation_deg)
        towards = (
            math.cos(elevation) * math.cos(azimuth),
            math.cos(elevation) * math.sin(azimuth),
            math.sin(elevation),
        )
        assert _covered_area(image) == pytest.approx(edge**2 * sum(map(abs, towards)), rel=0.01)


def test_turning_the_object_by_one_step_shifts_the_views_by_one(lopsided: Mesh) -> None:
    settings = RenderSettings(image_size=96)
    still = render_views(lopsided, settings).astype(int)
    turned = render_views(rotate_z(lopsided, 30.0), settings).astype(int)
    difference = np.abs(np.roll(turned, -1, axis=0) - still)
    # A sample at an edge may fall to the other side by rounding; nothing else may change.
    assert (difference.max(axis=-1) > 2).mean() < 1e-3
    assert np.abs(turned - still).mean() > 5.0


def test_scale_and_position_do_not_matter(lopsided: Mesh) -> None:
    moved = dataclasses.replace(lopsided, vertices=lopsided.vertices * 4.0 + np.array([8.0, -16.0, 2.0]))
    difference = np.abs(render_views(moved).astype(int) - render_views(lopsided).astype(int))
    assert (difference.max(axis=-1) > 2).mean() < 1e-3


def test_a_face_towards_the_camera_has_its_colour_and_a_tilted_one_is_darker() -> None:
    square = np.array([[0.0, -1.0, -1.0], [0.0, 1.0, -1.0], [0.0, 1.0, 1.0], [0.0, -1.0, 1.0]])
    faces = np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int32)
    mesh = Mesh(vertices=square, faces=faces, colours=np.tile([1.0, 0.25, 0.0], (2, 1)))
    images = render_views(mesh, RenderSettings(elevation_deg=0.0, image_size=33))
    expected = [round(255 * value ** (1 / 2.2)) for value in (1.0, 0.25, 0.04)]
    np.testing.assert_array_equal(images[0, 16, 16], expected)
    # From behind (view 6) the same, from 60 degrees (view 2) half as bright in linear light.
    np.testing.assert_array_equal(images[6, 16, 16], expected)
    np.testing.assert_array_equal(images[2, 16, 16], [round(255 * (v / 2) ** (1 / 2.2)) for v in (1.0, 0.25, 0.04)])


def test_the_nearer_face_hides_the_farther() -> None:
    square = np.array([[0.0, -1.0, -1.0], [0.0, 1.0, -1.0], [0.0, 1.0, 1.0], [0.0, -1.0, 1.0]])
    vertices = np.concatenate([square, square + np.array([0.5, 0.0, 0.0])])
    faces = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]], dtype=np.int32)
    colours = np.array([[1.0, 0.0, 0.0]] * 2 + [[0.0, 1.0, 0.0]] * 2)
    images = render_views(Mesh(vertices=vertices, faces=faces, colours=colours), RenderSettings(elevation_deg=0.0))
    red_in_front, green_in_front = images[6, 32, 32], images[0, 32, 32]
    assert green_in_front[1] > 200 > 100 > green_in_front[0]
    assert red_in_front[0] > 200 > 100 > red_in_front[1]


def test_neighbouring_triangles_leave_no_gaps_and_match_brute_force() -> None:
    generator = np.random.default_rng(5)
    points = generator.uniform(-1.0, 1.0, (40, 3))
    faces = generator.integers(0, 40, (60, 3)).astype(np.int32)
    faces = faces[(faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 0] != faces[:, 2])]
    mesh = Mesh(vertices=points, faces=faces, colours=generator.uniform(0.2, 1.0, (len(faces), 3)))
    image = render_views(mesh, RenderSettings(image_size=48, views=1, elevation_deg=90.0, supersampling=1))[0]
    expected = _brute_force_from_above(fit_unit_sphere(mesh), 48)
    assert (np.abs(image.astype(int) - expected).max(axis=-1) > 1).sum() <= 2


def _brute_force_from_above(mesh: Mesh, size: int) -> np.ndarray:
    """Sample by sample with barycentric coordinates, seen from above with X towards the lower edge."""
    image = np.zeros((size, size, 3))
    nearest = np.full((size, size), -np.inf)
    scale = 0.98 * size / 2
    centres = np.arange(size) + 0.5
    x, y = np.meshgrid((centres - size / 2) / scale, (size / 2 - centres) / scale)
    for face, colour in zip(mesh.faces, mesh.colours, strict=True):
        corners = mesh.vertices[face]
        # Right is +Y and up is -X for the camera at azimuth 0 that looks straight down.
        u, v, depth = corners[:, 1], -corners[:, 0], corners[:, 2]
        area = (u[1] - u[0]) * (v[2] - v[0]) - (u[2] - u[0]) * (v[1] - v[0])
        b = ((x - u[0]) * (v[2] - v[0]) - (u[2] - u[0]) * (y - v[0])) / area
        c = ((u[1] - u[0]) * (y - v[0]) - (x - u[0]) * (v[1] - v[0])) / area
        inside = (b >= 0) & (c >= 0) & (b + c <= 1)
        height = depth[0] + b * (depth[1] - depth[0]) + c * (depth[2] - depth[0])
        closer = inside & (height > nearest)
        normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
        shade = max(abs(normal[2]) / np.linalg.norm(normal), 0.04)
        nearest[closer] = height[closer]
        image[closer] = 255 * (np.maximum(colour, 0.04) * shade) ** (1 / 2.2)
    return np.rint(image)


def test_blocks_do_not_change_the_image(lopsided: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = render_views(lopsided)
    monkeypatch.setattr("splitnets_tf.data.renderer._BLOCK", 100)
    np.testing.assert_array_equal(render_views(lopsided), whole)


def test_a_grey_object_is_drawn_like_a_coloured_one(lopsided: Mesh) -> None:
    grey = dataclasses.replace(lopsided, colours=np.repeat(lopsided.colours[:, :1], 3, axis=1))
    # A coloured face without area is never seen, but the object is no longer grey all over.
    with_hidden_face = Mesh(
        vertices=grey.vertices,
        faces=np.append(grey.faces, [[0, 0, 0]], axis=0).astype(np.int32),
        colours=np.append(grey.colours, [[1.0, 0.0, 0.0]], axis=0),
    )
    images = render_views(grey)
    np.testing.assert_array_equal(images, render_views(with_hidden_face))
    assert len(np.unique(images)) > 20


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(3, 60))
def test_the_enclosing_sphere_is_the_smallest(seed: int, count: int) -> None:
    generator = np.random.default_rng(seed)
    points = generator.normal(size=(count, 3)) * generator.uniform(0.1, 5.0, 3)
    faces = np.arange(count - count % 3, dtype=np.int32).reshape(-1, 3)
    mesh = Mesh(vertices=points, faces=faces, colours=np.ones((len(faces), 3)))
    used = fit_unit_sphere(mesh).vertices[: faces.size]
    length = np.linalg.norm(used, axis=1)
    assert length.max() == pytest.approx(1.0, abs=1e-6)
    # Smallest means: moving the centre any way makes some touching point farther.
    touching = used[length > 1.0 - 1e-6]
    directions = generator.normal(size=(300, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    assert ((touching @ directions.T).min(axis=0) <= 1e-5).all()


@pytest.mark.parametrize("change", [{"image_size": 0}, {"views": 0}, {"elevation_deg": 91.0}, {"supersampling": 9}])
def test_settings_out_of_range_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        RenderSettings(**change)


def test_a_mesh_without_extent_is_refused() -> None:
    point = Mesh(vertices=np.ones((3, 3)), faces=np.array([[0, 1, 2]], dtype=np.int32), colours=np.ones((1, 3)))
    with pytest.raises(ValueError, match="no extent"):
        render_views(point)
