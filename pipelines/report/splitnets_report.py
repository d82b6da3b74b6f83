"""The report of one run, of single images or of several views: which sections, in which order."""

import itertools
from pathlib import Path

from pipelines.report.fusion_section import fusion_section
from pipelines.report.page import Fact, Page, Section, render_page
from pipelines.report.pick_table import picks_section
from pipelines.report.records import RunSummary, System
from pipelines.report.run_files import RunFiles, read_run
from pipelines.report.sections import (
    accuracy_latency_section,
    accuracy_section,
    comparison_section,
    latency_section,
    memory_section,
    missing_section,
    network_section,
    record_section,
)
from pipelines.report.shortfalls import shortfalls
from pipelines.report.units import bytes_text, count_text, integer_text
from splitnets_tf.files import write_text

__all__ = ["build_page", "write_report"]

_NO_SUMMARY = "Missing: summary.json is not there; the run has not come to its end."
_DATA_WORDS = (
    ("classes", "classes"),
    ("train", "training images"),
    ("validation", "validation images"),
    ("test", "test images"),
    ("test_families", "test families"),
)


def write_report(run_directory: Path) -> Path:
    """Write `report.html` from the other files of a run directory.

    Args:
        run_directory: The directory; files that it lacks leave a note in their section.

    Returns:
        Path of the report.

    Raises:
        UserError: There is no such directory, or one of its files is malformed; file and key are named.
    """
    path = run_directory / "report.html"
    write_text(path, render_page(build_page(read_run(run_directory))))
    return path


def build_page(run: RunFiles) -> Page:
    """Put a run's report together.

    Args:
        run: What the run directory holds.

    Returns:
        The page, ready to be rendered.
    """
    summary = run.summary
    return Page(
        title="Split network search" + (f": {summary.dataset}" if summary else ""),
        headline=(summary.headline if summary else None) or "The run holds no headline.",
        shortfalls=shortfalls(summary, run.memory),
        facts=_facts(run),
        sections=(
            *_summary_sections(run),
            memory_section(run.memory)
            if run.memory
            else missing_section("memory", "Memory of the sensor half", "Missing: memory.json is not there."),
            _network_section(run),
            record_section(run.stage_seconds, _settings(summary), run.provenance),
        ),
    )


def _summary_sections(run: RunFiles) -> tuple[Section, ...]:
    summary = run.summary
    if summary is None:
        return (
            missing_section("comparison", "Comparison with the baselines", _NO_SUMMARY),
            missing_section("accuracy", "Accuracy", _NO_SUMMARY),
            accuracy_latency_section(run.front, (), None),
            missing_section("latency", "Latency, piece by piece", _NO_SUMMARY),
        )
    limit = summary.system.sensor_memory_bytes if summary.system else None
    return (
        comparison_section(
            summary.networks,
            memory_limits_bytes=(limit,),
            split_shape=_split_shape(run),
            layout=f"Table {6 if summary.fusion else 4} of SplitNets",
        ),
        *((fusion_section(summary.fusion),) if summary.fusion else ()),
        accuracy_section(summary),
        accuracy_latency_section(run.front, summary.networks, summary.architecture),
        latency_section(summary.networks),
        *((picks_section(summary.picks, summary.front_comparisons),) if summary.picks else ()),
    )


def _network_section(run: RunFiles) -> Section:
    if run.network is None:
        return missing_section("network", "The chosen network", "Missing: architecture.json is not there.")
    resolution, blocks = run.network
    chosen = run.summary.chosen if run.summary else None
    names = [device.name for device in chosen.devices] if chosen else ["sensor", "aggregator"]
    sent = [link.bytes for link in chosen.links] if chosen else []
    return network_section(resolution, blocks, names, sent)


def _split_shape(run: RunFiles) -> str:
    """Channels and side of the tensor at the cut, as the paper writes them: `12·8²`."""
    if run.network is None:
        return ""
    _, blocks = run.network
    at_cut = [before for before, after in itertools.pairwise(blocks) if before.device != after.device]
    return f"{at_cut[0].out_channels}·{at_cut[0].side_pixels}²" if at_cut else ""


def _facts(run: RunFiles) -> tuple[Fact, ...]:
    summary = run.summary
    facts = []
    if summary is not None:
        facts.append(Fact("Data", _data_text(summary)))
        if summary.space_name:
            size = summary.space_architectures
            count = f", {integer_text(size)} architectures" if size else ""
            facts.append(Fact("Space", f"{summary.space_name}{count}"))
        if summary.system:
            facts.append(Fact("System", _system_text(summary.system)))
        facts.append(Fact("Seed", f"{summary.seed:g}"))
        if summary.smoke:
            facts.append(Fact("Mode", "smoke test: every figure is from a run far too short to mean anything"))
        facts.append(Fact("Choice", summary.selection_rule or "the run does not say by which rule it chose"))
        if summary.bit_exact_inputs is not None:
            facts.append(Fact("Boundary", _boundary_text(summary)))
    when = (run.provenance or {}).get("updated")
    if when:
        facts.append(Fact("Date", when))
    return tuple(facts)


def _boundary_text(summary: RunSummary) -> str:
    text = f"halves equal the whole int8 net on {summary.bit_exact_inputs:g} inputs (LiteRT's reference kernels)"
    if summary.micro_images is None or summary.micro_identical is None:
        return f"{text}; TensorFlow Lite Micro was not asked"
    return f"{text}; TensorFlow Lite Micro computes the same on {summary.micro_identical:g} of {summary.micro_images:g}"


def _data_text(summary: RunSummary) -> str:
    parts = [summary.dataset]
    for key, words in _DATA_WORDS:
        value = summary.data.get(key)
        if isinstance(value, int | float):
            parts.append(f"{integer_text(value)} {words}")
    return ", ".join(parts)


def _system_text(system: System) -> str:
    parts = []
    if system.sensor_macs_per_s:
        parts.append(f"sensor {count_text(system.sensor_macs_per_s)}MAC/s")
    if system.sensor_memory_bytes:
        parts.append(f"{bytes_text(system.sensor_memory_bytes)} of memory on it")
    if system.aggregator_macs_per_s:
        parts.append(f"aggregator {count_text(system.aggregator_macs_per_s)}MAC/s")
    if system.bandwidth_bytes_per_s:
        parts.append(f"link {bytes_text(system.bandwidth_bytes_per_s)}/s")
    return f"{system.name}: {', '.join(parts)}" if parts else system.name


def _settings(summary: RunSummary | None) -> dict[str, str]:
    if summary is None:
        return {}
    values = {f"data: {key}": value for key, value in summary.data.items()}
    values |= {f"training: {key}": value for key, value in summary.training.items()}
    return {key: f"{value:g}" if isinstance(value, float) else str(value) for key, value in values.items()}
