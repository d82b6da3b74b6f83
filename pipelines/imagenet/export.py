"""Stage `export`: two int8 files, tested on the whole test set, and what the tools of the field say about them."""

import contextlib
import dataclasses
import functools
import importlib.metadata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.imagenet.context import Arrays, Context
from pipelines.imagenet.networks import chosen_architecture, save_predictions
from pipelines.imagenet.tool_figures import tool_figures
from pipelines.progress import progress_bar
from splitnets_tf.files import read_json, write_atomically, write_json
from splitnets_tf.supernet.settings import TrainingSettings
from tflite_export import (
    ExportJob,
    ExportResult,
    MemoryProfile,
    QuantizationSettings,
    memory_profile,
    micro_agreement,
    npu_for,
    resize_bytes,
    run_export,
    run_models,
)

__all__ = ["ExportRecord", "export", "export_job", "read_export_record"]

_STAGES = ("load", "calibrate", "train", "convert", "check")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ExportRecord:
    """What the report needs to know of the export."""

    boundary: dict[str, Any]
    """`scale`, `zero_point`, `bit_exact_inputs`, `measured_by`; `micro`: what TensorFlow Lite Micro computes."""
    devices: dict[str, dict[str, Any]]
    """`sensor` and `aggregator`: figures of the file, None where not measured, and `measured_by` for each figure."""
    method: str = "qat"
    """`qat` or `ptq`: how the deployed files were quantised; runs of older versions do not say, and knew `qat` only."""


def _record_path(context: Context) -> Path:
    return context.path("export", "record.json")


def read_export_record(context: Context) -> ExportRecord:
    """The record that `export` wrote."""
    return ExportRecord(**read_json(_record_path(context), "the record of an export"))


def export(context: Context) -> None:
    """Quantise and convert in a process of its own; count the int8 network's hits over the whole test set."""
    config = context.config
    inputs = context.inputs(context.path("architecture.json"), context.path("weights.npz"))
    if context.run.is_done("export", inputs):
        return
    with context.run.stage("export", inputs, config.seed):
        result = _quantize(context)
        save_predictions(context, "int8", _int8_predictions(context, result.paths, "int8 test images"))
        if result.untrained:
            paths = [file.path for file in result.untrained]
            save_predictions(context, "int8_ptq", _int8_predictions(context, paths, "the same without its training"))
        profiles = _profiles(context, result)
        write_json(context.path("memory.json"), profiles["sensor"].to_dict())
        record = ExportRecord(
            method=result.method,
            boundary=_boundary(context, result, profiles),
            devices={name: tool_figures(profile) for name, profile in profiles.items()},
        )
        write_json(_record_path(context), dataclasses.asdict(record))


def _profiles(context: Context, result: ExportResult) -> dict[str, MemoryProfile]:
    """Memory of both files: planned, by TensorFlow Lite Micro, and by Vela for the NPUs that stand for the system."""
    processors = {"sensor": context.system.sensor, "aggregator": context.system.aggregator}
    return {
        name: memory_profile(path, processor.memory_bytes, npu=npu_for(name, context.system))
        for path, (name, processor) in zip(result.paths, processors.items(), strict=True)
    }


def _boundary(context: Context, result: ExportResult, profiles: dict[str, MemoryProfile]) -> dict[str, Any]:
    if result.boundary is None:
        return {}
    images = _at_resolution(context, context.sample("test", context.config.export.micro_inputs).images)
    agreement = micro_agreement(result.paths, images, [profile.micro_arena_bytes for profile in profiles.values()])
    micro = {"note": agreement} if isinstance(agreement, str) else agreement.to_dict()
    measured_by = f"LiteRT {importlib.metadata.version('ai-edge-litert')}, reference kernels"
    return dataclasses.asdict(result.boundary) | {"measured_by": measured_by, "micro": micro}


def _quantize(context: Context) -> ExportResult:
    with (
        export_job(context, context.path("architecture.json"), context.config.fine_tune) as job,
        progress_bar("quantisation and conversion", len(_STAGES) * 100) as advance,
    ):

        def report(stage: str, done: int, total: int) -> None:
            advance(_STAGES.index(stage) * 100 + 100 * done // max(1, total), stage)

        return run_export(job, report)


@contextlib.contextmanager
def export_job(context: Any, architecture: Path, training: TrainingSettings) -> Iterator[ExportJob]:
    """The job of an export process, for a context of any pipeline; its images are there as long as the block runs.

    Args:
        context: The run.
        architecture: The file that says what the weights in `weights.npz` belong to.
        training: How the float network was trained last; the quantised one is trained with the same images and labels.
    """
    config = context.config
    train = _save_arrays(context, "train", context.arrays("train"))
    check = _save_arrays(context, "check", context.sample("test", config.export.bit_exact_inputs))
    yield ExportJob(
        architecture=architecture,
        weights=context.path("weights.npz"),
        train_images=train[0],
        train_labels=train[1],
        check_images=check[0],
        output_dir=context.run.path,
        work_dir=context.path("export"),
        settings=QuantizationSettings(
            method=config.export.method,
            epochs=config.export.qat_epochs,
            batch_size=config.export.batch_size,
            learning_rate=config.export.qat_learning_rate,
            label_smoothing=training.label_smoothing,
            calibration_images=min(config.calibration_images, context.count("train")),
            augment_shift_pixels=training.max_shift,
            seed=config.seed,
        ),
        bit_exact_inputs=len(np.load(check[1], mmap_mode="r")),
        data_fingerprint=context.source.fingerprint,
    )
    for path in (*train, *check):
        path.unlink()


def _save_arrays(context: Any, name: str, arrays: Arrays) -> tuple[Path, Path]:
    """Images and labels as .npy for the export process."""
    paths = context.path("export", f"{name}_images.npy"), context.path("export", f"{name}_labels.npy")
    for path, values in zip(paths, (arrays.images, arrays.labels), strict=True):
        write_atomically(path, functools.partial(np.save, arr=values))
    return paths


def _at_resolution(context: Context, images: np.ndarray) -> np.ndarray:
    return resize_bytes(images, chosen_architecture(context).resolution)


def _int8_predictions(context: Context, paths: Sequence[Path], title: str) -> np.ndarray:
    images = _at_resolution(context, context.arrays("test").images)
    with progress_bar(title, len(images)) as advance:
        logits = run_models(paths, images, threads=2, on_progress=lambda done, _: advance(done, ""))
    return np.argmax(logits, axis=-1)
