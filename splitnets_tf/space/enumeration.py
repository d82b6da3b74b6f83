"""All architectures of a space, for spaces that are small enough."""

import itertools
from collections.abc import Iterator

from splitnets_tf.space.architecture import Architecture, Split, StageChoice
from splitnets_tf.space.search_space import SearchSpace

__all__ = ["every_architecture"]


def every_architecture(space: SearchSpace) -> Iterator[Architecture]:
    """Every architecture with exactly one split, each once, in an order that only the space decides.

    Their number is `space.count(with_none=False)`.
    """
    rows = [
        [
            StageChoice(width=width, depth=depth, kernel=kernel, expansion=expansion)
            for width, depth, kernel, expansion in itertools.product(
                row.widths, row.depths, row.kernels, row.expansions
            )
        ]
        for row in space.stages
    ]
    for resolution, stem, head in itertools.product(space.resolutions, space.stem_widths, space.head_widths):
        for stages in itertools.product(*rows):
            for phase, position in space.split_choices([choice.depth for choice in stages]):
                for width in space.split_widths:
                    yield Architecture(
                        resolution=resolution,
                        stem_width=stem,
                        stages=stages,
                        head_width=head,
                        splits=(Split(phase=phase, position=position, width=width),),
                    )
