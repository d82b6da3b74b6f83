"""A memory profile for people: a table in the terminal and a plot."""

from pathlib import Path
from typing import Any

from splitnets_tf.errors import UserError
from splitnets_tf.files import write_atomically
from tflite_export.model_memory import MemoryProfile
from tflite_export.terminal import console

__all__ = ["draw_profile", "plot_profile", "print_profile"]

_FORMATS = (".png", ".svg", ".pdf")
_FAR = 4
"""A limit so many times above what is needed is named and not drawn."""


def print_profile(profile: MemoryProfile) -> None:
    """Print table and summary to standard output."""
    from rich.table import Table

    table = Table(title=f"Memory of {profile.model} (bytes)")
    for heading in ("operation", "kind"):
        table.add_column(heading, overflow="fold")
    for heading in ("weights", "live", "total"):
        table.add_column(heading, justify="right")
    for row in profile.operations:
        style = "bold" if row is profile.peak else None
        if profile.limit_bytes is not None and row.total_bytes > profile.limit_bytes:
            style = "bold red" if row is profile.peak else "red"
        numbers = (f"{value:,}" for value in (row.weight_bytes, row.live_bytes, row.total_bytes))
        table.add_row(row.operation, row.kind, *numbers, style=style)
    out = console()
    out.print(table)
    for line in _summary(profile):
        out.print(line)


def _summary(profile: MemoryProfile) -> list[str]:
    peak = profile.peak
    alive = ", ".join(f"{t.name} {'x'.join(map(str, t.shape))} ({t.bytes:,})" for t in peak.tensors)
    lines = [
        f"Peak: {peak.live_bytes:,} bytes of activations at {peak.operation} ({peak.kind}); alive: {alive}",
        f"Arena head: {profile.arena_bytes:,} bytes as planned (splitnets_tf planner)",
    ]
    micro = profile.micro_arena
    if micro is None:
        lines.append(f"Arena as TensorFlow Lite Micro allocates it: {profile.micro_note}")
    else:
        agreement = "equal to the plan" if micro.head_bytes == profile.arena_bytes else "DIFFERS from the plan"
        lines.append(
            f"Arena as TensorFlow Lite Micro allocates it: head {micro.head_bytes:,} ({agreement}), "
            f"tail {micro.tail_bytes:,} bytes"
        )
    lines += _npu_lines(profile)
    lines.append(
        f"Weights {profile.weight_bytes:,} + arena head {profile.required_bytes - profile.weight_bytes:,} = "
        f"{profile.required_bytes:,} bytes"
    )
    if profile.limit_bytes is not None:
        spare = profile.limit_bytes - profile.required_bytes
        verdict = f"fits, {spare:,} bytes to spare" if profile.fits else f"DOES NOT FIT, {-spare:,} bytes too many"
        lines.append(f"Limit {profile.limit_bytes:,} bytes: {verdict}")
    return lines


def _npu_lines(profile: MemoryProfile) -> list[str]:
    npu = profile.npu_memory
    if npu is None:
        return [f"Memory on an Ethos-U as Vela plans it: {profile.npu_note}"]
    lines = []
    for goal, sram, flash, required in (
        ("speed", npu.sram_bytes, npu.flash_bytes, npu.required_bytes),
        ("size", npu.size_sram_bytes, npu.size_flash_bytes, npu.size_required_bytes),
    ):
        line = f"Vela, {npu.npu}, for {goal}: SRAM {sram:,} + constants {flash:,} = {required:,} bytes"
        if profile.limit_bytes is not None:
            line += ", within the limit" if required <= profile.limit_bytes else ", OVER THE LIMIT"
        lines.append(line)
    if npu.cpu_operations:
        lines.append(f"Vela leaves {npu.cpu_operations} operations to the CPU; their memory is not in its figures")
    return lines


def plot_profile(profile: MemoryProfile, path: Path) -> None:
    """Draw weights and live activations of each operation with the limit line.

    Args:
        profile: What to draw.
        path: A .png, .svg or .pdf file.

    Raises:
        UserError: The file name has another ending.
    """
    if path.suffix.lower() not in _FORMATS:
        raise UserError(f"{path}: cannot draw a {path.suffix or 'file without ending'}; give one of {list(_FORMATS)}")
    figure = draw_profile(profile)
    write_atomically(path, lambda temporary: figure.savefig(temporary, format=path.suffix[1:].lower(), dpi=120))


def draw_profile(profile: MemoryProfile) -> Any:
    """The plot as a matplotlib figure of its own; no global state is touched.

    Above weights and activations together with the limit, below the activations alone: beside the weights of a whole
    network, or a limit far away, their differences would not be seen.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(max(7.0, 0.28 * len(profile.operations) + 2.5), 6.5), layout="constrained")
    total, live = figure.subplots(2, 1, sharex=True)
    _draw_total(total, profile)
    _draw_live(live, profile)
    # Names come out of files of any origin: a dollar in them begins no formula.
    figure.suptitle(f"{profile.model}: peak at {profile.peak.operation}", parse_math=False)
    for axes in (total, live):
        axes.margins(x=0.01)
        axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    figure.supylabel("kB (1 kB = 1000 bytes)", fontsize=10)
    return figure


def _draw_total(axes: Any, profile: MemoryProfile) -> None:
    rows, weights = profile.operations, profile.weight_bytes / 1e3
    required = profile.required_bytes / 1e3
    axes.bar(range(len(rows)), [weights] * len(rows), color="#9aa5b1", label="weights (all)")
    axes.bar(range(len(rows)), _live_kilobytes(profile), bottom=weights, color=_colours(profile))
    axes.axhline(required, color="#444444", linewidth=1, linestyle=":", label=f"weights + arena, {required:,.1f}")
    if profile.limit_bytes is not None:
        limit = profile.limit_bytes / 1e3
        if limit <= _FAR * required:
            axes.axhline(limit, color="#d1495b", linewidth=1.5, linestyle="--", label=f"limit, {limit:,.1f}")
        else:
            axes.plot([], [], color="#d1495b", linestyle="--", label=f"limit, {limit:,.1f}:\nfar above")
    axes.set_title("weights and live activations", fontsize=10)


def _draw_live(axes: Any, profile: MemoryProfile) -> None:
    rows, arena = profile.operations, (profile.required_bytes - profile.weight_bytes) / 1e3
    axes.bar(range(len(rows)), _live_kilobytes(profile), color="#2e86ab", label="live activations")
    axes.bar([rows.index(profile.peak)], [profile.peak.live_bytes / 1e3], color="#d1495b", label="peak")
    axes.axhline(arena, color="#444444", linewidth=1, linestyle=":", label=f"arena, {arena:,.1f}")
    axes.set_title("live activations alone", fontsize=10)
    axes.set_xticks(range(len(rows)), [row.operation for row in rows], rotation=90, fontsize=7, parse_math=False)


def _live_kilobytes(profile: MemoryProfile) -> list[float]:
    return [row.live_bytes / 1e3 for row in profile.operations]


def _colours(profile: MemoryProfile) -> list[str]:
    return ["#d1495b" if row is profile.peak else "#2e86ab" for row in profile.operations]
