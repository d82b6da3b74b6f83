"""A float network -> int8 .tflite files: ranges, fine-tuning, conversion. Runs in the export process only."""

import dataclasses
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tf_keras

from splitnets_tf.errors import UserError
from splitnets_tf.supernet.materialize import NetworkModels, build_network, load_network_weights, set_network_weights
from tflite_export.conversion import convert
from tflite_export.images import open_images, open_labels
from tflite_export.job import ExportJob
from tflite_export.network_file import NetworkFile
from tflite_export.quantized_network import QuantizedNetwork
from tflite_export.ranges import measure_ranges
from tflite_export.training import EpochLog, TrainingData, refresh_weight_ranges, train

__all__ = ["Flatbuffers", "quantize"]

Progress = Callable[[str, int, int], None]
CHECKPOINT = "qat_checkpoint.npz"
"""The state behind the last whole epoch, in the job's work folder."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Flatbuffers:
    """The converted network."""

    segments: tuple[bytes, ...]
    """(sensor, aggregator), or the network in one piece."""
    whole: bytes
    """The network in one piece."""
    history: tuple[EpochLog, ...]
    """One entry per epoch of fine-tuning."""
    untrained: tuple[bytes, ...] = ()
    """Before fine-tuning, the segments by post-training quantisation, for comparison; empty with method `ptq`."""


def quantize(job: ExportJob, network_file: NetworkFile, *, fingerprint: str, on_progress: Progress) -> Flatbuffers:
    """Carry out a job up to the flatbuffers.

    With method `ptq` the ranges of calibration images are final; with `qat` they are where fine-tuning starts, and the
    segments are converted there as well, so that both methods can be compared.

    Raises:
        UserError: Weights, images or labels do not fit the network.
    """
    plan = network_file.plan
    data = _training_data(job, network_file)
    models = _float_models(job, network_file)
    network = QuantizedNetwork(models)
    on_progress("load", 1, 1)
    on_progress("calibrate", 0, 1)
    chosen = _calibration_images(data.images, job)
    batch_size = job.settings.batch_size
    ranges = measure_ranges(
        tf_keras, models, network.quantized_layers, chosen, resolution=plan.resolution, batch_size=batch_size
    )
    network.set_ranges(ranges)
    trains = job.settings.method == "qat"
    untrained = _untrained_segments(network, data, job) if trains else ()
    on_progress("calibrate", 1, 1)
    epochs = job.settings.epochs if trains else 0
    history = train(
        network,
        data,
        dataclasses.replace(job.settings, epochs=epochs),
        checkpoint=job.work_dir / CHECKPOINT,
        fingerprint=fingerprint,
        on_progress=on_progress,
    )
    return dataclasses.replace(_convert(network, history, on_progress), untrained=untrained)


def _untrained_segments(network: QuantizedNetwork, data: TrainingData, job: ExportJob) -> tuple[bytes, ...]:
    """The segments as method `ptq` would leave them; the network is put back as it was."""
    state = network.state()
    refresh_weight_ranges(network, data, job.settings)
    converted = tuple(convert(function, shape, input_names=names) for names, function, shape in _pieces(network))
    network.restore(state)
    return converted


def _training_data(job: ExportJob, network_file: NetworkFile) -> TrainingData:
    images = open_images(job.train_images, network_file.space.views)
    return TrainingData(
        images=images,
        labels=open_labels(job.train_labels, len(images), network_file.num_classes),
        num_classes=network_file.num_classes,
        resolution=network_file.plan.resolution,
    )


def _float_models(job: ExportJob, network_file: NetworkFile) -> NetworkModels:
    """The network with dense layers as convolutions.

    LiteRT's reference kernel of a dense layer rounds in floating point, TensorFlow Lite Micro's in integers, so a few
    logits would differ by one (LiteRT issue 8567); those of convolutions agree, and have a scale for each channel.
    """
    models = build_network(tf_keras, network_file.plan, dense_as_convolution=True)
    try:
        weights = load_network_weights(job.weights)
        set_network_weights(models, {name: _as_convolution(arrays) for name, arrays in weights.items()})
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise UserError(f"{job.weights}: not the weights of the network in {job.architecture} ({error})") from error
    return models


def _as_convolution(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Kernels of dense layers, the only matrices, become `[1, 1, in, out]`."""
    return [array[np.newaxis, np.newaxis] if array.ndim == 2 else array for array in arrays]


def _calibration_images(images: np.ndarray, job: ExportJob) -> np.ndarray:
    """Images drawn over the whole training set, which may be sorted by class."""
    count = min(job.settings.calibration_images, len(images))
    rows = np.random.default_rng(job.settings.seed).choice(len(images), count, replace=False)
    return images[np.sort(rows)]


def _convert(network: QuantizedNetwork, history: list[EpochLog], on_progress: Progress) -> Flatbuffers:
    segments, pieces = network.segments, _pieces(network)
    if len(segments) > 1:
        views = () if network.fusion is None else (network.fusion.views,)
        pieces.append((("image",), network.from_camera, (*views, *segments[0].input_shape[1:])))
    files = []
    for index, (names, function, shape) in enumerate(pieces):
        on_progress("convert", index, len(pieces))
        files.append(convert(function, shape, input_names=names))
    on_progress("convert", len(pieces), len(pieces))
    return Flatbuffers(segments=tuple(files[: len(segments)]), whole=files[-1], history=tuple(history))


def _pieces(network: QuantizedNetwork) -> list[tuple[tuple[str, ...], Callable[..., Any], Any]]:
    """Of each segment the names of its inputs, its function, and its inputs' shape."""
    first, *rest = network.segments
    pieces: list[tuple[tuple[str, ...], Callable[..., Any], Any]] = [
        (("image",), _inference(first), first.input_shape[1:])
    ]
    for segment in rest:
        if network.fusion is None:
            pieces.append((("feature",), _inference(segment), segment.input_shape[1:]))
        else:
            names = tuple(f"feature_{view}" for view in range(network.fusion.views))
            pieces.append((names, _fusing(network, segment), first.output_shape[1:]))
    return pieces


def _fusing(network: QuantizedNetwork, segment: Any) -> Callable[..., Any]:
    return lambda *features: segment(network.fuse_received(*features), training=False)


def _inference(segment: Any) -> Callable[[Any], Any]:
    return lambda x: segment(x, training=False)
