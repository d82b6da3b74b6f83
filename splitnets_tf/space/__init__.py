"""Search spaces as rows of data, architectures as integer genes, and what an architecture is made of."""

from splitnets_tf.space.architecture import Architecture, Split, StageChoice
from splitnets_tf.space.blueprint import (
    Block,
    Blueprint,
    ClassifierBlock,
    ConvBlock,
    MBBlock,
    PooledBlock,
    SqueezeExcite,
    blueprint,
)
from splitnets_tf.space.operators import crossover, mutate, random_split, sample, sample_multi_split
from splitnets_tf.space.population import price_population, sample_vectors
from splitnets_tf.space.presets import PRESETS, load_space, space_from_dict, space_to_dict
from splitnets_tf.space.search_space import NO_SPLIT, Gene, Phase, SearchSpace
from splitnets_tf.space.stage_row import ACTIVATIONS, GATES, SQUEEZE_BASES, StageRow
from splitnets_tf.space.to_graph import ArchitectureGraph, architecture_graph
from splitnets_tf.space.widths import squeeze_width

__all__ = [
    "ACTIVATIONS",
    "GATES",
    "NO_SPLIT",
    "PRESETS",
    "SQUEEZE_BASES",
    "Architecture",
    "ArchitectureGraph",
    "Block",
    "Blueprint",
    "ClassifierBlock",
    "ConvBlock",
    "Gene",
    "MBBlock",
    "Phase",
    "PooledBlock",
    "SearchSpace",
    "Split",
    "SqueezeExcite",
    "StageChoice",
    "StageRow",
    "architecture_graph",
    "blueprint",
    "crossover",
    "load_space",
    "mutate",
    "price_population",
    "random_split",
    "sample",
    "sample_multi_split",
    "sample_vectors",
    "space_from_dict",
    "space_to_dict",
    "squeeze_width",
]
