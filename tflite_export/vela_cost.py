"""What Vela says of networks that nobody has trained: latency of sensor, link and aggregator for a graph and a cut."""

import dataclasses
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from splitnets_tf.hardware import Graph, System, cut, split_cost
from tflite_export.vela_report import Npu, VelaReport, npu_for, vela_reports

__all__ = ["VelaCost", "vela_costs"]

_BATCH = 16
"""Networks that one process of Vela compiles."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class VelaCost:
    """A split network on the NPUs that stand for a system."""

    sensor_ms: float
    """By Vela; 0 where nothing runs there."""
    link_ms: float
    """By the cost model: Vela knows no link."""
    aggregator_ms: float
    """By Vela; 0 where nothing runs there."""
    sensor_bytes: int
    """Activations and constants on the sensor, the smaller of Vela's plans for speed and for size."""
    aggregator_bytes: int
    """The same on the aggregator."""
    cpu_operations: int
    """Operations that an NPU leaves to a CPU; their time is in no figure."""

    @property
    def latency_ms(self) -> float:
        """Sensor, link and aggregator in sequence."""
        return self.sensor_ms + self.link_ms + self.aggregator_ms

    def fits(self, system: System) -> bool:
        """Whether both halves stay within the devices' memory."""
        limits = (system.sensor.memory_bytes, system.aggregator.memory_bytes)
        sizes = (self.sensor_bytes, self.aggregator_bytes)
        return all(limit is None or size <= limit for size, limit in zip(sizes, limits, strict=True))


def vela_costs(
    networks: Sequence[tuple[Graph, int]], system: System, on_progress: Callable[[int, int], None] | None = None
) -> list[VelaCost]:
    """Ask Vela about networks, with placeholder weights.

    Args:
        networks: Graphs as designed, and how many of their operations run on the sensor.
        system: The devices; the NPUs that stand for them get their peak speed.
        on_progress: Called with the number of networks done and in total.

    Raises:
        UserError: Vela is not installed.
        ValueError: A graph has an operation that no placeholder can be written of.
    """
    costs: list[VelaCost] = []
    npus = {role: npu_for(role, system) for role in ("sensor", "aggregator")}
    for start in range(0, len(networks), _BATCH):
        batch = networks[start : start + _BATCH]
        reports = _reports(batch, npus)
        costs += [
            _cost(graph, position, system, reports.get((index, "sensor")), reports.get((index, "aggregator")))
            for index, (graph, position) in enumerate(batch)
        ]
        if on_progress is not None:
            on_progress(len(costs), len(networks))
    return costs


def _reports(batch: Sequence[tuple[Graph, int]], npus: dict[str, Npu]) -> dict[tuple[int, str], VelaReport]:
    """(position in the batch, role) -> report, where something runs there."""
    from tflite_export.placeholder_file import placeholder_file  # the schema takes a while to load

    with tempfile.TemporaryDirectory() as folder:
        requests = {}
        for index, (graph, position) in enumerate(batch):
            for role, part in zip(npus, cut(graph, position), strict=True):
                if part is not None and part.operations:
                    path = Path(folder, f"{role}{index}.tflite")
                    path.write_bytes(placeholder_file(part))
                    requests[index, role] = (path, npus[role])
        return dict(zip(requests, vela_reports(list(requests.values())), strict=True))


def _cost(
    graph: Graph, position: int, system: System, sensor: VelaReport | None, aggregator: VelaReport | None
) -> VelaCost:
    reports = [report for report in (sensor, aggregator) if report is not None]
    return VelaCost(
        sensor_ms=sensor.latency_ms if sensor else 0.0,
        link_ms=split_cost(graph, position, system).link.latency_ms,
        aggregator_ms=aggregator.latency_ms if aggregator else 0.0,
        sensor_bytes=_least_bytes(sensor),
        aggregator_bytes=_least_bytes(aggregator),
        cpu_operations=sum(len(report.cpu_operations) for report in reports),
    )


def _least_bytes(report: VelaReport | None) -> int:
    return min(report.required_bytes, report.size_required_bytes) if report else 0
