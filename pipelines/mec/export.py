"""Stage `export`: one int8 file for each device, and the int8 network's answers on the test set."""

from pathlib import Path
from typing import Any

import numpy as np

from pipelines.imagenet.networks import save_predictions
from pipelines.mec.context import MecContext
from pipelines.mec.search import architecture_path
from pipelines.progress import console, progress_bar
from splitnets_tf.files import read_json, write_json

__all__ = ["export", "read_export"]

_TIMEOUT_S = 24 * 3600.0


def _record_path(context: MecContext) -> Path:
    return context.path("export", "placed.json")


def read_export(context: MecContext) -> dict[str, Any]:
    """`boundary` and `files` (device -> `bytes`) of a finished export."""
    record = read_json(_record_path(context), "the result of an export")
    files = {name: {"bytes": size} for name, size in zip(record["devices"], record["bytes"], strict=True)}
    return {"boundary": record["boundary"], "files": files}


def export(context: MecContext) -> None:
    """Quantise and convert in a process of its own; predict the test images with the devices' files."""
    inputs = context.inputs(architecture_path(context), context.path("weights.npz"))
    if context.run.is_done("export", inputs):
        return
    from tflite_export import resize_bytes
    from tflite_export.placed_files import read_placed_result

    with context.run.stage("export", inputs, context.config.seed):
        _run_worker(context)
        files, _ = read_placed_result(_record_path(context))
        images = resize_bytes(context.arrays("test").images, context.space.resolution)
        with progress_bar("int8 test images", len(images)) as advance:
            logits = files.run(images, on_progress=lambda done, _: advance(done, ""))
        save_predictions(context, "int8", np.argmax(logits, axis=-1))


def _run_worker(context: MecContext) -> None:
    from pipelines.imagenet.export import export_job
    from tflite_export.tool_process import run_tool

    with export_job(context, architecture_path(context), context.config.train) as job:
        path = context.path("export", "job.json")
        write_json(path, job.to_dict())
        console().print("quantisation and conversion ...")
        arguments = ["-m", "tflite_export.placed_worker", "--job", str(path)]
        remedy = "mend that and run the same command again"
        run_tool(path, "the export", arguments, timeout_s=_TIMEOUT_S, remedy=remedy, bounded=False)
