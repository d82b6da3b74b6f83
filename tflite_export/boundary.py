"""The contract between the halves: equal scale and zero point, and bits that equal the whole network's."""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tflite_export.images import INPUT_SCALE, INPUT_ZERO_POINT
from tflite_export.interpreter import Int8Model, Quantization, count_equal

__all__ = ["Boundary", "BoundaryError", "check_boundary", "check_input", "check_whole"]


class BoundaryError(RuntimeError):
    """Two files that do not belong together: deployed as a pair they would compute something else."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Boundary:
    """What crosses the link, and how far it was checked."""

    scale: float
    """Scale of the sensor's output and of the aggregator's input."""
    zero_point: int
    """Their zero point."""
    bit_exact_inputs: int
    """Number of test images for which the halves gave the whole network's logits bit for bit; all that were tried."""


def check_boundary(sensor: Path, aggregator: Path) -> Quantization:
    """Compare the sensor's output with the aggregator's input.

    Returns:
        The quantisation that both have.

    Raises:
        BoundaryError: Shape, scale or zero point differ.
    """
    first, second = Int8Model(sensor), Int8Model(aggregator)
    if first.output_shape != second.input_shape:
        raise BoundaryError(
            f"{sensor} yields {list(first.output_shape)}, {aggregator} takes {list(second.input_shape)}; "
            "the files are not halves of one network"
        )
    if first.output_quantization != second.input_quantization:
        raise BoundaryError(
            f"{sensor} yields {first.output_quantization}, {aggregator} takes {second.input_quantization}; "
            "bytes would change their meaning on the way: export both again"
        )
    return first.output_quantization


def check_input(path: Path) -> None:
    """Refuse a first half whose input is anything but camera bytes minus 128.

    Raises:
        BoundaryError: Scale or zero point is another.
    """
    found = Int8Model(path).input_quantization
    if found.zero_point != INPUT_ZERO_POINT or not np.isclose(found.scale, INPUT_SCALE, rtol=1e-6, atol=0.0):
        raise BoundaryError(
            f"{path}: an image's scale should be 1/255 and its zero point {INPUT_ZERO_POINT}, received {found}"
        )


def check_whole(
    sensor: Path,
    aggregator: Path,
    whole: Path,
    images: np.ndarray,
    on_progress: Callable[[int, int], None] | None = None,
) -> Boundary:
    """Check the pair against the network in one piece, with reference kernels.

    Args:
        sensor: First half.
        aggregator: Second half.
        whole: The same network as one file.
        images: uint8 `[n, s, s, 3]` at the network's resolution.
        on_progress: Called with the number of inferences done and in total.

    Raises:
        BoundaryError: The boundary differs, or one image gives different bits.
    """
    quantization = check_boundary(sensor, aggregator)
    equal = count_equal((sensor, aggregator), whole, images, on_progress, threads=os.cpu_count() or 1)
    if equal != len(images):
        raise BoundaryError(
            f"{sensor.name} and {aggregator.name} in sequence differ from {whole.name} on {len(images) - equal} of "
            f"{len(images)} images (reference kernels); expected equality bit for bit"
        )
    return Boundary(scale=quantization.scale, zero_point=quantization.zero_point, bit_exact_inputs=equal)
