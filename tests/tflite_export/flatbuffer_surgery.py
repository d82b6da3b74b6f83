"""Changes a .tflite file through its schema, to make files that a check has to refuse."""

from pathlib import Path

import flatbuffers
from ai_edge_litert import schema_py_generated as schema


def rewrite(source: Path, target: Path, change) -> Path:
    """Write a copy of a model on which `change(model object)` was called."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(source.read_bytes(), 0))
    change(model)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    target.write_bytes(bytes(builder.Output()))
    return target


def input_tensor(model):
    """The model's only input."""
    graph = model.subgraphs[0]
    return graph.tensors[graph.inputs[0]]


def largest_buffer(model):
    """The largest constant of the model."""
    return max((buffer for buffer in model.buffers if buffer.data is not None), key=lambda buffer: len(buffer.data))
