"""Runnable pipelines: configuration, run directory, stages and report."""
