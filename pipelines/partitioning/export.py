"""Writes the two halves of a partitioned Keras model and checks that together they equal the whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.partitioning.tflite_model import TfliteRunner, convert
from splitnets_tf.errors import UserError
from splitnets_tf.partition import Partition, keras_halves

__all__ = ["ExportResult", "export_halves"]

_CHECKED_INPUTS = 16
_FLOAT_TOLERANCE = 1e-4
"""Largest difference over the largest output; the whole and the halves may be compiled differently."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportResult:
    """What was written, and how well the halves equal the whole."""

    files: tuple[Path, ...]
    """Files that were written."""

    checked_inputs: int
    """Number of inputs on which halves and whole were compared."""

    float_difference: float
    """Largest difference between the float halves and the whole, over the largest output."""

    int8_equal: int | None
    """Inputs on which the int8 halves equal the whole int8 model bit for bit; None without calibration data."""

    boundary: tuple[tuple[float, int], ...]
    """Scale and zero point of each int8 tensor that crosses."""


def export_halves(
    model: Any, partition: Partition, directory: Path, inputs: NDArray[np.float32], *, int8: bool
) -> ExportResult:
    """Writes both halves as .keras, float .tflite and, with `int8`, int8 .tflite files.

    Args:
        model: The whole Keras 3 model.
        partition: Where it is cut.
        directory: Folder for the files; made where missing.
        inputs: Inputs for calibration and for the check, [n, *shape].
        int8: Whether to write int8 files.

    Returns:
        Files and differences.

    Raises:
        UserError: If the partition is not into two halves, or the halves do not equal the whole.
    """
    cuts = set(partition.cuts)
    if len(cuts) != 1:
        raise UserError(f"method {partition.method} cuts the network into more than two parts; export another method's")
    halves = keras_halves(model, partition.graph, cuts.pop())
    directory.mkdir(parents=True, exist_ok=True)
    files = [
        _save_keras(halves.sensor, directory / "sensor.keras"),
        _save_keras(halves.aggregator, directory / "aggregator.keras"),
    ]
    parts = (halves.sensor, halves.aggregator)
    contents = [convert(part) for part in parts]
    checked = inputs[:_CHECKED_INPUTS]
    difference = _float_difference(model, contents, checked, len(halves.crossing))
    files += _write_pair(directory, "float", contents)
    equal: int | None = None
    boundary: tuple[tuple[float, int], ...] = ()
    if int8:
        contents, boundary = _int8_halves(parts, inputs, len(halves.crossing))
        equal = _equal_inputs(convert(model, calibration=[[x[None]] for x in inputs]), contents, checked)
        files += _write_pair(directory, "int8", contents)
    return ExportResult(
        files=tuple(files),
        checked_inputs=len(checked),
        float_difference=difference,
        int8_equal=equal,
        boundary=boundary,
    )


def _float_difference(model: Any, contents: list[bytes], inputs: NDArray[np.float32], crossing: int) -> float:
    sensor, aggregator = (TfliteRunner(content) for content in contents)
    worst = 0.0
    for x in inputs:
        whole = _as_arrays(model(x[None], training=False))
        features = sensor([x[None]])
        results = [*aggregator(features[:crossing]), *features[crossing:]]
        if sorted(array.shape for array in whole) != sorted(array.shape for array in results):
            raise UserError("the halves do not give the results of the whole model; please report this model")
        top = max(float(np.abs(array).max()) for array in whole) or 1.0
        gaps = [min(float(np.abs(a - b).max()) for b in results if a.shape == b.shape) for a in whole]
        worst = max(worst, max(gaps) / top)
    if not worst <= _FLOAT_TOLERANCE:
        raise UserError(
            f"the float halves differ from the whole by {worst:.2g} of its largest output, more than "
            f"{_FLOAT_TOLERANCE:g}; nothing but the .keras files was written"
        )
    return worst


def _int8_halves(
    parts: tuple[Any, Any], inputs: NDArray[np.float32], crossing: int
) -> tuple[list[bytes], tuple[tuple[float, int], ...]]:
    features = [_as_arrays(parts[0](x[None], training=False))[:crossing] for x in inputs]
    contents = [convert(parts[0], calibration=[[x[None]] for x in inputs]), convert(parts[1], calibration=features)]
    sensor, aggregator = (TfliteRunner(content) for content in contents)
    sent = [details["quantization"] for details in sensor.output_details[:crossing]]
    taken = [details["quantization"] for details in aggregator.input_details]
    if sent != taken:
        raise UserError(
            f"the int8 halves disagree at the boundary: the sensor sends (scale, zero point) {sent}, the aggregator "
            f"takes {taken}; cut behind an activation instead"
        )
    return contents, tuple((float(scale), int(zero_point)) for scale, zero_point in sent)


def _equal_inputs(whole: bytes, contents: list[bytes], inputs: NDArray[np.float32]) -> int:
    run = TfliteRunner(whole)
    sensor, aggregator = (TfliteRunner(content) for content in contents)
    equal = 0
    for x in inputs:
        entry = run.quantised([x[None]])
        features = sensor(entry)
        crossing = len(aggregator.input_details)
        results = [*aggregator(features[:crossing]), *features[crossing:]]
        equal += all(any(np.array_equal(a, b) for b in results) for a in run(entry))
    return equal


def _write_pair(directory: Path, kind: str, contents: list[bytes]) -> list[Path]:
    paths = [directory / f"{side}_{kind}.tflite" for side in ("sensor", "aggregator")]
    for path, content in zip(paths, contents, strict=True):
        temporary = path.with_name(f".{path.name}.tmp")
        temporary.write_bytes(content)
        temporary.replace(path)
    return paths


def _save_keras(model: Any, path: Path) -> Path:
    temporary = path.with_name(f".{path.stem}.tmp.keras")
    model.save(temporary)
    temporary.replace(path)
    return path


def _as_arrays(outputs: Any) -> list[NDArray[Any]]:
    return [np.asarray(output) for output in (outputs if isinstance(outputs, list | tuple) else [outputs])]
