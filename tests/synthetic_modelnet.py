"""A small ModelNet40 in the original layout: classes differ in shape, a third of the headers is malformed."""

from pathlib import Path

import numpy as np

from splitnets_tf.data.mesh_folder import MODELNET40_CLASSES

_HEADERS = ("OFF\n{} {} 0\n", "OFF{} {} 0\n", "OFF\n# made for a test\n{} {} 0\n")


def write_synthetic_modelnet(root: Path, *, classes: int = 40, train: int = 3, test: int = 1, seed: int = 0) -> Path:
    """Writes root/<class>/{train,test}/<class>_0001.off and returns root.

    A class is a frustum with a base of 3 to 7 corners, slender or flat, pointed, straight or flaring, seen upright; its
    objects differ in proportions. Every third file has the header `OFF8 12 0`.

    Args:
        root: The folder that plays ModelNet40's part.
        classes: Number of classes, the first of ModelNet40's 40 names.
        train: Train meshes of each class; at least 2, since validation is held out of them.
        test: Test meshes of each class.
        seed: Seed of the proportions.
    """
    generator = np.random.default_rng(seed)
    for label, name in enumerate(MODELNET40_CLASSES[:classes]):
        for number in range(train + test):
            folder = root / name / ("train" if number < train else "test")
            folder.mkdir(parents=True, exist_ok=True)
            header = _HEADERS[(label + number) % len(_HEADERS)]
            (folder / f"{name}_{number + 1:04d}.off").write_text(
                header.format(*_counts(label)) + _frustum(label, generator)
            )
    return root


def _corners(label: int) -> int:
    return 3 + label % 5


def _counts(label: int) -> tuple[int, int]:
    """Vertices and faces of a class's frustum."""
    return 2 * _corners(label), _corners(label) + 2


def _frustum(label: int, generator: np.random.Generator) -> str:
    corners = _corners(label)
    height = (0.3, 0.8, 2.0, 4.0)[label // 5 % 4] * generator.uniform(0.9, 1.1)
    flare = (0.2, 1.5)[label // 20 % 2] * generator.uniform(0.9, 1.1)
    angle = 2 * np.pi * np.arange(corners) / corners
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    base = np.column_stack([ring, np.zeros(corners)])
    top = np.column_stack([ring * flare, np.full(corners, height)])
    lines = [" ".join(f"{value:.5f}" for value in point) for point in np.concatenate([base, top])]
    sides = [[low, (low + 1) % corners, corners + (low + 1) % corners, corners + low] for low in range(corners)]
    for face in ([*range(corners)], [*range(corners, 2 * corners)], *sides):
        lines.append(" ".join(map(str, [len(face), *face])))
    return "\n".join(lines) + "\n"
