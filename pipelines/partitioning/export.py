"""Writes the two halves of a partitioned Keras model and checks that together they equal the whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.partitioning.tflite_model import TfliteRunner, convert
from splitnets_tf.errors import UserError
from splitnets_tf.files import write_atomically, write_bytes
from splitnets_tf.graph import cut_tflite, signature_tensors
from splitnets_tf.hardware import Graph
from splitnets_tf.partition import KerasHalves, Partition, keras_halves

__all__ = ["ExportResult", "export_halves"]

_CHECKED_INPUTS = 16
_FLOAT_TOLERANCE = 1e-5
"""Largest difference over the largest output; Keras may compile the whole and the halves differently."""

Inputs = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportResult:
    """What was written, and how well the halves equal the whole."""

    files: tuple[Path, ...]
    """Files that were written."""

    checked_inputs: int
    """Number of inputs on which halves and whole were compared."""

    keras_difference: float
    """Largest difference between the Keras halves and the whole, over the largest output."""

    float_equal: int
    """Inputs on which the float .tflite halves equal the whole .tflite file bit for bit."""

    int8_equal: int | None
    """The same for the int8 files; None without calibration data."""

    boundary: tuple[tuple[float, int], ...]
    """Scale and zero point of each int8 tensor that crosses."""


def export_halves(model: Any, partition: Partition, directory: Path, inputs: Inputs, *, int8: bool) -> ExportResult:
    """Writes both halves as .keras, float .tflite and, with `int8`, int8 .tflite files, and the whole beside them.

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
    checked = inputs[:_CHECKED_INPUTS]
    difference = _keras_difference(model, halves, checked)
    directory.mkdir(parents=True, exist_ok=True)
    files = [
        _save_keras(halves.sensor, directory / "sensor.keras"),
        _save_keras(halves.aggregator, directory / "aggregator.keras"),
    ]
    contents = _cut_file(convert(halves.tapped), halves, partition.graph)
    float_equal = _checked_equal("float", contents, halves, [[x[None]] for x in checked])
    files += _write(directory, "float", contents)
    int8_equal: int | None = None
    boundary: tuple[tuple[float, int], ...] = ()
    if int8:
        contents = _cut_file(convert(halves.tapped, calibration=[[x[None]] for x in inputs]), halves, partition.graph)
        entry = TfliteRunner(contents["whole"])
        int8_equal = _checked_equal("int8", contents, halves, [entry.quantised([x[None]]) for x in checked])
        files += _write(directory, "int8", contents)
        boundary = TfliteRunner(contents["aggregator"]).input_quantisation
    return ExportResult(
        files=tuple(files),
        checked_inputs=len(checked),
        keras_difference=difference,
        float_equal=float_equal,
        int8_equal=int8_equal,
        boundary=boundary,
    )


def _keras_difference(model: Any, halves: KerasHalves, inputs: Inputs) -> float:
    worst = 0.0
    for x in inputs:
        whole = _as_list(model(x[None], training=False))
        sent = _as_list(halves.sensor(x[None], training=False))
        crossing = sent[: len(halves.crossing)]
        made = _as_list(halves.aggregator(crossing if len(crossing) > 1 else crossing[0], training=False))
        results = _merge(halves, sent[len(crossing) :], made)
        top = max(float(np.abs(array).max()) for array in whole) or 1.0
        worst = max(worst, *(float(np.abs(a - b).max()) / top for a, b in zip(whole, results, strict=True)))
    if not worst <= _FLOAT_TOLERANCE:
        raise UserError(
            f"the halves differ from the whole by {worst:.2g} of its largest output, more than {_FLOAT_TOLERANCE:g}; "
            "nothing was written; cut at another layer"
        )
    return worst


def _cut_file(content: bytes, halves: KerasHalves, graph: Graph) -> dict[str, bytes]:
    """Cuts the converted whole, whose first outputs are the tensors that cross, into `sensor` and `aggregator`."""
    inputs, outputs = signature_tensors(content)
    tapped = iter(range(len(outputs)))
    crossing = [
        inputs[f"input{graph.inputs.index(name)}"] if name in graph.inputs else outputs[f"output{next(tapped)}"]
        for name in halves.crossing
    ]
    results = [outputs[f"output{i}"] for i in tapped]
    on_sensor = [results[i] for i in halves.results_on_sensor]
    behind = [tensor for i, tensor in enumerate(results) if i not in halves.results_on_sensor]
    return {
        "whole": cut_tflite(content, inputs, _named("output", results)),
        "sensor": cut_tflite(content, inputs, _named("output", [*crossing, *on_sensor])),
        "aggregator": cut_tflite(content, _named("input", crossing), _named("output", behind)),
    }


def _checked_equal(kind: str, contents: dict[str, bytes], halves: KerasHalves, inputs: list[list[NDArray[Any]]]) -> int:
    whole, sensor, aggregator = (TfliteRunner(contents[part]) for part in ("whole", "sensor", "aggregator"))
    equal = 0
    for arrays in inputs:
        sent = sensor(arrays)
        count = len(halves.crossing)
        results = _merge(halves, sent[count:], aggregator(sent[:count]))
        equal += all(np.array_equal(a, b) for a, b in zip(whole(arrays), results, strict=True))
    if equal < len(inputs):
        raise UserError(
            f"the {kind} .tflite halves equal the whole on {equal} of {len(inputs)} inputs only; cut at another layer"
        )
    return equal


def _merge(halves: KerasHalves, on_sensor: list[Any], behind: list[Any]) -> list[Any]:
    """Brings the results of both halves into the order of the whole model's."""
    front, back = iter(on_sensor), iter(behind)
    count = len(on_sensor) + len(behind)
    return [next(front) if i in halves.results_on_sensor else next(back) for i in range(count)]


def _named(prefix: str, tensors: list[int]) -> dict[str, int]:
    return {f"{prefix}{i}": tensor for i, tensor in enumerate(tensors)}


def _write(directory: Path, kind: str, contents: dict[str, bytes]) -> list[Path]:
    paths = []
    for part, content in contents.items():
        path = directory / f"{part}_{kind}.tflite"
        write_bytes(path, content)
        paths.append(path)
    return paths


def _save_keras(model: Any, path: Path) -> Path:
    write_atomically(path, model.save)
    return path


def _as_list(outputs: Any) -> list[NDArray[Any]]:
    return [np.asarray(output) for output in (outputs if isinstance(outputs, list | tuple) else [outputs])]
