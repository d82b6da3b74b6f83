"""What the tools of the field say about one exported file, for summary.json: each figure with the tool's name."""

from typing import Any

from tflite_export import MemoryProfile

__all__ = ["tool_figures"]


def tool_figures(profile: MemoryProfile) -> dict[str, Any]:
    """Figures of a file; None where a tool is not installed or refused, and `not_measured` says why.

    Args:
        profile: Of the file, with TensorFlow Lite Micro and Vela asked.

    Returns:
        `tflite_bytes`, `required_bytes` (weights and arena head), `fits` (whether these stay within the device's
        memory), `limit_bytes` (that memory), `required_by` (tool -> what it says is needed, and whether that fits),
        `arena_bytes_measured`, `arena_tail_bytes`, Vela's `npu_*`, and `measured_by`.
    """
    figures: dict[str, Any] = {
        "tflite_bytes": profile.file_bytes,
        "required_bytes": profile.required_bytes,
        "fits": profile.fits,
        "limit_bytes": profile.limit_bytes,
        "required_by": _required_by(profile),
        "arena_bytes_measured": None,
        "arena_tail_bytes": None,
    }
    arena_by = "TensorFlow Lite Micro" if profile.micro_arena else "splitnets_tf planner"
    measured_by = {"tflite_bytes": "file size", "required_bytes": f"file, arena by {arena_by}"}
    if profile.micro_arena is not None:
        figures["arena_bytes_measured"] = profile.micro_arena.head_bytes
        figures["arena_tail_bytes"] = profile.micro_arena.tail_bytes
        measured_by |= dict.fromkeys(("arena_bytes_measured", "arena_tail_bytes"), "TensorFlow Lite Micro")
    npu = _npu_figures(profile)
    if profile.npu_memory is not None:
        measured_by |= dict.fromkeys(npu, f"Vela {profile.npu_memory.vela_version}, {profile.npu_memory.npu}")
    notes = [note for note in (profile.micro_note, profile.npu_note) if note]
    return figures | npu | {"not_measured": "; ".join(notes) or None, "measured_by": measured_by}


def _required_by(profile: MemoryProfile) -> dict[str, dict[str, Any]]:
    """What each tool says the device needs: weights and activations."""
    needs = {"splitnets_tf planner": profile.weight_bytes + profile.arena_bytes}
    if profile.micro_arena is not None:
        needs["TensorFlow Lite Micro"] = profile.weight_bytes + profile.micro_arena.head_bytes
    npu = profile.npu_memory
    if npu is not None:
        needs[f"Vela {npu.vela_version}, {npu.npu}"] = npu.required_bytes
        needs[f"Vela {npu.vela_version}, {npu.npu}, optimised for size"] = npu.size_required_bytes
    limit = profile.limit_bytes
    return {tool: {"bytes": size, "fits": None if limit is None else size <= limit} for tool, size in needs.items()}


def _npu_figures(profile: MemoryProfile) -> dict[str, Any]:
    memory = profile.npu_memory
    keys = (
        "npu_cycles",
        "npu_latency_ms",
        "npu_sram_bytes",
        "npu_flash_bytes",
        "npu_required_bytes",
        "npu_size_required_bytes",
        "npu_cpu_operations",
    )
    if memory is None:
        return dict.fromkeys(keys)
    return dict(
        zip(
            keys,
            (
                memory.cycles,
                memory.latency_ms,
                memory.sram_bytes,
                memory.flash_bytes,
                memory.required_bytes,
                memory.size_required_bytes,
                memory.cpu_operations,
            ),
            strict=True,
        )
    )
