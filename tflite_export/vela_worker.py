"""Compiles files with Vela, for speed and for size: `python vela_worker.py REQUEST.json RESULT.json`.

Runs in a process of its own, for Vela may end it on a malformed file; nothing of the project is imported here.
"""

import importlib.metadata
import json
import sys
from pathlib import Path
from typing import Any

_ARENA_LIMIT_BYTES = 2**32
"""No limit: how much is needed is what is asked for."""


def _compile(regor: Any, vela: Any, content: bytes, request: dict[str, str], optimise: str) -> dict[str, Any]:
    options = vela.get_compiler_config(
        enable_debug_db=True,
        verbose_all=False,
        verbose_high_level_command_stream=False,
        verbose_register_command_stream=False,
        optimize=optimise,
        arena_cache_size=_ARENA_LIMIT_BYTES,
        verbose_schedule=False,
        verbose_allocation=False,
        verbose_graph=False,
        verbose_quantization=False,
        verbose_packing=False,
        verbose_performance=True,
        show_cpu_operations=True,
        output_format="tflite",
        disable_chaining=False,
        disable_fwd=False,
        disable_cascading=False,
        disable_buffering=False,
        disable_ifm_reuse=False,
        cop_format="COP1",
        separate_io_regions=False,
        cpu_tensor_alignment=16,
        tensor_allocator="HillClimb",
        softmax_int16_neg_exp_range=10.0,
    )
    compiled = regor.compile(request["accelerator"], content, "TFLITE", request["config"], options=options)
    report = compiled.perf_report
    sram = sum(memory.peakUsage for name, memory in report.memories.items() if str(name).lower() == "sram")
    return {
        "cycles": int(report.totalCycles),
        "macs": int(report.macCount),
        # Constants lie in the same SRAM and count into its peak.
        "sram_bytes": int(sram - report.readOnlyPeakUsage),
        "flash_bytes": int(report.readOnlyPeakUsage),
        "operations": _operations(compiled.opt_database),
    }


def _operations(database: Any) -> list[dict[str, Any]]:
    if "perf" not in database.tables:
        return []
    table = database.tables["perf"]
    rows = (dict(zip(table.header, row, strict=False)) for row in table.data)
    return [
        {
            "name": row["name"],
            "kind": row["operator"],
            # A `Passthrough` is handed back to the CPU as it is.
            "on_cpu": row["operator"] == "Passthrough",
            "cycles": int(row["op_cycles"]),
            "macs": int(row["mac_count"]),
        }
        for row in rows
    ]


def _main(request_file: str, result_file: str) -> None:
    from ethosu import regor
    from ethosu.vela import vela

    version = importlib.metadata.version("ethos-u-vela")
    results = []
    for request in json.loads(Path(request_file).read_text("utf-8")):
        content = Path(request["model"]).read_bytes()
        goals = {goal.lower(): _compile(regor, vela, content, request, goal) for goal in ("Performance", "Size")}
        results.append({"version": version} | goals)
    Path(result_file).write_text(json.dumps(results), "utf-8")


if __name__ == "__main__":
    _main(*sys.argv[1:])
