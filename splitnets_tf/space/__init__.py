"""Search spaces as rows of data, architectures as integer genes, and what an architecture is made of."""

from splitnets_tf.space.architecture import Architecture, Split, StageChoice
from splitnets_tf.space.blueprint import Block, Blueprint, ClassifierBlock, ConvBlock, MBBlock, blueprint
from splitnets_tf.space.operators import crossover, mutate, random_split, sample, sample_multi_split
from splitnets_tf.space.presets import PRESETS, load_space, space_from_dict, space_to_dict
from splitnets_tf.space.search_space import ACTIVATIONS, NO_SPLIT, Gene, Phase, SearchSpace, StageRow
from splitnets_tf.space.to_graph import ArchitectureGraph, architecture_graph

__all__ = [
    "ACTIVATIONS",
    "NO_SPLIT",
    "PRESETS",
    "Architecture",
    "ArchitectureGraph",
    "Block",
    "Blueprint",
    "ClassifierBlock",
    "ConvBlock",
    "Gene",
    "MBBlock",
    "Phase",
    "SearchSpace",
    "Split",
    "StageChoice",
    "StageRow",
    "architecture_graph",
    "blueprint",
    "crossover",
    "load_space",
    "mutate",
    "random_split",
    "sample",
    "sample_multi_split",
    "space_from_dict",
    "space_to_dict",
]
