"""Tables of details: devices, memory, blocks, times, named values."""

from collections.abc import Mapping, Sequence

from pipelines.report.drawn_blocks import DrawnBlock
from pipelines.report.memory_profile import MemoryProfile
from pipelines.report.page import Cell, Column, Row, Table
from pipelines.report.records import Device, Interval, Quantization
from pipelines.report.units import (
    NOTHING,
    TIMES,
    bytes_text,
    count_text,
    integer_text,
    interval_text,
    ms_text,
    points_text,
    seconds_text,
)

__all__ = [
    "blocks_table",
    "device_table",
    "key_value_table",
    "memory_table",
    "operations_table",
    "quantization_table",
    "seconds_table",
]

_EMPTY = Cell(NOTHING, tone="muted")


def device_table(devices: Sequence[Device]) -> Table:
    """Show each figure of each device's half with who took it."""
    figures = (
        ("params", "Parameters", count_text),
        ("macs", "Multiply-accumulates", count_text),
        ("peak_bytes", "Peak memory, the paper's", bytes_text),
        ("weight_bytes", "Weights in the int8 file", bytes_text),
        ("arena_bytes", "Arena, planned", bytes_text),
        ("arena_bytes_measured", "Arena, measured", bytes_text),
        ("required_bytes", "Weights + arena", bytes_text),
        ("npu_required_bytes", "On an NPU: activations + constants", bytes_text),
        ("npu_size_required_bytes", "The same, compiled for size", bytes_text),
        ("npu_cpu_operations", "Operations that it leaves to a CPU", integer_text),
        ("npu_cycles", "Cycles", integer_text),
        ("npu_latency_ms", "Latency on the NPU", ms_text),
        ("tflite_bytes", "Size of the .tflite file", bytes_text),
        ("latency_ms", "Latency", ms_text),
    )
    rows = []
    for key, title, text in figures:
        values = [getattr(device, key) for device in devices]
        if all(value is None for value in values):
            continue
        sources = list(dict.fromkeys(d.measured_by[key] for d in devices if key in d.measured_by))
        cells = [Cell(title), *(Cell(text(value)) for value in values), Cell(", ".join(sources) or NOTHING)]
        rows.append(Row(cells=tuple(cells)))
    columns = (
        Column(title="Figure", number=False),
        *(Column(title=device.name) for device in devices),
        Column(title="Taken by", number=False),
    )
    return Table(caption="The chosen network's parts, and who took each figure.", columns=columns, rows=tuple(rows))


def quantization_table(quantization: Quantization, fine_tuned: Interval) -> Table:
    """Show the accuracy of the float network and of both ways to int8."""
    rows = [Row(cells=(Cell("fine-tuned, float"), _accuracy(fine_tuned), _EMPTY))]
    for method, name in (("ptq", "int8, post-training quantisation"), ("qat", "int8, quantisation-aware training")):
        value, difference = getattr(quantization, method), getattr(quantization, f"{method}_minus_float")
        deployed = method == quantization.method
        if value is None or difference is None:
            rows.append(Row(cells=(Cell(name), Cell("not carried out", tone="muted"), _EMPTY)))
            continue
        change = Cell(
            points_text(difference.value, signed=True),
            detail=interval_text(difference.low, difference.high, signed=True),
        )
        label = Cell(name, detail="the deployed files" if deployed else "")
        rows.append(Row(cells=(label, _accuracy(value), change), strong=deployed))
    return Table(
        caption=f"The chosen network's test accuracy before and after quantisation, on {quantization.test_images:g} "
        f"images; int8 measured by {quantization.measured_by}.",
        columns=(
            Column(title="Form", number=False),
            Column(title="Test accuracy (%)"),
            Column(title="Minus float (points)"),
        ),
        rows=tuple(rows),
    )


def _accuracy(value: Interval) -> Cell:
    return Cell(points_text(value.value), detail=interval_text(value.low, value.high))


def memory_table(profile: MemoryProfile) -> Table:
    """Show weights, planned and measured arena of the sensor half against the limit."""
    measured = profile.arena_bytes_measured
    rows = [
        ("Weights", profile.weight_bytes),
        ("Arena, planned", profile.arena_bytes),
        ("Arena, measured by TensorFlow Lite Micro", measured),
        ("Weights + planned arena", profile.weight_bytes + profile.arena_bytes),
        ("Weights + measured arena", None if measured is None else profile.weight_bytes + measured),
        ("Limit of the device", profile.limit_bytes),
    ]
    verdict = Cell("yes", tone="good") if profile.fits else Cell("no", tone="bad")
    rows_besides = [("Bookkeeping of TensorFlow Lite Micro, besides", profile.bookkeeping_bytes)]
    return Table(
        caption="Memory of the sensor half as an int8 file.",
        columns=(Column(title="Figure", number=False), Column(title="Memory"), Column(title="Bytes")),
        rows=(
            *(_bytes_row(name, value) for name, value in rows),
            Row(cells=(Cell("Fits?"), verdict, _EMPTY), strong=True),
            *(_bytes_row(name, value) for name, value in rows_besides if value is not None),
        ),
    )


def operations_table(profile: MemoryProfile) -> Table:
    """Show the memory profile as figures."""
    peak = profile.peak
    words = [Column(title=title, number=False) for title in ("Operation", "Kind")]
    figures = [Column(title=title) for title in ("Own weights (B)", "Live activations (B)", "All weights + live (B)")]
    return Table(
        caption="Bytes held while each operation of the sensor half runs.",
        columns=(*words, *figures, Column(title="Alive", number=False)),
        rows=tuple(
            Row(
                cells=(
                    Cell(row.operation),
                    Cell(row.kind),
                    Cell(integer_text(row.weight_bytes)),
                    Cell(integer_text(row.live_bytes)),
                    Cell(integer_text(row.total_bytes)),
                    Cell(", ".join(row.tensors) or NOTHING),
                ),
                strong=row is peak,
            )
            for row in profile.rows
        ),
        folded=True,
    )


def blocks_table(blocks: Sequence[DrawnBlock], device_names: Sequence[str]) -> Table:
    """Spell the drawing of a network out."""
    words = {"mb": "inverted residual", "conv": "convolution", "reduce": "Conv-Reduce", "recover": "Conv-Recover"}
    rows = []
    for block in blocks:
        device = device_names[block.device] if block.device < len(device_names) else str(block.device + 1)
        rows.append(
            Row(
                cells=(
                    Cell(block.name),
                    Cell(words.get(block.shape, block.shape)),
                    Cell(device),
                    Cell(f"{block.in_channels} → {block.out_channels}"),
                    Cell(NOTHING if block.kernel is None else f"{block.kernel}{TIMES}{block.kernel}"),
                    Cell(str(block.stride)),
                    Cell(NOTHING if block.expansion is None else str(block.expansion)),
                    Cell("yes" if block.residual else NOTHING),
                    Cell(f"{block.side_pixels}²"),
                )
            )
        )
    words_columns = [Column(title=title, number=False) for title in ("Block", "Kind", "Device")]
    figure_columns = [
        Column(title=title) for title in ("Channels", "Kernel", "Stride", "Expansion", "Shortcut", "Output side")
    ]
    return Table(
        caption="The drawn network, block by block.",
        columns=(*words_columns, *figure_columns),
        rows=tuple(rows),
        folded=True,
    )


def seconds_table(seconds: Mapping[str, float]) -> Table:
    """Show the wall time of each stage and their sum."""
    rows = [Row(cells=(Cell(name), Cell(seconds_text(value)))) for name, value in seconds.items()]
    rows.append(Row(cells=(Cell("together"), Cell(seconds_text(sum(seconds.values())))), strong=True))
    return Table(
        caption="Wall time of each stage, resumed runs included.",
        columns=(Column(title="Stage", number=False), Column(title="Time")),
        rows=tuple(rows),
    )


def key_value_table(caption: str, values: Mapping[str, str], *, folded: bool = False) -> Table:
    """Show named values."""
    return Table(
        caption=caption,
        columns=(Column(title="Name", number=False), Column(title="Value", number=False)),
        rows=tuple(Row(cells=(Cell(name), Cell(value))) for name, value in values.items()),
        folded=folded,
    )


def _bytes_row(name: str, value: float | None) -> Row:
    exactly = NOTHING if value is None else integer_text(value)
    return Row(cells=(Cell(name), Cell(bytes_text(value)), Cell(exactly)))
