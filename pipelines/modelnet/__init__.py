"""Multi-view pipeline: one network over all cameras of a headset, and the place where their views are fused.

Run it with `python -m pipelines.modelnet`; `--help` lists the options.
"""
