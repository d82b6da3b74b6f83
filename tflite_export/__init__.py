"""Int8 deployment: quantisation-aware fine-tuning, .tflite files, their memory, speed and agreement.

Names are imported when they are first used, so that a command's --help and a tool's start do not wait for numpy.
Nothing imports TensorFlow at import time; tf_keras and TF-MOT live in the process that `run_export` starts.
"""

import importlib
from typing import Any

_LAZY = {
    "Aggregator": "halves",
    "Benchmark": "litert_benchmark",
    "Boundary": "boundary",
    "BoundaryError": "boundary",
    "ExportError": "run",
    "ExportJob": "job",
    "ExportResult": "result",
    "ExportedFile": "result",
    "FileCut": "file_cuts",
    "Int8Model": "interpreter",
    "MemoryProfile": "model_memory",
    "MicroAgreement": "micro_run",
    "MicroArena": "micro_arena",
    "Npu": "vela_report",
    "OperationMemory": "model_memory",
    "Quantization": "interpreter",
    "QuantizationSettings": "job",
    "SensorSettings": "split_sensor",
    "ServerSettings": "split_hub",
    "SplitFile": "file_parts",
    "SplitSensor": "split_sensor",
    "SplitServer": "split_server",
    "VelaCost": "vela_cost",
    "VelaReport": "vela_report",
    "bytes_to_int8": "images",
    "check_boundary": "boundary",
    "check_input": "boundary",
    "check_whole": "boundary",
    "count_correct": "interpreter",
    "count_equal": "interpreter",
    "fastest_cut": "file_cuts",
    "legal_file_cuts": "file_cuts",
    "memory_profile": "model_memory",
    "micro_agreement": "micro_run",
    "npu_for": "vela_report",
    "resize_bytes": "images",
    "run_benchmark": "litert_benchmark",
    "run_export": "run",
    "run_models": "interpreter",
    "run_split": "interpreter",
    "split_file": "file_parts",
    "vela_costs": "vela_cost",
    "vela_installed": "vela_report",
    "vela_reports": "vela_report",
}

__all__ = [*_LAZY]


def __getattr__(name: str) -> Any:
    """Import a name's module on first use."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
