"""The figures of a run as frozen records, whatever file they come from."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.report.fusion_records import Fusion

__all__ = [
    "ACCURACY_KINDS",
    "Comparison",
    "Device",
    "FrontComparison",
    "Interval",
    "Link",
    "Network",
    "Pick",
    "Quantization",
    "RunSummary",
    "System",
]

ACCURACY_KINDS = ("inherited", "fine_tuned", "trained_alone")
"""Three kinds of accuracy that never stand in one column."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A fraction with its 95 % interval."""

    value: float
    """The estimate."""
    low: float
    """Lower bound."""
    high: float
    """Upper bound."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Device:
    """One device's part of a network; a figure that nobody took is None."""

    name: str
    params: float | None = None
    macs: float | None = None
    peak_bytes: float | None = None
    weight_bytes: float | None = None
    arena_bytes: float | None = None
    arena_bytes_measured: float | None = None
    tflite_bytes: float | None = None
    required_bytes: float | None = None
    npu_cycles: float | None = None
    npu_latency_ms: float | None = None
    npu_required_bytes: float | None = None
    npu_size_required_bytes: float | None = None
    npu_cpu_operations: float | None = None
    latency_ms: float | None = None
    measured_by: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """What passes between two devices."""

    bytes: float
    """Bytes of one frame from one sender."""
    latency_ms: float
    """Time for them."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Network:
    """A row of the comparison: a baseline or a chosen network."""

    method: str
    """How the place of the split was found."""
    backbone: str
    """What was split."""
    accuracy: Interval | None
    """Test accuracy of the float network."""
    accuracy_kind: str
    """One of `ACCURACY_KINDS`."""
    devices: tuple[Device, ...] = ()
    """In the order in which data passes them; empty for a network that only accuracy is compared with."""
    links: tuple[Link, ...] = ()
    """Between the devices."""
    latency_ms: float | None = None
    """From image to answer."""
    feasible: bool = True
    """Whether the system can hold it."""
    infeasible_because: str | None = None
    """The constraint that it breaks."""
    chosen: bool = False
    """Whether this run's search chose it."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Pick:
    """A further network of the front that was built like the chosen one."""

    number: float
    """Its row in search/pareto.csv, counted from 1."""
    resolution: float
    """Side of its input image in pixels."""
    split: Mapping[str, float]
    """`stride` and `channels` of the place where it is split."""
    devices: tuple[Device, ...]
    """Sensor and aggregator."""
    links: tuple[Link, ...]
    """Between them."""
    latency_ms: float
    """From image to answer."""
    supernet: Interval
    """With inherited weights, validation."""
    fine_tuned: Interval
    """Fine-tuned, float, test."""
    int8: Interval
    """Quantised, test."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Quantization:
    """How the chosen network became int8, and what that costs; a method that was not carried out is None."""

    method: str
    """`qat` or `ptq`: of the deployed files."""
    test_images: float
    """Images on which accuracies were counted."""
    measured_by: str
    """The tool that ran the files."""
    qat: Interval | None = None
    """Accuracy after quantisation-aware training."""
    qat_minus_float: Interval | None = None
    """Paired difference from the float network."""
    ptq: Interval | None = None
    """Accuracy by post-training quantisation."""
    ptq_minus_float: Interval | None = None
    """Paired difference from the float network."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """The chosen network against a baseline, paired over the same test images."""

    against: str
    """The baseline's method."""
    difference: Interval
    """Accuracy of the chosen network minus that of the baseline."""
    latency_ratio: float | None
    """Latency of the chosen network over that of the baseline."""
    holds: bool
    """Whether the claim holds."""
    claim: str | None
    """What is claimed."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class FrontComparison:
    """A baseline, and the fastest network of the front that is at least as accurate."""

    against: str
    """The baseline's method and network."""
    latency_ms: float
    """Its latency."""
    number: float | None
    """The network's row in search/pareto.csv, counted from 1; None for one that is not there."""
    front_latency_ms: float
    """The network's latency."""
    difference: Interval
    """The network's accuracy minus the baseline's, paired."""
    latency_ratio: float
    """The network's latency over the baseline's."""
    holds: bool
    """Whether it is at least as accurate in less time."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class System:
    """The devices that the costs are for."""

    name: str
    sensor_macs_per_s: float | None = None
    sensor_memory_bytes: float | None = None
    aggregator_macs_per_s: float | None = None
    bandwidth_bytes_per_s: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class RunSummary:
    """Everything that the report takes from `summary.json`."""

    dataset: str
    seed: float
    smoke: bool
    headline: str | None
    selection_rule: str | None
    data: Mapping[str, str | float]
    space_name: str | None
    space_architectures: float | None
    system: System | None
    architecture: Mapping[str, Any]
    split: Mapping[str, float]
    networks: tuple[Network, ...]
    """The baselines, then the chosen network."""
    supernet: Interval
    """Chosen network with inherited weights, validation."""
    fine_tuned: Interval
    """The same fine-tuned, float, test."""
    int8: Interval
    """The same quantised, test."""
    per_object: Mapping[str, Interval]
    """Network -> test accuracy of the vote over each object's images."""
    comparisons: tuple[Comparison, ...]
    picks: tuple[Pick, ...]
    """Further networks of the front, fastest first."""
    bit_exact_inputs: float | None
    quantization: Quantization | None
    """None for runs of older versions."""
    micro_images: float | None
    """Images that TensorFlow Lite Micro ran; None where it did not."""
    micro_identical: float | None
    """Those for which it computed what LiteRT's reference kernels do."""
    training: Mapping[str, str | float]
    stage_seconds: Mapping[str, float]
    front_comparisons: tuple[FrontComparison, ...] = ()
    """The front against every feasible baseline, where several of its networks were built."""
    fusion: "Fusion | None" = None
    """Where the views are fused; None for single images."""

    @property
    def chosen(self) -> Network:
        """The network that the search chose."""
        return self.networks[-1]

    @property
    def baselines(self) -> tuple[Network, ...]:
        """The networks that it is compared with."""
        return self.networks[:-1]
