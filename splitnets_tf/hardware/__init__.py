"""The cost model: networks as graphs, their lowerings, the devices that run them, and what that costs."""

from splitnets_tf.hardware.arena import (
    ARENA_ALIGNMENT_BYTES,
    Allocation,
    ArenaPlan,
    place_greedily,
    plan_arena,
    tensor_lifetimes,
)
from splitnets_tf.hardware.builder import GraphBuilder
from splitnets_tf.hardware.cost import (
    ChainCost,
    DeviceCost,
    LinkCost,
    SplitCost,
    chain_cost,
    device_cost,
    link_bytes,
    split_cost,
)
from splitnets_tf.hardware.cutting import crossing_tensors, cut, part, reorder
from splitnets_tf.hardware.formulas import energy_mj, feature_bytes, latency_ms, throughput_per_s, transfer_ms
from splitnets_tf.hardware.fusion import fuse_int8
from splitnets_tf.hardware.graph import (
    Graph,
    Operation,
    Tensor,
    repetitions,
    total_macs,
    total_params,
)
from splitnets_tf.hardware.memory import (
    LiveMemory,
    live_memory,
    peak_bytes,
    sram_traffic_bytes,
    weight_bytes,
    working_elements,
)
from splitnets_tf.hardware.population import (
    BlockTotals,
    PopulationBuilder,
    PopulationCost,
    PopulationPart,
    PopulationTensor,
    population_cost,
)
from splitnets_tf.hardware.system import Constant, Link, Processor, ProcessorEnergy, System, Topology
from splitnets_tf.hardware.system_yaml import load_system, system_from_text, system_presets, system_to_yaml

__all__ = [
    "ARENA_ALIGNMENT_BYTES",
    "Allocation",
    "ArenaPlan",
    "BlockTotals",
    "ChainCost",
    "Constant",
    "DeviceCost",
    "Graph",
    "GraphBuilder",
    "Link",
    "LinkCost",
    "LiveMemory",
    "Operation",
    "PopulationBuilder",
    "PopulationCost",
    "PopulationPart",
    "PopulationTensor",
    "Processor",
    "ProcessorEnergy",
    "SplitCost",
    "System",
    "Tensor",
    "Topology",
    "chain_cost",
    "crossing_tensors",
    "cut",
    "device_cost",
    "energy_mj",
    "feature_bytes",
    "fuse_int8",
    "latency_ms",
    "link_bytes",
    "live_memory",
    "load_system",
    "part",
    "peak_bytes",
    "place_greedily",
    "plan_arena",
    "population_cost",
    "reorder",
    "repetitions",
    "split_cost",
    "sram_traffic_bytes",
    "system_from_text",
    "system_presets",
    "system_to_yaml",
    "tensor_lifetimes",
    "throughput_per_s",
    "total_macs",
    "total_params",
    "transfer_ms",
    "weight_bytes",
    "working_elements",
]
