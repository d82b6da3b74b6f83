"""Single-view pipeline: from a data set to two int8 TFLite halves and a report.

Run it with `python -m pipelines.imagenet`; `--help` lists the options.
"""
