"""Stage `export`: two int8 files, tested on the whole test set, and the sensor half's memory."""

import dataclasses
import functools
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.imagenet.context import Arrays, Context
from pipelines.imagenet.networks import chosen_architecture, save_predictions
from pipelines.progress import progress_bar
from splitnets_tf.files import read_json, write_atomically, write_json
from tflite_export import (
    ExportJob,
    ExportResult,
    QuantizationSettings,
    memory_profile,
    resize_bytes,
    run_export,
    run_models,
)

__all__ = ["ExportRecord", "export", "read_export_record", "save_arrays"]

_STAGES = ("load", "calibrate", "train", "convert", "check")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ExportRecord:
    """What the report needs to know of the export."""

    boundary: dict[str, Any]
    """`scale`, `zero_point`, `bit_exact_inputs`."""
    devices: dict[str, dict[str, Any]]
    """`sensor` and `aggregator`: `tflite_bytes`, `weight_bytes`, `arena_bytes_measured` (None where not measured)."""


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
        save_predictions(context, "int8", _int8_predictions(context, result))
        limit = context.system.sensor.memory_bytes
        profiles = {
            "sensor": memory_profile(result.paths[0], limit),
            "aggregator": memory_profile(result.paths[1], context.system.aggregator.memory_bytes),
        }
        write_json(context.path("memory.json"), profiles["sensor"].to_dict())
        record = ExportRecord(
            boundary=dataclasses.asdict(result.boundary) if result.boundary else {},
            devices={
                name: {
                    "tflite_bytes": profile.file_bytes,
                    "weight_bytes": profile.weight_bytes,
                    "arena_bytes_measured": profile.micro_arena.head_bytes if profile.micro_arena else None,
                }
                for name, profile in profiles.items()
            },
        )
        write_json(_record_path(context), dataclasses.asdict(record))


def _quantize(context: Context) -> ExportResult:
    config = context.config
    train = save_arrays(context, "train", context.arrays("train"))
    check = save_arrays(context, "check", context.sample("test", config.export.bit_exact_inputs))
    job = ExportJob(
        architecture=context.path("architecture.json"),
        weights=context.path("weights.npz"),
        train_images=train[0],
        train_labels=train[1],
        check_images=check[0],
        output_dir=context.run.path,
        work_dir=context.path("export"),
        settings=QuantizationSettings(
            epochs=config.export.qat_epochs,
            batch_size=config.export.batch_size,
            learning_rate=config.export.qat_learning_rate,
            label_smoothing=config.fine_tune.label_smoothing,
            calibration_images=min(config.calibration_images, context.count("train")),
            augment_shift_pixels=config.fine_tune.max_shift,
            seed=config.seed,
        ),
        bit_exact_inputs=len(np.load(check[1], mmap_mode="r")),
        data_fingerprint=context.source.fingerprint,
    )
    with progress_bar("quantisation and conversion", len(_STAGES) * 100) as advance:

        def report(stage: str, done: int, total: int) -> None:
            advance(_STAGES.index(stage) * 100 + 100 * done // max(1, total), stage)

        result = run_export(job, report)
    for path in (*train, *check):
        path.unlink()
    return result


def save_arrays(context: Context, name: str, arrays: Arrays) -> tuple[Path, Path]:
    """Images and labels as .npy for the export process."""
    paths = context.path("export", f"{name}_images.npy"), context.path("export", f"{name}_labels.npy")
    for path, values in zip(paths, (arrays.images, arrays.labels), strict=True):
        write_atomically(path, functools.partial(np.save, arr=values))
    return paths


def _int8_predictions(context: Context, result: ExportResult) -> np.ndarray:
    images = resize_bytes(context.arrays("test").images, chosen_architecture(context).resolution)
    with progress_bar("int8 test images", len(images)) as advance:
        logits = run_models(result.paths, images, threads=2, on_progress=lambda done, _: advance(done, ""))
    return np.argmax(logits, axis=-1)
