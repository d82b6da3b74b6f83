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
    ViewFuseBlock,
    blueprint,
)
from splitnets_tf.space.device_times import needed_shapes, reference_times, system_times
from splitnets_tf.space.enumeration import every_architecture
from splitnets_tf.space.layered_space import (
    IDENTITY,
    LAYERED_PRESETS,
    LayeredSpace,
    LayerRow,
    MixedLayer,
    OperationChoice,
    head_input,
    layered_space_from_dict,
    layered_space_to_dict,
    load_layered_space,
    mixed_layers,
    space_assignment,
)
from splitnets_tf.space.operation_times import (
    OperationShape,
    OperationTimes,
    TimeModel,
    cross_validated_ms,
    operation_shape,
    read_operation_times,
    write_operation_times,
)
from splitnets_tf.space.operators import crossover, mutate, random_split, sample, sample_multi_split
from splitnets_tf.space.placed_network import (
    DevicePart,
    PlacedNetwork,
    head_blocks_of,
    placed_graph,
    placed_network,
    stem_of,
)
from splitnets_tf.space.population import price_population
from splitnets_tf.space.presets import PRESETS, load_space, space_from_dict, space_to_dict
from splitnets_tf.space.search_space import NO_SPLIT, Gene, Phase, SearchSpace
from splitnets_tf.space.stage_row import ACTIVATIONS, GATES, SQUEEZE_BASES, VIEW_FUSIONS, StageRow
from splitnets_tf.space.to_graph import ArchitectureGraph, architecture_graph
from splitnets_tf.space.vector_operators import child_vectors, sample_vectors
from splitnets_tf.space.widths import squeeze_width

__all__ = [
    "ACTIVATIONS",
    "GATES",
    "IDENTITY",
    "LAYERED_PRESETS",
    "NO_SPLIT",
    "PRESETS",
    "SQUEEZE_BASES",
    "VIEW_FUSIONS",
    "Architecture",
    "ArchitectureGraph",
    "Block",
    "Blueprint",
    "ClassifierBlock",
    "ConvBlock",
    "DevicePart",
    "Gene",
    "LayerRow",
    "LayeredSpace",
    "MBBlock",
    "MixedLayer",
    "OperationChoice",
    "OperationShape",
    "OperationTimes",
    "Phase",
    "PlacedNetwork",
    "PooledBlock",
    "SearchSpace",
    "Split",
    "SqueezeExcite",
    "StageChoice",
    "StageRow",
    "TimeModel",
    "ViewFuseBlock",
    "architecture_graph",
    "blueprint",
    "child_vectors",
    "cross_validated_ms",
    "crossover",
    "every_architecture",
    "head_blocks_of",
    "head_input",
    "layered_space_from_dict",
    "layered_space_to_dict",
    "load_layered_space",
    "load_space",
    "mixed_layers",
    "mutate",
    "needed_shapes",
    "operation_shape",
    "placed_graph",
    "placed_network",
    "price_population",
    "random_split",
    "read_operation_times",
    "reference_times",
    "sample",
    "sample_multi_split",
    "sample_vectors",
    "space_assignment",
    "space_from_dict",
    "space_to_dict",
    "squeeze_width",
    "stem_of",
    "system_times",
    "write_operation_times",
]
