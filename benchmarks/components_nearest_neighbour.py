"""Pixel nearest neighbour on `components`: how far one gets without learning anything.

    python -m benchmarks.components_nearest_neighbour

Each test view takes the label of the training view with the least squared difference over all pixels. About a minute
on one core. The result stands in docs/components.md.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

from splitnets_tf.data import ImageArrays, open_source
from splitnets_tf.errors import UserError

_BLOCK = 512


def nearest_labels(train: ImageArrays, queries: np.ndarray) -> np.ndarray:
    """Labels of the nearest training images.

    Args:
        train: The images to search.
        queries: uint8 [n, size, size, 3].

    Returns:
        int32 [n].
    """
    known = train.images.reshape(len(train.images), -1).astype(np.float32)
    norms = np.einsum("ij,ij->i", known, known)
    nearest = np.empty(len(queries), np.int64)
    for start in range(0, len(queries), _BLOCK):
        block = queries[start : start + _BLOCK].reshape(-1, known.shape[1]).astype(np.float32)
        nearest[start : start + _BLOCK] = np.argmin(norms - 2.0 * (block @ known.T), axis=1)
    return train.labels[nearest]


def main(arguments: list[str] | None = None) -> int:
    """Prints the accuracy per view, per object (majority of views) and per class."""
    parser = argparse.ArgumentParser(description="Pixel nearest neighbour on a data set.")
    parser.add_argument("--data-dir", help="a folder of class folders instead of `components`")
    parser.add_argument("--split", choices=("validation", "test"), default="test")
    options = parser.parse_args(arguments)
    try:
        source = open_source(data_dir=options.data_dir)
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    held_out = source.arrays(options.split)
    predicted = nearest_labels(source.arrays("train"), held_out.images)
    correct = predicted == held_out.labels
    votes = np.zeros((len(correct) // source.views, len(source.class_names)), np.int64)
    np.add.at(votes, (np.arange(len(correct)) // source.views, predicted), 1)
    by_object = votes.argmax(axis=1) == held_out.labels[:: source.views]
    sys.stdout.write(f"{options.split}: {len(correct)} images, top-1 per view {100 * correct.mean():.1f} %, ")
    sys.stdout.write(f"per object (vote of {source.views} views) {100 * by_object.mean():.1f} %\n")
    for label, name in enumerate(source.class_names):
        sys.stdout.write(f"{name:24} {100 * correct[held_out.labels == label].mean():5.1f} %\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
