"""Sampling, crossover and mutation of whole populations: arrays of value vectors, one row a network.

Rows are distributed as what `sample`, `crossover` and `mutate` make one by one, but from other random numbers.
"""

import numpy as np
import numpy.typing as npt

from splitnets_tf.space.search_space import NO_SPLIT, SearchSpace

__all__ = ["active_blocks", "child_vectors", "sample_vectors", "split_columns"]

Ints = npt.NDArray[np.int64]


def sample_vectors(space: SearchSpace, rng: np.random.Generator, count: int) -> Ints:
    """Value vectors of random networks, distributed as those of `sample`.

    Returns:
        int64 `[count, space.vector_length]`, each with exactly one split.
    """
    genes = _random_genes(space, rng, count)
    phase = rng.integers(len(space.phases), size=count)
    width = rng.choice(np.asarray(space.split_widths, np.int64), size=count)
    return _vectors(space, genes, phase, _random_positions(space, genes, phase, rng), width)


def child_vectors(
    space: SearchSpace,
    first: npt.NDArray[np.integer],
    second: npt.NDArray[np.integer],
    rng: np.random.Generator,
    *,
    crossed: npt.NDArray[np.bool_],
    mutation_probability: float,
) -> Ints:
    """Children of n pairs of parents: crossed or a copy of the first, then mutated.

    Args:
        space: The space of the parents.
        first: int `[n, space.vector_length]`, each with exactly one split.
        second: As `first`.
        rng: Draws.
        crossed: Whether a child takes genes from both parents, bool `[n]`.
        mutation_probability: Chance that a gene is redrawn; the split's place and its width are two genes.

    Returns:
        int64 `[n, space.vector_length]`, each with exactly one split.
    """
    count, length = len(first), len(space.genes)
    fathers, mothers = np.asarray(first, np.int64), np.asarray(second, np.int64)

    def from_mother(columns: int) -> npt.NDArray[np.bool_]:
        return crossed[:, None] & (rng.random((count, columns)) < 0.5)

    def mutated(columns: int) -> npt.NDArray[np.bool_]:
        return rng.random((count, columns)) < mutation_probability

    genes = np.where(from_mother(length), mothers[:, :length], fathers[:, :length])
    genes = np.where(mutated(length), _random_genes(space, rng, count), genes)
    splits = np.where(from_mother(2)[:, [0, 0, 1]], _split_rows(space, mothers), _split_rows(space, fathers))
    phase, position, width = splits.T
    moves, widens = mutated(2).T
    phase = np.where(moves, rng.integers(len(space.phases), size=count), phase)
    position = np.where(moves, _random_positions(space, genes, phase, rng), position)
    width = np.where(widens, rng.choice(np.asarray(space.split_widths, np.int64), size=count), width)
    return _vectors(space, genes, phase, np.minimum(position, _active_in(space, genes, phase)), width)


def split_columns(space: SearchSpace, columns: Ints) -> tuple[Ints, Ints, Ints]:
    """Phase, position and width of each network's split; phase and position `NO_SPLIT` where it has none.

    Args:
        space: The space of the networks.
        columns: Value vectors transposed, int64 `[space.vector_length, n]`.

    Raises:
        ValueError: A network has several splitting modules.
    """
    positions = columns[len(space.genes) :: 2]
    split = positions != NO_SPLIT
    if (split.sum(axis=0) > 1).any():
        raise ValueError("expected at most one splitting module in each network, received several")
    has = split.any(axis=0)
    phase = np.argmax(split, axis=0)
    every = np.arange(columns.shape[1])
    width = columns[len(space.genes) + 1 :: 2][phase, every]
    return np.where(has, phase, NO_SPLIT), np.where(has, positions[phase, every], NO_SPLIT), width


def active_blocks(space: SearchSpace, depths: Ints, phase: int) -> Ints:
    """Blocks of a phase in each network; `depths` is int `[n, stages]`."""
    blocks = space.phases[phase].blocks
    total = np.zeros(len(depths), np.int64)
    for stage in sorted({stage for stage, _ in blocks}):
        first = min(block for at, block in blocks if at == stage)
        total += depths[:, stage] - first
    return total


def _random_genes(space: SearchSpace, rng: np.random.Generator, count: int) -> Ints:
    """Every gene uniform, int64 `[count, genes]`."""
    return np.stack([rng.choice(np.asarray(gene.choices, np.int64), size=count) for gene in space.genes], axis=1)


def _random_positions(space: SearchSpace, genes: Ints, phase: Ints, rng: np.random.Generator) -> Ints:
    return rng.integers(_active_in(space, genes, phase) + 1)


def _active_in(space: SearchSpace, genes: Ints, phase: Ints) -> Ints:
    """Blocks of each network's own phase."""
    depths = genes[:, 3 : len(space.genes) - 1 : 4]
    counts = np.stack([active_blocks(space, depths, each.index) for each in space.phases])
    return counts[phase, np.arange(len(genes))]


def _split_rows(space: SearchSpace, vectors: Ints) -> Ints:
    """Phase, position and width, int64 `[n, 3]`."""
    return np.stack(split_columns(space, vectors.T), axis=1)


def _vectors(space: SearchSpace, genes: Ints, phase: Ints, position: Ints, width: Ints) -> Ints:
    vectors = np.concatenate([genes, np.zeros((len(genes), 2 * len(space.phases)), np.int64)], axis=1)
    for each in space.phases:
        here = phase == each.index
        column = len(space.genes) + 2 * each.index
        vectors[:, column] = np.where(here, position, NO_SPLIT)
        vectors[:, column + 1] = np.where(here, width, space.split_widths[0])
    return vectors
