"""Exports a network on several devices: `python -m tflite_export.placed_worker --job job.json`.

Runs in a process of its own, as TF-MOT accepts nothing but tf_keras. An interrupted training goes on behind its last
whole epoch.
"""

import argparse
import dataclasses
import hashlib
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from splitnets_tf.errors import UserError
from splitnets_tf.files import sha256_of_file, write_bytes, write_json
from tflite_export.job import ExportJob, read_job
from tflite_export.placed_file import read_placed_file

__all__ = ["export_placed", "main"]

RESULT = "placed.json"
"""What an export leaves in the job's work folder."""


def export_placed(job: ExportJob) -> None:
    """Quantise, write one file for each device, check them, write the result.

    Args:
        job: `architecture` is a placed file; `output_dir` receives `<device>.tflite`.

    Raises:
        UserError: An input does not fit.
        BoundaryError: The devices do not agree with one another or with the whole.
    """
    job.check_inputs()
    network_file, num_classes = read_placed_file(job.architecture)
    import tensorflow as tf
    import tf_keras

    from splitnets_tf.supernet.materialize import load_network_weights, set_network_weights
    from splitnets_tf.supernet.placed_models import build_placed
    from tflite_export.images import open_images, open_labels, resize_bytes
    from tflite_export.placed_files import PlacedFiles, check_placed
    from tflite_export.training import TrainingData

    tf.config.experimental.enable_op_determinism()
    models = build_placed(tf_keras, network_file)
    try:
        set_network_weights(models, load_network_weights(job.weights))
    except ValueError as error:
        raise UserError(f"{job.weights}: not the weights of the network in {job.architecture} ({error})") from error
    images = open_images(job.train_images)
    data = TrainingData(
        images=images,
        labels=open_labels(job.train_labels, len(images), num_classes),
        num_classes=num_classes,
        resolution=network_file.resolution,
    )
    contents, whole_content, history = _quantized(job, models, data)
    paths = tuple(job.output_dir / f"{device}.tflite" for device in models.devices)
    for path, content in zip(paths, contents, strict=True):
        write_bytes(path, content)
    whole = job.work_dir / "whole.tflite"
    write_bytes(whole, whole_content)
    files = PlacedFiles(devices=models.devices, paths=paths, sources=models.sources)
    check_images = resize_bytes(open_images(job.check_images)[: job.bit_exact_inputs], network_file.resolution)
    record = {
        "devices": list(files.devices),
        "paths": [str(path) for path in paths],
        "bytes": [path.stat().st_size for path in paths],
        "sources": [list(places) for places in files.sources],
        "whole": str(whole),
        "boundary": check_placed(files, whole, check_images),
        "history": history,
    }
    write_json(job.work_dir / RESULT, record)


def _quantized(job: ExportJob, models: Any, data: Any) -> tuple[list[bytes], bytes, list[dict[str, float]]]:
    """The devices' files, the whole network's, and one entry for each epoch."""
    import numpy as np
    import tf_keras

    from tflite_export.conversion import convert
    from tflite_export.placed_network import PlacedQuantizedNetwork
    from tflite_export.ranges import measure_ranges
    from tflite_export.training import train

    network = PlacedQuantizedNetwork(models)
    settings = job.settings
    count = min(settings.calibration_images, len(data.images))
    chosen = np.sort(np.random.default_rng(settings.seed).choice(len(data.images), count, replace=False))
    ranges = measure_ranges(
        tf_keras,
        models,
        network.quantized_layers,
        data.images[chosen],
        resolution=data.resolution,
        batch_size=settings.batch_size,
        sources=models.sources,
    )
    network.set_ranges(ranges)
    epochs = settings.epochs if settings.method == "qat" else 0
    history = train(
        network,
        data,
        dataclasses.replace(settings, epochs=epochs),
        checkpoint=job.work_dir / "qat_checkpoint.npz",
        fingerprint=_fingerprint(job),
        on_progress=lambda stage, done, total: None,
    )
    network.link()
    contents = [
        convert(_inference(segment), segment.input_shape[1:], input_names=("feature" if sources else "image",))
        for segment, sources in zip(network.segments, models.sources, strict=True)
    ]
    whole = convert(network, network.segments[0].input_shape[1:], input_names=("image",))
    return contents, whole, [dataclasses.asdict(log) for log in history]


def _inference(segment: Any) -> Callable[[Any], Any]:
    return lambda x: segment(x, training=False)


def _fingerprint(job: ExportJob) -> str:
    files = (job.architecture, job.weights, job.train_images, job.train_labels)
    description = [[sha256_of_file(path) for path in files], dataclasses.asdict(job.settings)]
    return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tflite_export.placed_worker", description=__doc__)
    parser.add_argument("--job", type=Path, required=True, help="job file, see tflite_export.ExportJob")
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        export_placed(read_job(arguments.job))
    except UserError as error:
        sys.stderr.write(f"UserError: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    # Everything is on disk; taking TensorFlow's graphs apart piece by piece would cost seconds.
    os._exit(code)
