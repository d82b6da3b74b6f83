"""What each tool says of a file's memory, against the limit of its device."""

import pytest

from pipelines.imagenet.tool_figures import tool_figures
from tflite_export import MemoryProfile, MicroArena
from tflite_export.model_memory import NpuMemory

NPU = {"npu": "ethos-u55-256", "vela_version": "5.2.0", "cycles": 9, "latency_ms": 0.1, "cpu_operations": 0}


def profile(limit, *, measured=True):
    micro = MicroArena(head_bytes=60, tail_bytes=9, total_bytes=69)
    npu = NpuMemory(**NPU, sram_bytes=80, flash_bytes=30, size_sram_bytes=50, size_flash_bytes=31)
    return MemoryProfile(
        model="sensor.tflite",
        file_bytes=200,
        weight_bytes=40,
        arena_bytes=50,
        operations=(),
        limit_bytes=limit,
        micro_arena=micro if measured else None,
        micro_note="" if measured else "not measured",
        npu_memory=npu if measured else None,
        npu_note="" if measured else "not measured",
    )


@pytest.mark.parametrize(
    ("limit", "fits"),
    [
        (80, [False] * 4),
        (89, [False, False, False, True]),
        (90, [True, False, False, True]),
        (110, [True] * 4),
        (None, [None] * 4),
    ],
)
def test_every_tool_has_its_own_verdict(limit, fits):
    required = tool_figures(profile(limit))["required_by"]
    assert [row["bytes"] for row in required.values()] == [90, 100, 110, 81]
    assert [row["fits"] for row in required.values()] == fits
    names = ["splitnets_tf planner", "TensorFlow Lite Micro", "Vela 5.2.0, ethos-u55-256"]
    assert list(required) == [*names, "Vela 5.2.0, ethos-u55-256, optimised for size"]


def test_tools_that_did_not_measure_say_nothing():
    figures = tool_figures(profile(100, measured=False))
    assert figures["required_by"] == {"splitnets_tf planner": {"bytes": 90, "fits": True}}
    assert figures["limit_bytes"] == 100
