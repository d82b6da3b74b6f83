"""A memory profile as node data of Google's Model Explorer, which colours the operators of a .tflite file with it."""

from typing import Any

from tflite_export.model_memory import MemoryProfile

__all__ = ["node_data"]


def node_data(profile: MemoryProfile) -> dict[str, Any]:
    """Bytes of activations alive at each operation, from white to red; the peak stands out.

    Args:
        profile: Of the file that Model Explorer shows.

    Returns:
        One graph's data: Model Explorer finds an operator by the name of a tensor that it makes.
    """
    results: dict[str, dict[str, Any]] = {row.result: {"value": row.live_bytes} for row in profile.operations}
    results[profile.peak.result] |= {"bgColor": "#d1495b", "textColor": "#ffffff"}
    return {
        "results": results,
        "gradient": [{"stop": 0, "bgColor": "#ffffff"}, {"stop": 1, "bgColor": "#e8a0aa"}],
    }
