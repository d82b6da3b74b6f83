"""The command `partition`: load, run the methods, print, write."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipelines.partitioning.calibration_data import load_inputs, random_inputs
from pipelines.partitioning.export import ExportResult, export_halves
from pipelines.partitioning.load_model import LoadedModel, load_model
from pipelines.partitioning.methods import METHODS, cut_behind, fastest_feasible, run_methods
from pipelines.partitioning.render import cut_curve_text, partition_table, plot_cuts, result_to_dict
from pipelines.progress import console
from pipelines.reproduction.json_file import write_json_for_user
from splitnets_tf.errors import UserError
from splitnets_tf.hardware import load_system
from splitnets_tf.partition import Partition
from tflite_export.file_parts import SplitFile

__all__ = ["run_partition"]

_NOISE_INPUTS = 8
_WIDTH = 170
"""Columns of what is printed where there is no terminal."""


def run_partition(options: argparse.Namespace) -> int:
    """Partitions the model that the options name.

    Args:
        options: What the parser of `pipelines.partition` returns.

    Returns:
        Exit code 0.

    Raises:
        UserError: If model, system or a path is wrong, or the exported halves do not equal the whole.
    """
    system = load_system(options.system)
    _check_options(options)
    loaded = load_model(options.model, image_size=options.image_size)
    graph = loaded.graph
    if options.at is not None:
        partitions = [cut_behind(options.at, graph, system, bits=options.bits)]
    else:
        names = list(METHODS) if options.method == "all" else [options.method]
        partitions = run_methods(names, graph, system, bits=options.bits)
    out = console(width=_WIDTH)
    out.print(partition_table(f"{graph.name} on {system.name}", partitions))
    for p in partitions:
        if not p.feasible:
            out.print(f"{p.method} does not fit: {p.reason}")
    out.print(cut_curve_text(graph, system, bits=options.bits))
    if options.plot is not None:
        plot_cuts(options.plot, graph, system, partitions, bits=options.bits)
    result = result_to_dict(graph, system, partitions, bits=options.bits)
    if options.export is not None:
        chosen = fastest_feasible(partitions)
        if loaded.keras_model is None:
            made = _export_file(options, loaded, chosen)
            files = ", ".join(str(piece.path) for piece in made.parts)
            out.print(
                f"exported by {chosen.method}: {files}\n"
                f"parts against the whole: equal bit for bit on {made.checked_inputs} inputs ({made.checked_with})"
            )
            result["export"] = {"method": chosen.method} | made.to_dict()
        else:
            exported = _export(options, loaded, chosen)
            out.print(_export_text(chosen, exported))
            result["export"] = _export_to_dict(chosen, exported)
    if options.json is not None:
        write_json_for_user(options.json, result)
    return 0


def _check_options(options: argparse.Namespace) -> None:
    if options.representative_data is not None and options.export is None:
        raise UserError("--representative-data goes with --export DIR; add it")
    if options.representative_data is not None and options.model.endswith(".tflite"):
        raise UserError("--representative-data is for converting a Keras model; a .tflite file is cut as it is")


def _export_file(options: argparse.Namespace, loaded: LoadedModel, chosen: Partition) -> SplitFile:
    from pipelines.partitioning.export_file import export_parts

    path = Path(options.model)
    if path.resolve().parent == options.export.resolve():
        raise UserError(f"{options.export}: holds the model itself; export to another folder")
    try:
        return export_parts(path, loaded.graph, chosen, options.export)
    except OSError as error:
        raise UserError(
            f"{options.export}: cannot be written ({error.strerror}); name a folder you may write to"
        ) from error


def _export(options: argparse.Namespace, loaded: LoadedModel, chosen: Partition) -> ExportResult:
    model = loaded.keras_model
    if len(model.inputs) != 1 or len(model.inputs[0].shape) != 4:
        raise UserError(f"--export needs a model with one image as input, not {[tuple(t.shape) for t in model.inputs]}")
    shape = tuple(model.inputs[0].shape[1:])
    int8 = options.representative_data is not None
    inputs = (
        load_inputs(options.representative_data, shape, options.pixel_range)
        if int8
        else random_inputs(shape, _NOISE_INPUTS)
    )
    try:
        return export_halves(model, chosen, options.export, inputs, int8=int8)
    except OSError as error:
        raise UserError(
            f"{options.export}: cannot be written ({error.strerror}); name a folder you may write to"
        ) from error


def _export_text(chosen: Partition, exported: ExportResult) -> str:
    kinds = f"float {exported.float_equal}"
    if exported.int8_equal is not None:
        kinds += f", int8 {exported.int8_equal}"
    return (
        f"exported by {chosen.method}: {', '.join(str(path) for path in exported.files)}\n"
        f"Keras halves against the whole: largest difference {exported.keras_difference:.1e} of the largest output\n"
        f".tflite halves against the whole, bit for bit, on {exported.checked_inputs} inputs: {kinds} equal"
    )


def _export_to_dict(chosen: Partition, exported: ExportResult) -> dict[str, object]:
    return {
        "method": chosen.method,
        "files": [str(path) for path in exported.files],
        "checked_inputs": exported.checked_inputs,
        "keras_difference": exported.keras_difference,
        "float_equal": exported.float_equal,
        "int8_equal": exported.int8_equal,
        "boundary": [{"scale": scale, "zero_point": zero_point} for scale, zero_point in exported.boundary],
    }
