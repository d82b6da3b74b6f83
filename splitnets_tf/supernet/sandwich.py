"""Which networks one training step visits.

Source: SplitNets, section 3.1.1 and Appendix D ("5 kinds of networks") as read in the project's notes: the largest
without a split as teacher, random ones split in one phase or none, random ones with several splits, and the smallest
with one split. Where several views have to be fused, all of them have one split.
"""

import dataclasses

import numpy as np

from splitnets_tf.space import Architecture, SearchSpace, random_split, sample, sample_multi_split
from splitnets_tf.supernet.settings import SandwichSettings

__all__ = ["sandwich_vectors"]


def sandwich_vectors(space: SearchSpace, settings: SandwichSettings, *, seed: int, step: int) -> np.ndarray:
    """The value vectors of one step; a function of seed and step, so that a resumed run draws the same.

    Returns:
        int32 `[settings.networks, space.vector_length]`: the largest first, the smallest last.
    """
    rng = np.random.default_rng([seed, step])
    networks = [_fused_anywhere(space, space.largest(), rng)]
    for _ in range(settings.random):
        with_split = rng.integers(len(space.phases) + 1) > 0
        networks.append(sample(space, rng, split=bool(with_split)))
    networks += [sample_multi_split(space, rng) for _ in range(settings.multi_split)]
    smallest = space.smallest()
    networks.append(dataclasses.replace(smallest, splits=(random_split(space, smallest, rng),)))
    return np.stack([space.encode(network) for network in networks])


def _fused_anywhere(space: SearchSpace, largest: Architecture, rng: np.random.Generator) -> Architecture:
    """The teacher: without a split, or where views have to be fused, at a random place with all the channels it has.

    Its place is drawn anew in each step, so that every splitting module and every block, on the sensor and on the
    aggregator, learns from the labels.
    """
    if space.views == 1:
        return largest
    split = dataclasses.replace(random_split(space, largest, rng), width=space.split_widths[-1])
    return dataclasses.replace(largest, splits=(split,))
