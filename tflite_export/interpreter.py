"""Runs int8 .tflite files with LiteRT, one after the other as they are deployed. No TensorFlow.

XNNPACK, LiteRT's fast kernels, may differ from the reference kernels by a few steps of the output; the reference
kernels equal those of TensorFlow Lite Micro. Accuracy is counted with either, bits are compared with the reference.
"""

import dataclasses
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

from splitnets_tf.errors import UserError
from splitnets_tf.quiet_tensorflow import without_litert_notes
from tflite_export.images import bytes_to_int8

__all__ = [
    "Int8Model",
    "Quantization",
    "count_correct",
    "count_equal",
    "load_interpreter",
    "run_models",
    "run_split",
]

PathLike = Path | str
_PIECE = 64
"""Images that one thread works on before it reports."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Quantization:
    """Real value = scale * (integer - zero_point)."""

    scale: float
    """Size of one step."""
    zero_point: int
    """The integer that stands for 0."""


class Int8Model:
    """One .tflite file with an int8 input, or equal ones for several views, an int8 output and a batch of one.

    Args:
        path: The file.
        reference: Reference kernels instead of XNNPACK.
        threads: Threads inside one inference.

    Raises:
        UserError: The file is missing, is no .tflite file, or is not such a model.
    """

    def __init__(self, path: PathLike, *, reference: bool = False, threads: int = 1) -> None:
        self.path = Path(path)
        interpreter = load_interpreter(self.path, reference=reference, threads=threads)
        try:
            inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
        except UnicodeDecodeError as error:
            raise UserError(f"{path}: a tensor's name is no UTF-8 text ({error}); convert the model again") from error
        self._interpreter = interpreter
        self._inputs = _equal_views(inputs, self.path)
        self._places = {detail["index"]: place for place, detail in enumerate(inputs)}
        self._output = _only(outputs, "output", self.path)

    @property
    def views(self) -> int:
        """Number of inputs."""
        return len(self._inputs)

    @property
    def places(self) -> tuple[int, ...]:
        """Of each view the place of its input among the file's inputs."""
        return tuple(self._places[detail["index"]] for detail in self._inputs)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input, without the batch."""
        return tuple(int(size) for size in self._inputs[0]["shape"][1:])

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of one output, without the batch."""
        return tuple(int(size) for size in self._output["shape"][1:])

    @property
    def input_quantization(self) -> Quantization:
        """Meaning of the input's integers."""
        return _quantization(self._inputs[0])

    @property
    def output_quantization(self) -> Quantization:
        """Meaning of the output's integers."""
        return _quantization(self._output)

    def __call__(self, *values: np.ndarray) -> np.ndarray:
        """int8 `[1, *input_shape]`, one for each input, view 0 first -> int8 `[1, ...]`."""
        for detail, value in zip(self._inputs, values, strict=True):
            self._interpreter.set_tensor(detail["index"], value)
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._output["index"])


def load_interpreter(path: Path, *, reference: bool = False, threads: int = 1) -> Any:
    """LiteRT's interpreter for a file, ready to run.

    Raises:
        UserError: The file is missing or LiteRT cannot load it.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    if not path.is_file():
        raise UserError(f"{path}: no such file; expected a .tflite model")
    resolver = OpResolverType.BUILTIN_REF if reference else OpResolverType.AUTO
    try:
        with without_litert_notes():
            interpreter = Interpreter(str(path), num_threads=threads, experimental_op_resolver_type=resolver)
            interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise UserError(f"{path}: LiteRT cannot load it ({' '.join(str(error).split())})") from error
    return interpreter


def run_models(
    paths: Sequence[PathLike],
    images: np.ndarray,
    *,
    reference: bool = False,
    threads: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """Feed each image through the files in sequence; the int8 tensor between them is handed on as it is.

    Of an object in several views each one passes the sensor's file, and the aggregator's takes all of their features.

    Args:
        paths: (sensor, aggregator), or the only file of a network in one piece.
        images: uint8 `[n, s, s, 3]`, or `[n, views, s, s, 3]`, at the network's resolution.
        reference: Reference kernels instead of XNNPACK.
        threads: Images that are worked on at the same time, each on one thread.
        on_progress: Called with the number of images done and in total, from the calling thread.

    Returns:
        int8 logits `[n, classes]`.

    Raises:
        UserError: A file is missing or unsuitable, or the images do not have the network's resolution.
    """
    chains = [[Int8Model(path, reference=reference) for path in paths] for _ in range(max(1, threads))]
    first, views = chains[0][0], chains[0][-1].views
    expected = (*((views,) if views > 1 else ()), *first.input_shape)
    if images.dtype != np.uint8 or not len(images) or images.shape[1:] != expected:
        raise UserError(
            f"{first.path}: expected uint8 images of shape {['n', *expected]}, received {images.dtype} of "
            f"shape {list(images.shape)}; resize them with tflite_export.resize_bytes"
        )
    idle: SimpleQueue[list[Int8Model]] = SimpleQueue()
    for chain in chains:
        idle.put(chain)

    def run_piece(start: int) -> np.ndarray:
        chain = idle.get()
        try:
            return _run_chain(chain, images[start : start + _PIECE])
        finally:
            idle.put(chain)

    logits = []
    with ThreadPoolExecutor(len(chains)) as pool:
        for index, rows in enumerate(pool.map(run_piece, range(0, len(images), _PIECE))):
            logits.append(rows)
            if on_progress is not None:
                on_progress(min((index + 1) * _PIECE, len(images)), len(images))
    return np.concatenate(logits)


def run_split(
    sensor_path: PathLike, aggregator_path: PathLike, images: np.ndarray, *, reference: bool = False, threads: int = 1
) -> np.ndarray:
    """`run_models` for the two halves of a split network."""
    return run_models((sensor_path, aggregator_path), images, reference=reference, threads=threads)


def count_correct(
    paths: Sequence[PathLike], images: np.ndarray, labels: np.ndarray, *, reference: bool = False, threads: int = 1
) -> int:
    """How many images get their label as the largest logit (the first one on a tie).

    Args:
        paths: See `run_models`.
        images: uint8 `[n, s, s, 3]` at the network's resolution.
        labels: Integers `[n]`.
        reference: Reference kernels instead of XNNPACK.
        threads: Images that are worked on at the same time.
    """
    logits = run_models(paths, images, reference=reference, threads=threads)
    return int(np.sum(np.argmax(logits, axis=-1) == np.asarray(labels)))


def count_equal(
    paths: Sequence[PathLike],
    whole_path: PathLike,
    images: np.ndarray,
    on_progress: Callable[[int, int], None] | None = None,
    *,
    threads: int = 1,
) -> int:
    """For how many images the files in sequence give the whole network's logits bit for bit (reference kernels).

    Args:
        paths: See `run_models`.
        whole_path: The network in one piece.
        images: uint8 `[n, s, s, 3]` at the network's resolution.
        on_progress: Called with the number of inferences done and in total.
        threads: Images that are worked on at the same time.
    """
    total = 2 * len(images)

    def shifted(offset: int) -> Callable[[int, int], None]:
        return lambda done, _: on_progress(offset + done, total) if on_progress is not None else None

    halves = run_models(paths, images, reference=True, threads=threads, on_progress=shifted(0))
    whole = run_models((whole_path,), images, reference=True, threads=threads, on_progress=shifted(len(images)))
    return int(np.sum(np.all(halves == whole, axis=-1)))


def _run_chain(models: Sequence[Int8Model], images: np.ndarray) -> np.ndarray:
    rows = []
    for value in bytes_to_int8(images):
        several = value.ndim > len(models[0].input_shape)
        values = [view[np.newaxis] for view in value] if several else [value[np.newaxis]]
        for model in models:
            values = [model(*values)] if model.views > 1 else [model(each) for each in values]
        rows.append(values[0][0])
    return np.stack(rows)


def _equal_views(details: Sequence[dict[str, Any]], path: Path) -> list[dict[str, Any]]:
    """The inputs in the natural order of their names: of an aggregator the views."""
    if len(details) < 2:
        return [_only(list(details), "input", path)]
    inputs = [_only([detail], "input", path) for detail in sorted(details, key=lambda detail: _natural(detail["name"]))]
    if len({(tuple(d["shape"]), tuple(d["quantization"])) for d in inputs}) != 1:
        raise UserError(f"{path}: its inputs differ in shape or quantisation; expected one for each of equal views")
    return inputs


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort key in which `view_10` stands behind `view_9`."""
    pieces = re.split(r"([0-9]+)", name)
    # Every second piece is a number; it stays text, for Python refuses to convert thousands of digits.
    pieces[1::2] = [digits.lstrip("0") for digits in pieces[1::2]]
    return [(len(piece) if place % 2 else 0, piece) for place, piece in enumerate(pieces)]


def _only(details: list[dict[str, Any]], what: str, path: Path) -> dict[str, Any]:
    if len(details) != 1 or details[0]["dtype"] != np.int8 or list(details[0]["shape"][:1]) != [1]:
        found = [f"{detail['dtype'].__name__}{[int(size) for size in detail['shape']]}" for detail in details]
        raise UserError(f"{path}: expected one int8 {what} with a batch of 1, received {', '.join(found) or 'none'}")
    return details[0]


def _quantization(detail: dict[str, Any]) -> Quantization:
    scale, zero_point = detail["quantization"]
    return Quantization(scale=float(scale), zero_point=int(zero_point))
