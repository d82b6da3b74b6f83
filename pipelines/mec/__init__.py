"""JMSNAS: one network over a chain or a mesh of devices; the command is `python -m pipelines.mec`."""
