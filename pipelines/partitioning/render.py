"""Shows partitions: a table, a curve of latency over the cut, JSON."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

from splitnets_tf.errors import UserError
from splitnets_tf.files import write_atomically
from splitnets_tf.hardware import Graph, System
from splitnets_tf.partition import Partition, cut_table, last_working

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["cut_curve_text", "partition_table", "plot_cuts", "result_to_dict"]

_BARS = " ▁▂▃▄▅▆▇█"
_CURVE_WIDTH = 72


def partition_table(title: str, partitions: list[Partition]) -> Table:
    """Returns one row for each method; devices are listed in the order in which data passes them."""
    table = Table(title=title)
    table.add_column("method")
    table.add_column("cut after")
    for heading in ("params", "MACs", "peak", "weights + arena", "devices ms", "sent bytes", "links ms"):
        table.add_column(heading, justify="right")
    for heading in ("latency ms", "frames/s", "mJ"):
        table.add_column(heading, justify="right")
    table.add_column("fits")
    for p in partitions:
        devices, links = p.cost.devices, p.cost.links
        table.add_row(
            p.method,
            "\n".join(name or "(image)" for name in p.cut_after),
            "\n".join(_si(d.params) for d in devices),
            "\n".join(_si(d.macs) for d in devices),
            "\n".join(_si(d.peak_bytes) + "B" for d in devices),
            "\n".join(_si(d.weight_bytes + d.arena_bytes) + "B" for d in devices),
            "\n".join(f"{d.latency_ms:.3f}" for d in devices),
            "\n".join(str(link.bytes) for link in links),
            "\n".join(f"{link.latency_ms:.3f}" for link in links),
            f"{p.latency_ms:.3f}",
            f"{p.throughput_per_s:.1f}",
            "" if p.energy_mj is None else f"{p.energy_mj:.3f}",
            "yes" if p.feasible else "no",
        )
    return table


def cut_curve_text(graph: Graph, system: System, *, bits: int) -> str:
    """Draws latency over the cut position as one line of bars, with the best cut named below.

    Args:
        graph: The network.
        system: Its first and last processor hold the two parts.
        bits: Bits of a feature's element on the link.

    Returns:
        Two lines of text.
    """
    table = cut_table(graph, bits=bits)
    legal = np.flatnonzero(table.legal)
    times_ms = table.latency_ms(system)[legal]
    chunks = np.array_split(np.arange(len(legal)), min(_CURVE_WIDTH, len(legal)))
    lows = np.array([times_ms[chunk].min() for chunk in chunks])
    top = lows.max() or 1.0
    bars = "".join(_BARS[max(1, round(low / top * (len(_BARS) - 1)))] for low in lows)
    ties = legal[np.isclose(times_ms, times_ms.min(), rtol=1e-12, atol=0.0)]
    best = last_working(ties, table.head_macs)
    where = f"after {graph.operations[best - 1].name}" if best else "before the first operation"
    return (
        f"latency over cut position (0..{len(graph.operations)} operations on {system.sensor.name}, highest bar "
        f"{top:.3g} ms)\n{bars}\nfastest cut without a memory limit: {where}, {times_ms.min():.3f} ms"
    )


def plot_cuts(path: Path, graph: Graph, system: System, partitions: list[Partition], *, bits: int) -> None:
    """Draws latency over the cut position, divided into sensor, link and aggregator, as a picture.

    Args:
        path: File to write, .png, .svg or .pdf.
        graph: The network.
        system: Its first and last processor hold the two parts.
        partitions: Answers to mark, where they are cuts of the same order of operations.
        bits: Bits of a feature's element on the link.

    Raises:
        UserError: If the file cannot be written.
    """
    import matplotlib

    with matplotlib.rc_context({"text.parse_math": False}):  # a dollar sign in a name is a dollar sign
        figure = _cut_figure(graph, system, partitions, bits)
    try:
        write_atomically(path, functools.partial(figure.savefig, dpi=120))
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: cannot be drawn ({error}); name a .png, .svg or .pdf in an existing folder"
        ) from error


def _cut_figure(graph: Graph, system: System, partitions: list[Partition], bits: int) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    table = cut_table(graph, bits=bits)
    n = np.flatnonzero(table.legal)
    stages_ms = (
        table.head_macs[n] / system.sensor.macs_per_s * 1e3,
        system.sensor_to_aggregator_ms(table.link_bytes[n]),
        table.tail_macs[n] / system.aggregator.macs_per_s * 1e3,
    )
    figure = Figure(figsize=(10, 5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.stackplot(n, *stages_ms, labels=(system.sensor.name, "link", system.aggregator.name), step="mid", alpha=0.8)
    fits = table.fits(system)[n]
    if not fits.all():
        axes.fill_between(
            n, 0, 1, where=~fits, transform=axes.get_xaxis_transform(), color="red", alpha=0.12, label="out of memory"
        )
    answers: dict[tuple[int, float], list[str]] = {}
    for p in partitions:
        if p.graph.operations == graph.operations and len(set(p.cuts)) == 1:
            answers.setdefault((p.n, p.latency_ms), []).append(p.method)
    for (position, latency_ms), names in answers.items():
        axes.plot(position, latency_ms, "o", label=", ".join(names))
    axes.set(xlabel=f"operations on {system.sensor.name}", ylabel="ms", title=f"{graph.name} on {system.name}")
    axes.legend(fontsize="small")
    return figure


def result_to_dict(graph: Graph, system: System, partitions: list[Partition], *, bits: int) -> dict[str, Any]:
    """Returns all figures as plain data: every partition, and every cut with its latency and memory."""
    table = cut_table(graph, bits=bits)
    times_ms, fits = table.latency_ms(system), table.fits(system)
    return {
        "schema_version": 1,
        "model": graph.name,
        "operations": len(graph.operations),
        "system": system.name,
        "bits": bits,
        "partitions": [_partition_to_dict(p) for p in partitions],
        "cuts": [
            {
                "n": n,
                "after": graph.operations[n - 1].name if n else "",
                "latency_ms": float(times_ms[n]),
                "link_bytes": int(table.link_bytes[n]),
                "sensor_macs": int(table.head_macs[n]),
                "sensor_peak_bytes": int(table.head_peak_bytes[n]),
                "fits": bool(fits[n]),
            }
            for n in np.flatnonzero(table.legal).tolist()
        ],
    }


def _partition_to_dict(p: Partition) -> dict[str, Any]:
    return {
        "method": p.method,
        "cuts": list(p.cuts),
        "cut_after": list(p.cut_after),
        "sent": [list(names) for names in p.sent],
        "devices": [
            {
                "name": name,
                "params": d.params,
                "macs": d.macs,
                "peak_bytes": d.peak_bytes,
                "weight_bytes": d.weight_bytes,
                "arena_bytes": d.arena_bytes,
                "latency_ms": d.latency_ms,
                "energy_mj": d.energy_mj,
            }
            for name, d in zip(p.device_names, p.cost.devices, strict=True)
        ],
        "links": [{"bytes": k.bytes, "latency_ms": k.latency_ms, "energy_mj": k.energy_mj} for k in p.cost.links],
        "latency_ms": p.latency_ms,
        "throughput_per_s": p.throughput_per_s,
        "energy_mj": p.energy_mj,
        "feasible": p.feasible,
        "reason": p.reason,
    }


def _si(value: float) -> str:
    for unit, scale in (("G", 1e9), ("M", 1e6), ("K", 1e3)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value:.0f} "
