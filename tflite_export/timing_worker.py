"""Times files with LiteRT: `python -m tflite_export.timing_worker REQUEST.json RESULT.json`.

Runs in a process of its own, for LiteRT may crash on a damaged file. A request has `kernels`, `threads`, `runs`, and
either `model`, for all figures of LiteRT's benchmark, or `models`, for the median of each.
"""

import functools
import json
import sys
from pathlib import Path
from typing import Any

__all__ = ["main"]


def main(request_file: str, result_file: str) -> None:
    """Carry out a request."""
    request = json.loads(Path(request_file).read_text("utf-8"))
    reference, threads, runs = request["kernels"] == "reference", request["threads"], request["runs"]
    result: Any
    if "models" in request:
        from tflite_export.inference_time import measure_ms

        models = [Path(model) for model in request["models"]]
        result = [measure_ms(model, runs=runs, threads=threads, reference=reference) for model in models]
    elif reference:
        from tflite_export.inference_time import reference_times

        result = reference_times(Path(request["model"]), runs=runs, threads=threads)
    else:
        result = _official(request["model"], runs, threads, Path(result_file).with_suffix(".litert"))
    Path(result_file).write_text(json.dumps(result), "utf-8")


def _official(model: str, runs: int, threads: int, report: Path) -> Any:
    """LiteRT's own tool with XNNPACK.

    It would round what it writes to 0.01 ms, as long as a small sensor half's whole inference. Its kernel mode
    `REFERENCE` runs the optimised kernels without XNNPACK, so nothing is offered under that name.
    """
    import ai_edge_litert.tools.benchmark_litert_model as tool
    from ai_edge_litert.cpu_kernel_mode import CpuKernelMode

    tool.round = lambda value, digits=None: value
    make = tool.create_model_options
    tool.create_model_options = lambda arguments, options, cpu_options, accelerators: make(
        arguments, options, functools.partial(cpu_options, kernel_mode=CpuKernelMode.XNNPACK), accelerators
    )
    sys.argv = ["", f"--model={model}", f"--num_runs={runs}", f"--num_threads={threads}", f"--result_json={report}"]
    tool.main()
    return json.loads(report.read_text("utf-8"))["latency"]


if __name__ == "__main__":
    main(*sys.argv[1:])
