"""Whether TensorFlow Lite Micro computes what LiteRT's reference kernels do, on the files as they are deployed.

TensorFlow Lite Micro may abort on a model that it cannot run, so it works in a process of its own, which starts this
module as a script.
"""

import dataclasses
import importlib.metadata
import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["MicroAgreement", "micro_agreement"]

_TIMEOUT_S = 900


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class MicroAgreement:
    """How TensorFlow Lite Micro's answers compare with LiteRT's reference kernels."""

    images: int
    """Images, or objects in several views, that went through all files in sequence."""
    identical: int
    """Those for which every file's output was the same bit for bit."""
    version: str
    """Of the package tflite-micro."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data, with the name of the tool."""
        values = {"images": self.images, "identical": self.identical}
        return values | {"measured_by": f"TensorFlow Lite Micro {self.version}"}


def micro_agreement(
    paths: Sequence[Path], images: np.ndarray, arena_sizes_bytes: Sequence[int]
) -> MicroAgreement | str:
    """Run the files in sequence with TensorFlow Lite Micro and with LiteRT's reference kernels.

    Each file gets the same input from both, so a difference in the first does not hide one in the second.

    Args:
        paths: (sensor, aggregator), or the only file of a network in one piece.
        images: uint8 `[n, s, s, 3]`, or `[n, views, s, s, 3]`, at the network's resolution.
        arena_sizes_bytes: Arena of each file, ample.

    Returns:
        The comparison, or one line that says why there is none.
    """
    if importlib.util.find_spec("tflite_micro") is None:
        return "not measured: the package tflite-micro is not installed (it comes with the extra [deploy])"
    # These import nothing of TensorFlow; the script below must not need the package.
    from tflite_export.images import bytes_to_int8
    from tflite_export.interpreter import Int8Model

    equal = np.ones(len(images), bool)
    values = bytes_to_int8(images.reshape(-1, *images.shape[-3:]))
    for path, arena_size in zip(paths, arena_sizes_bytes, strict=True):
        model = Int8Model(path, reference=True)
        values = values.reshape(-1, model.views, *model.input_shape)
        expected = np.concatenate([model(*value[:, np.newaxis]) for value in values])
        received = _run_micro(path, values, model.places, arena_size)
        if isinstance(received, str):
            return received
        equal &= np.all((received == expected).reshape(len(images), -1), axis=1)
        values = expected
    version = importlib.metadata.version("tflite-micro")
    return MicroAgreement(images=len(images), identical=int(np.sum(equal)), version=version)


def _run_micro(path: Path, values: np.ndarray, places: Sequence[int], arena_size_bytes: int) -> np.ndarray | str:
    """Outputs `[n, ...]` for inputs `[n, views, ...]`, or why there are none."""
    from tflite_export.micro_arena import micro_reason
    from tflite_export.tool_process import run_program

    with tempfile.TemporaryDirectory() as folder:
        inputs, outputs = Path(folder, "inputs.npy"), Path(folder, "outputs.npy")
        np.save(inputs, values)
        request = json.dumps([str(path), arena_size_bytes, list(places), str(inputs), str(outputs)])
        try:
            done = run_program([str(Path(__file__).resolve()), request], timeout_s=_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return f"not measured: TensorFlow Lite Micro took more than {_TIMEOUT_S} s on {path.name}"
        if done.returncode != 0 or not outputs.is_file():
            why = micro_reason(done.stderr.decode("utf-8", "replace"), done.returncode)
            return f"not measured: TensorFlow Lite Micro cannot run {path.name} ({why})"
        return np.load(outputs, allow_pickle=False)


def _main() -> None:
    from tflite_micro import runtime

    model, arena_size, places, inputs, outputs = json.loads(sys.argv[1])
    interpreter = runtime.Interpreter.from_file(model, arena_size=arena_size)
    results = []
    for views in np.load(inputs, allow_pickle=False):
        for view, place in zip(views, places, strict=True):
            interpreter.set_input(view[np.newaxis], place)
        interpreter.invoke()
        results.append(np.array(interpreter.get_output(0)))
    np.save(outputs, np.concatenate(results))


if __name__ == "__main__":
    _main()
