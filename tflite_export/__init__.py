"""Int8 deployment: quantisation-aware fine-tuning, .tflite files, their memory, speed and agreement.

Nothing here imports TensorFlow at import time; tf_keras and TF-MOT live in the process that `run_export` starts.
"""

from tflite_export.boundary import Boundary, BoundaryError, check_boundary, check_input, check_whole
from tflite_export.file_cuts import FileCut, fastest_cut, legal_file_cuts
from tflite_export.file_parts import SplitFile, split_file
from tflite_export.halves import Aggregator
from tflite_export.images import bytes_to_int8, resize_bytes
from tflite_export.interpreter import Int8Model, Quantization, count_correct, count_equal, run_models, run_split
from tflite_export.job import ExportJob, QuantizationSettings
from tflite_export.litert_benchmark import Benchmark, run_benchmark
from tflite_export.micro_arena import MicroArena
from tflite_export.micro_run import MicroAgreement, micro_agreement
from tflite_export.model_memory import MemoryProfile, OperationMemory, memory_profile
from tflite_export.result import ExportedFile, ExportResult
from tflite_export.run import ExportError, run_export
from tflite_export.split_hub import ServerSettings
from tflite_export.split_sensor import SensorSettings, SplitSensor
from tflite_export.split_server import SplitServer
from tflite_export.vela_cost import VelaCost, vela_costs
from tflite_export.vela_report import Npu, VelaReport, npu_for, vela_installed, vela_report, vela_reports

__all__ = [
    "Aggregator",
    "Benchmark",
    "Boundary",
    "BoundaryError",
    "ExportError",
    "ExportJob",
    "ExportResult",
    "ExportedFile",
    "FileCut",
    "Int8Model",
    "MemoryProfile",
    "MicroAgreement",
    "MicroArena",
    "Npu",
    "OperationMemory",
    "Quantization",
    "QuantizationSettings",
    "SensorSettings",
    "ServerSettings",
    "SplitFile",
    "SplitSensor",
    "SplitServer",
    "VelaCost",
    "VelaReport",
    "bytes_to_int8",
    "check_boundary",
    "check_input",
    "check_whole",
    "count_correct",
    "count_equal",
    "fastest_cut",
    "legal_file_cuts",
    "memory_profile",
    "micro_agreement",
    "npu_for",
    "resize_bytes",
    "run_benchmark",
    "run_export",
    "run_models",
    "run_split",
    "split_file",
    "vela_costs",
    "vela_installed",
    "vela_report",
    "vela_reports",
]
