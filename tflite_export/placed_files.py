"""The files of several devices at work: each reads what its sources sent. No TensorFlow."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from splitnets_tf.files import read_json
from tflite_export.boundary import BoundaryError
from tflite_export.images import bytes_to_int8
from tflite_export.interpreter import Int8Model, run_models

__all__ = ["PlacedFiles", "check_placed", "read_placed_result"]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class PlacedFiles:
    """One .tflite file for each device that computes something."""

    devices: tuple[str, ...]
    """Names, in an order in which they can run."""
    paths: tuple[Path, ...]
    """Their files."""
    sources: tuple[tuple[int, ...], ...]
    """For each the places of the devices whose outputs it reads side by side; none for the one with the image."""

    def run(
        self,
        images: np.ndarray,
        *,
        reference: bool = False,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> np.ndarray:
        """Feed each image through the devices; int8 tensors are handed on as they are.

        Args:
            images: uint8 `[n, s, s, 3]` at the network's resolution.
            reference: Reference kernels instead of XNNPACK.
            on_progress: Called with the number of images done and in total.

        Returns:
            int8 logits `[n, classes]`.
        """
        models = [Int8Model(path, reference=reference) for path in self.paths]
        rows = []
        for done, image in enumerate(bytes_to_int8(images), start=1):
            rows.append(self._answer(models, image[np.newaxis]))
            if on_progress is not None:
                on_progress(done, len(images))
        return np.concatenate(rows)

    def _answer(self, models: Sequence[Int8Model], image: np.ndarray) -> np.ndarray:
        outputs: list[np.ndarray] = []
        for model, places in zip(models, self.sources, strict=True):
            received = [outputs[place] for place in places] or [image]
            outputs.append(model(np.concatenate(received, axis=-1)))
        return outputs[-1]


def check_placed(files: PlacedFiles, whole: Path, images: np.ndarray) -> dict[str, Any]:
    """Check that what is sent means the same on both sides, and that the devices equal the network in one piece.

    Args:
        files: The devices' files.
        whole: The same network as one file.
        images: uint8 `[n, s, s, 3]` at the network's resolution; compared with reference kernels.

    Returns:
        `tensors` (what each device sends: `from`, `scale`, `zero_point`) and `bit_exact_inputs`.

    Raises:
        BoundaryError: A scale or zero point differs, or one image gives other bits.
    """
    models = [Int8Model(path) for path in files.paths]
    for device, model, places in zip(files.devices, models, files.sources, strict=True):
        for place in places:
            if models[place].output_quantization != model.input_quantization:
                raise BoundaryError(
                    f"{files.devices[place]} sends {models[place].output_quantization}, {device} reads "
                    f"{model.input_quantization}; bytes would change their meaning on the way"
                )
    parts = files.run(images, reference=True)
    equal = int(np.sum(np.all(parts == run_models((whole,), images, reference=True), axis=-1)))
    if equal != len(images):
        raise BoundaryError(
            f"the devices in sequence differ from {whole.name} on {len(images) - equal} of {len(images)} images "
            "(reference kernels); expected equality bit for bit"
        )
    sent = [
        {"from": device, **dataclasses.asdict(model.output_quantization)}
        for device, model in zip(files.devices[:-1], models[:-1], strict=True)
    ]
    return {"tensors": sent, "bit_exact_inputs": equal}


def read_placed_result(path: Path) -> tuple[PlacedFiles, dict[str, Any]]:
    """What the export left: the files, and the whole record."""
    record = read_json(path, "the result of an export")
    files = PlacedFiles(
        devices=tuple(record["devices"]),
        paths=tuple(Path(name) for name in record["paths"]),
        sources=tuple(tuple(places) for places in record["sources"]),
    )
    return files, record
