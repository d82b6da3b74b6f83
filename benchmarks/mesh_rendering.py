"""How many meshes a second and core are read, rendered from 12 sides at 224 pixels and stored.

    python -m benchmarks.mesh_rendering

Prints the processor time of each step for a closed mesh of 10 000 faces, written as OFF. Expected on one idle core:
about 4.6 meshes a second in all; fewer than 4 end with exit code 1. Takes about five seconds.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from splitnets_tf.data.mesh_files import load_mesh
from splitnets_tf.data.renderer import RenderSettings, render_views
from splitnets_tf.data.view_cache import ViewCache

_ROWS, _COLUMNS = 51, 100
_WANTED_PER_S = 4.0


def write_bumpy_sphere(path: Path, phase: float) -> None:
    """Writes a closed mesh of 10 000 faces whose surface hides parts of itself."""
    polar, azimuth = np.meshgrid(
        np.linspace(0.01, np.pi - 0.01, _ROWS), np.arange(_COLUMNS) * 2 * np.pi / _COLUMNS, indexing="ij"
    )
    radius = 1.0 + 0.2 * np.sin(5 * polar + phase) * np.cos(4 * azimuth)
    axes = (np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar))
    points = np.stack([radius * axis for axis in axes], axis=-1).reshape(-1, 3)
    index = np.arange(_ROWS * _COLUMNS).reshape(_ROWS, _COLUMNS)
    a, b = index[:-1], np.roll(index, -1, axis=1)[:-1]
    c, d = index[1:], np.roll(index, -1, axis=1)[1:]
    faces = np.concatenate([np.stack([a, c, d], -1).reshape(-1, 3), np.stack([a, d, b], -1).reshape(-1, 3)])
    lines = [f"OFF{len(points)} {len(faces)} 0", *(f"{x:.6f} {y:.6f} {z:.6f}" for x, y, z in points.tolist())]
    lines += [f"3 {i} {j} {k}" for i, j, k in faces.tolist()]
    path.write_text("\n".join(lines) + "\n")


def _seconds(step: Callable[[], object], repeats: int) -> float:
    """The least processor time of a step: others on the machine can only add to it."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        step()
        times.append(time.process_time() - start)
    return min(times)


def main(arguments: list[str] | None = None) -> int:
    """Prints processor times; the whole way from the file to the cache decides the exit code."""
    parser = argparse.ArgumentParser(description="Meshes read, rendered and stored a second and core.")
    parser.add_argument("--image-size", type=int, default=224, help="height and width of the views in pixels")
    parser.add_argument("--repeats", type=int, default=8, metavar="N", help="meshes of which the fastest counts")
    options = parser.parse_args(arguments)
    settings = RenderSettings(image_size=options.image_size)
    with tempfile.TemporaryDirectory() as scratch:
        paths = [Path(scratch) / f"{number}.off" for number in range(options.repeats)]
        for number, path in enumerate(paths):
            write_bumpy_sphere(path, 0.1 * number)
        mesh = load_mesh(paths[0])
        cache, waiting = ViewCache(Path(scratch) / "cache", settings), iter(paths)
        seconds = {
            "reading": _seconds(lambda: load_mesh(paths[0]), options.repeats),
            "rendering": _seconds(lambda: render_views(mesh, settings), options.repeats),
            "file to cache": _seconds(lambda: cache.prepare([next(waiting)], processes=1), options.repeats),
        }
    for step, taken in seconds.items():
        sys.stdout.write(f"{step}: {1000 * taken:.0f} ms for {len(mesh.faces)} faces, {1 / taken:.1f} a second\n")
    return 0 if 1 / seconds["file to cache"] >= _WANTED_PER_S else 1


if __name__ == "__main__":
    sys.exit(main())
