"""What a run misses of its goal; it stands before everything else."""

from pipelines.report.memory_profile import MemoryProfile
from pipelines.report.records import Comparison, RunSummary
from pipelines.report.units import points_text

__all__ = ["SHORTFALL_LABEL", "shortfalls"]

SHORTFALL_LABEL = "This run falls short of its goal."
"""What precedes the headline of such a run."""
_MOST_QUANTISATION_LOSS = 0.01
_ROUNDING = 1e-9


def shortfalls(summary: RunSummary | None, memory: MemoryProfile | None = None) -> tuple[str, ...]:
    """Find what falls short of the goal.

    Args:
        summary: The run's figures.
        memory: The sensor half's memory; None leaves its check out.

    Returns:
        Sentences: claims that do not hold, an int8 loss of more than 1 point, an answer of
        TensorFlow Lite Micro that differs, operations that an NPU leaves to a CPU, a sensor half that does not fit;
        empty where everything holds.
    """
    found = []
    if summary is not None:
        found += [_failed_claim(comparison) for comparison in summary.comparisons if not comparison.holds]
        loss = summary.fine_tuned.value - summary.int8.value
        if loss > _MOST_QUANTISATION_LOSS + _ROUNDING:
            found.append(f"Quantisation to int8 costs {points_text(loss)} points, more than 1.")
        if summary.micro_images is not None and summary.micro_identical != summary.micro_images:
            found.append(
                f"TensorFlow Lite Micro computes what LiteRT's reference kernels do on {summary.micro_identical:g} of "
                f"{summary.micro_images:g} images only."
            )
        found += [
            f"An NPU leaves {device.npu_cpu_operations:g} operations of the {device.name} half to a CPU."
            for device in summary.chosen.devices
            if device.npu_cpu_operations
        ]
    if memory is not None and not memory.fits:
        found.append("Weights and arena of the sensor half do not fit into the sensor's memory.")
    return tuple(found)


def _failed_claim(comparison: Comparison) -> str:
    difference = comparison.difference
    ratio = "" if comparison.latency_ratio is None else f" at {comparison.latency_ratio:.2f} of its latency"
    claim = f"the claim “{comparison.claim}”" if comparison.claim else "the claim"
    return (
        f"Against {comparison.against} {claim} does not hold: accuracy differs by "
        f"{points_text(difference.value, signed=True)} points (95 % interval "
        f"{points_text(difference.low, signed=True)} to {points_text(difference.high, signed=True)}){ratio}."
    )
