"""Split-aware neural architecture search for networks that run on smart cameras and the processor behind them."""

__all__ = ["__version__"]

__version__ = "0.1.0"
