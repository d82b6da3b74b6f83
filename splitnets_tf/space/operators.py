"""Sampling, mutation and crossover on architectures.

Every operator takes its random generator and returns an architecture of the space: a split that a change of depth
has left behind the last block of its phase moves to that last block.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from splitnets_tf.space.architecture import Architecture, Split, StageChoice
from splitnets_tf.space.search_space import SearchSpace

__all__ = ["crossover", "mutate", "random_split", "sample", "sample_multi_split"]


def sample(space: SearchSpace, rng: np.random.Generator, *, split: bool = True) -> Architecture:
    """A network with every gene uniform; with `split`, cut at a block boundary drawn phase first.

    Drawing the phase first gives every resolution the same chance, whatever its number of blocks. Several views have to
    be fused somewhere, so that their networks are always split.
    """
    values = {gene.name: int(rng.choice(gene.choices)) for gene in space.genes}
    architecture = _from_values(space, values, ())
    split = split or space.views > 1
    return _with_split(architecture, random_split(space, architecture, rng)) if split else architecture


def random_split(space: SearchSpace, architecture: Architecture, rng: np.random.Generator) -> Split:
    """A uniform phase, a uniform M within it and a uniform d."""
    phase = space.phases[int(rng.integers(len(space.phases)))]
    return _split_in_phase(space, architecture, phase.index, rng)


def sample_multi_split(
    space: SearchSpace, rng: np.random.Generator, architecture: Architecture | None = None
) -> Architecture:
    """A network with splitting modules in at least two phases (one where the space has a single phase).

    Several views are fused once, so that their networks have one splitting module.

    Source: SplitNets, section 3.1.1: during supernet training more splitting modules may be inserted.
    """
    base = architecture if architecture is not None else sample(space, rng, split=False)
    most = len(space.phases) if space.views == 1 else 1
    count = int(rng.integers(min(2, most), most + 1))
    chosen = sorted(int(phase) for phase in rng.choice(len(space.phases), size=count, replace=False))
    splits = tuple(_split_in_phase(space, base, phase, rng) for phase in chosen)
    return dataclasses.replace(base, splits=splits)


def mutate(
    space: SearchSpace, architecture: Architecture, rng: np.random.Generator, *, probability: float = 0.2
) -> Architecture:
    """Redraw each gene with the given probability; the split's place and its width are two genes."""
    values = _values(space, architecture)
    for gene in space.genes:
        if rng.random() < probability:
            values[gene.name] = int(rng.choice(gene.choices))
    mutated = _from_values(space, values, ())
    split = architecture.split
    if split is None:
        return mutated
    if rng.random() < probability:
        split = dataclasses.replace(random_split(space, mutated, rng), width=split.width)
    if rng.random() < probability:
        split = dataclasses.replace(split, width=int(rng.choice(space.split_widths)))
    return _with_split(mutated, _repair(space, mutated, split))


def crossover(space: SearchSpace, first: Architecture, second: Architecture, rng: np.random.Generator) -> Architecture:
    """Take each gene from either parent with probability 0.5; the split's place is inherited as a whole."""
    a, b = _values(space, first), _values(space, second)
    values = {name: a[name] if rng.random() < 0.5 else b[name] for name in a}
    child = _from_values(space, values, ())
    places = [parent.split for parent in (first, second) if parent.split is not None]
    if not places:
        return child
    place = places[int(rng.integers(len(places)))]
    width = places[int(rng.integers(len(places)))].width
    return _with_split(child, _repair(space, child, dataclasses.replace(place, width=width)))


def _split_in_phase(space: SearchSpace, architecture: Architecture, phase: int, rng: np.random.Generator) -> Split:
    active = space.phases[phase].active_blocks([choice.depth for choice in architecture.stages])
    return Split(phase=phase, position=int(rng.integers(active + 1)), width=int(rng.choice(space.split_widths)))


def _repair(space: SearchSpace, architecture: Architecture, split: Split) -> Split:
    active = space.phases[split.phase].active_blocks([choice.depth for choice in architecture.stages])
    return dataclasses.replace(split, position=min(split.position, active))


def _with_split(architecture: Architecture, split: Split) -> Architecture:
    return dataclasses.replace(architecture, splits=(split,))


def _values(space: SearchSpace, architecture: Architecture) -> dict[str, int]:
    vector = space.encode(architecture)
    return {gene.name: int(value) for gene, value in zip(space.genes, vector, strict=False)}


def _from_values(space: SearchSpace, values: Mapping[str, int], splits: tuple[Split, ...]) -> Architecture:
    stages = tuple(
        StageChoice(
            width=values[f"{row.name}.width"],
            depth=values[f"{row.name}.depth"],
            kernel=values[f"{row.name}.kernel"],
            expansion=values[f"{row.name}.expansion"],
        )
        for row in space.stages
    )
    return Architecture(
        resolution=values["resolution"],
        stem_width=values["stem_width"],
        stages=stages,
        head_width=values["head_width"],
        splits=splits,
    )
