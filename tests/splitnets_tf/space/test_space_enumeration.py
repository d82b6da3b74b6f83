"""Every architecture of a small space, once."""

import dataclasses

import pytest

from benchmarks.synthetic_problem import SPACE, TINY_SPACE
from splitnets_tf.space import every_architecture


@pytest.mark.parametrize(
    "space", [TINY_SPACE, dataclasses.replace(SPACE, resolutions=(32,), stem_widths=(8,), split_last_phase=True)]
)
def test_every_architecture_comes_once_and_is_of_the_space(space):
    architectures = list(every_architecture(space))
    assert len(architectures) == len(set(architectures)) == space.count(with_none=False)
    for architecture in architectures:
        space.check(architecture)
        assert architecture.is_split
    assert architectures == list(every_architecture(space))
