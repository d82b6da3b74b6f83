"""Which `QuantizeConfig` a layer gets where TF-MOT's registry has none or a wrong one.

A registry of our own entries; whatever is not in it goes to TF-MOT's 8-bit registry. A layer that neither knows ends
the export with a message that names it.
"""

from typing import Any

__all__ = ["custom_objects", "quantize_config_for"]

_CONFIGS: dict[str, Any] = {}
"""Layer class name -> function from the layer to its config, or to None for TF-MOT's own."""


def quantize_config_for(layer: Any) -> Any:
    """The layer's own config, or None where TF-MOT's registry decides."""
    make = _CONFIGS.get(type(layer).__name__)
    return make(layer) if make else None


def custom_objects() -> dict[str, type]:
    """Classes that deserialisation has to know, by name."""
    return {}
