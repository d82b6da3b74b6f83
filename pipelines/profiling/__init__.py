"""Measures operations on this machine; the command is `python -m pipelines.profile`."""
