"""Which networks one training step visits.

Source: SplitNets, section 3.1.1 and Appendix D ("5 kinds of networks") as read in the project's notes: the largest
without a split as teacher, random ones split in one phase or none, random ones with several splits, and the smallest
with one split.
"""

import dataclasses

import numpy as np

from splitnets_tf.errors import UserError
from splitnets_tf.space import SearchSpace, random_split, sample, sample_multi_split

__all__ = ["SandwichSettings", "sandwich_vectors"]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SandwichSettings:
    """Counts of the kinds of networks in one step, besides the largest and the smallest."""

    random: int = 2
    """Random networks whose split is drawn from the phases and none."""
    multi_split: int = 0
    """Random networks with splitting modules in several phases."""

    def __post_init__(self) -> None:
        if self.random < 0 or self.multi_split < 0 or self.random + self.multi_split == 0:
            raise UserError(
                "a training step needs at least one random network: random and multi_split must be non-negative "
                f"and not both 0, received {self.random} and {self.multi_split}"
            )

    @property
    def networks(self) -> int:
        """Networks in one step."""
        return 2 + self.random + self.multi_split


def sandwich_vectors(space: SearchSpace, settings: SandwichSettings, *, seed: int, step: int) -> np.ndarray:
    """The value vectors of one step; a function of seed and step, so that a resumed run draws the same.

    Returns:
        int32 `[settings.networks, space.vector_length]`: the largest first, the smallest last.
    """
    rng = np.random.default_rng([seed, step])
    networks = [space.largest()]
    for _ in range(settings.random):
        with_split = rng.integers(len(space.phases) + 1) > 0
        networks.append(sample(space, rng, split=bool(with_split)))
    networks += [sample_multi_split(space, rng) for _ in range(settings.multi_split)]
    smallest = space.smallest()
    networks.append(dataclasses.replace(smallest, splits=(random_split(space, smallest, rng),)))
    return np.stack([space.encode(network) for network in networks])
