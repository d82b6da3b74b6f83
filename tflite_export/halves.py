"""The two files at work: which sensor file belongs to an aggregator file, and the aggregator with one or more views."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from splitnets_tf.errors import UserError
from splitnets_tf.files import sha256_of_file
from tflite_export.interpreter import Int8Model, Quantization
from tflite_export.tool_process import run_tool

__all__ = ["Aggregator", "fingerprint", "image_size", "open_pair", "probe_model", "require_grpc"]

_PROBE = (
    "import sys; from ai_edge_litert.interpreter import Interpreter; i = Interpreter(sys.argv[1]); "
    "i.allocate_tensors(); i.invoke()"
)


def fingerprint(path: Path) -> bytes:
    """SHA-256 of a model file."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected a .tflite model")
    return bytes.fromhex(sha256_of_file(path))


def require_grpc() -> None:
    """UserError where gRPC is not installed."""
    if importlib.util.find_spec("grpc") is None:
        raise UserError("gRPC is not installed; pip install splitnets_tf brings it (package grpcio)")


def probe_model(path: Path) -> None:
    """Run a file once in a process of its own, where a damaged one does no harm.

    Raises:
        UserError: It is missing or LiteRT cannot run it.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected a .tflite model")
    run_tool(path, "LiteRT", ["-c", _PROBE, str(path)], timeout_s=120)


def image_size(sensor: Path) -> int:
    """Side of the square images that a sensor's file takes; see `probe_model` before.

    Raises:
        UserError: It takes something else.
    """
    shape = Int8Model(sensor).input_shape
    if len(shape) != 3 or shape[0] != shape[1] or shape[2] != 3 or shape[0] < 1:
        raise UserError(f"{sensor}: takes {list(shape)}, no square RGB image; give the sensor's half")
    return shape[0]


class Aggregator:
    """An aggregator file: int8 features of one or more views in, int8 logits out.

    Args:
        path: The file; its inputs, in the natural order of their names, are the views.

    Raises:
        UserError: It is no such model, or its inputs differ in shape or quantisation.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._model = Int8Model(path)

    @property
    def views(self) -> int:
        """Number of views."""
        return self._model.views

    @property
    def feature_shape(self) -> tuple[int, ...]:
        """Shape of one view's feature, without the batch."""
        return self._model.input_shape

    @property
    def feature_bytes(self) -> int:
        """Bytes of one view's feature."""
        return int(np.prod(self.feature_shape))

    @property
    def quantization(self) -> Quantization:
        """Meaning of a feature's integers."""
        return self._model.input_quantization

    def __call__(self, features: Sequence[bytes]) -> bytes:
        """int8 features, one for each view -> int8 logits."""
        shape = (1, *self.feature_shape)
        logits: bytes = self._model(*(np.frombuffer(feature, np.int8).reshape(shape) for feature in features)).tobytes()
        return logits


def open_pair(sensor: Path, aggregator: Path) -> Aggregator:
    """Open the aggregator file after making sure that the sensor's output is what it takes.

    Raises:
        UserError: A file cannot be run, or the two are not halves of one network.
    """
    for path in (sensor, aggregator):
        probe_model(path)
    model, front = Aggregator(aggregator), Int8Model(sensor)
    if front.output_shape != model.feature_shape or front.output_quantization != model.quantization:
        raise UserError(
            f"{sensor} yields {list(front.output_shape)} with {front.output_quantization}, {aggregator} takes "
            f"{list(model.feature_shape)} with {model.quantization}; they are not halves of one network"
        )
    return model
