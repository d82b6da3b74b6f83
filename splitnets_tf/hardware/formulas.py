"""The scalar formulas of the cost model; every argument may be a NumPy array, so populations use the same code."""

from __future__ import annotations

from typing import Any, TypeVar

from numpy.typing import NDArray

__all__ = ["energy_mj", "feature_bytes", "latency_ms", "throughput_per_s", "transfer_ms"]

Number = TypeVar("Number", float, NDArray[Any])
Whole = TypeVar("Whole", int, NDArray[Any])


def latency_ms(macs: Number, macs_per_s: float) -> Number:
    """Returns the time for a number of multiply-accumulates at peak speed, in milliseconds.

    Args:
        macs: Multiply-accumulates, a number or an array.
        macs_per_s: Speed of the processor; the paper counts one operation per multiply-accumulate.

    Reference:
        SplitNets (arXiv 2204.04705), section 3.2: T = MACs / Comp.
    """
    return macs / macs_per_s * 1e3


def feature_bytes(elements: Whole, bits: int = 8) -> Whole:
    """Returns the bytes of so many elements of `bits` bits each, rounded up to whole bytes.

    Args:
        elements: Number of elements, a number or an array of integers.
        bits: Bits of an element: 4, 8, 16 or 32.
    """
    return -(-elements * bits // 8)


def transfer_ms(size_bytes: Number, bandwidth_bytes_per_s: float) -> Number:
    """Returns the time that so many bytes take over a link, in milliseconds.

    Args:
        size_bytes: Bytes, a number or an array.
        bandwidth_bytes_per_s: Bandwidth that one sender has (its share of a shared bus).

    Reference:
        SplitNets (arXiv 2204.04705), section 3.2 and Table 4: T_comm = bytes(z) / share of the bus.
    """
    return size_bytes / bandwidth_bytes_per_s * 1e3


def throughput_per_s(*stages_ms: float) -> float:
    """Returns the frames per second of a pipeline whose stages work at the same time: one per slowest stage.

    Args:
        *stages_ms: Time of each stage in milliseconds.

    Returns:
        Frames per second; infinite where no stage takes time.
    """
    slowest = max(stages_ms, default=0.0)
    return 1e3 / slowest if slowest > 0 else float("inf")


def energy_mj(
    *,
    macs: Number,
    pj_per_mac: float,
    sram_bytes: Number,
    pj_per_sram_byte: float,
    idle_mw: float,
    latency_ms: Number,
) -> Number:
    """Returns a processor's energy for one frame in millijoules.

    Args:
        macs: Multiply-accumulates.
        pj_per_mac: Energy of one of them in picojoules.
        sram_bytes: Bytes read from and written to its memory.
        pj_per_sram_byte: Energy of one byte in picojoules.
        idle_mw: Power that it draws all the time, in milliwatts.
        latency_ms: Time from image to answer in milliseconds.

    Returns:
        E = MACs * e_mac + bytes * e_sram + P_idle * T (a link adds bytes * e_link).
    """
    dynamic_pj = macs * pj_per_mac + sram_bytes * pj_per_sram_byte
    return dynamic_pj * 1e-9 + idle_mw * latency_ms * 1e-3
