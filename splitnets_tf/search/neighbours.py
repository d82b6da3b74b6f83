"""Architectures one step away from another: the moves of the repair search."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from splitnets_tf.space import Architecture, SearchSpace

__all__ = ["neighbours"]


def neighbours(space: SearchSpace, architecture: Architecture, rng: np.random.Generator) -> Iterator[Architecture]:
    """Every architecture that differs in one gene by one candidate, or in the split, in random order.

    Args:
        space: The space of the architecture.
        architecture: One with exactly one split; a split behind the last block of a shortened phase moves with it.
        rng: Decides the order.
    """
    moves: list[tuple[str, int]] = []
    for index, gene in enumerate(space.genes):
        moves += [("gene", 2 * index), ("gene", 2 * index + 1)] if len(gene.choices) > 1 else []
    places = _places(space, architecture)
    moves += [("place", index) for index in range(len(places))]
    moves += [("width", index) for index in range(len(space.split_widths))]
    for position in rng.permutation(len(moves)):
        kind, index = moves[position]
        if kind == "gene":
            changed = _shifted(space, architecture, index // 2, 1 if index % 2 else -1)
        elif kind == "place":
            changed = _with_split(architecture, phase=places[index][0], position=places[index][1])
        else:
            changed = _with_split(architecture, width=space.split_widths[index])
        if changed is not None and changed != architecture:
            yield changed


def _places(space: SearchSpace, architecture: Architecture) -> list[tuple[int, int]]:
    return space.split_choices([choice.depth for choice in architecture.stages])


def _shifted(space: SearchSpace, architecture: Architecture, index: int, step: int) -> Architecture | None:
    gene = space.genes[index]
    vector = space.encode(architecture)
    choice = gene.choices.index(int(vector[index])) + step
    if not 0 <= choice < len(gene.choices):
        return None
    vector[index] = gene.choices[choice]
    if gene.name.endswith(".depth"):
        _clamp_split(space, vector, architecture)
    return space.decode(vector)


def _clamp_split(space: SearchSpace, vector: np.ndarray, architecture: Architecture) -> None:
    split = architecture.split
    if split is None:
        return
    depths = [int(value) for gene, value in zip(space.genes, vector, strict=False) if gene.name.endswith(".depth")]
    last = space.phases[split.phase].active_blocks(depths)
    vector[len(space.genes) + 2 * split.phase] = min(split.position, last)


def _with_split(architecture: Architecture, **changes: int) -> Architecture | None:
    split = architecture.split
    if split is None:
        return None
    return dataclasses.replace(architecture, splits=(dataclasses.replace(split, **changes),))
