"""Searching with the split at one place: every architecture is moved there before it is priced."""

import dataclasses

from splitnets_tf.space import Architecture, SearchSpace

__all__ = ["place_split"]


def place_split(space: SearchSpace, architecture: Architecture, phase: int, position: int) -> Architecture:
    """The architecture split at a given place, deepened where the place would lie behind its last block.

    Args:
        space: The space of the architecture.
        architecture: One with exactly one split, whose width stays.
        phase: Phase of the split.
        position: Blocks of the phase before the split.

    Raises:
        ValueError: The space has no such place.
    """
    depths = [choice.depth for choice in architecture.stages]
    deepest = [row.depths[-1] for row in space.stages]
    if (phase, position) not in space.split_choices(deepest):
        raise ValueError(f"space {space.name} cannot be split in phase {phase} behind block {position}")
    for stage, _ in space.phases[phase].blocks:
        while space.phases[phase].active_blocks(depths) < position and depths[stage] < deepest[stage]:
            depths[stage] = min(depth for depth in space.stages[stage].depths if depth > depths[stage])
    stages = tuple(
        dataclasses.replace(choice, depth=depth) for choice, depth in zip(architecture.stages, depths, strict=True)
    )
    splits = tuple(dataclasses.replace(split, phase=phase, position=position) for split in architecture.splits)
    return dataclasses.replace(architecture, stages=stages, splits=splits)
