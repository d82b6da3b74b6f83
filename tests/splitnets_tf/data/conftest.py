"""Meshes with known silhouettes, and image files of every kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from splitnets_tf.data.mesh import Mesh

_CUBE_FACES = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]


def _mesh(vertices: np.ndarray, faces: list[list[int]] | np.ndarray, colour: tuple[float, float, float]) -> Mesh:
    faces = np.asarray(faces, dtype=np.int32)
    return Mesh(vertices=np.asarray(vertices, float), faces=faces, colours=np.tile(np.array(colour), (len(faces), 1)))


@pytest.fixture
def cube() -> Mesh:
    """The cube with corners at -1 and 1."""
    corners = np.array([[x, y, z] for x in (-1.0, 1.0) for y in (-1.0, 1.0) for z in (-1.0, 1.0)])
    triangles = [triangle for a, b, c, d in _CUBE_FACES for triangle in ([a, b, c], [a, c, d])]
    return _mesh(corners, triangles, (0.5, 0.5, 0.5))


@pytest.fixture
def sphere() -> Mesh:
    """A sphere of radius 3 away from the origin, as a fine grid of latitudes and longitudes."""
    rows, columns = 96, 192
    polar, azimuth = np.meshgrid(
        np.linspace(0, np.pi, rows + 1), np.arange(columns) * 2 * np.pi / columns, indexing="ij"
    )
    points = np.stack([np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)], axis=-1)
    index = np.arange((rows + 1) * columns).reshape(rows + 1, columns)
    a, b = index[:-1], np.roll(index, -1, axis=1)[:-1]
    c, d = index[1:], np.roll(index, -1, axis=1)[1:]
    faces = np.concatenate([np.stack([a, c, d], -1).reshape(-1, 3), np.stack([a, d, b], -1).reshape(-1, 3)])
    return _mesh(points.reshape(-1, 3) * 3.0 + np.array([5.0, -2.0, 7.0]), faces, (0.8, 0.2, 0.2))


@pytest.fixture
def lopsided(cube: Mesh) -> Mesh:
    """A body without any symmetry, each face in a colour of its own."""
    pieces = [cube.vertices * [1.0, 0.4, 0.2], cube.vertices * [0.2, 0.3, 0.9] + [0.8, 0.1, 0.9]]
    faces = np.concatenate([cube.faces, cube.faces + 8])
    colours = np.random.default_rng(3).uniform(0.1, 1.0, (len(faces), 3))
    return Mesh(vertices=np.concatenate(pieces), faces=faces, colours=colours)


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """Writes small PNG images: `make_folder({"cat": 5, "train/dog": 3})`; returns the folder."""

    def make(counts: dict[str, int], size: tuple[int, int] = (24, 16)) -> Path:
        directory = tmp_path / "images"
        generator = np.random.default_rng(11)
        for name, count in counts.items():
            folder = directory / name
            folder.mkdir(parents=True, exist_ok=True)
            for number in range(count):
                pixels = generator.integers(0, 256, (*size, 3)).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{number:03d}.png")
        return directory

    return make
