"""Cutting a .tflite file: parts in sequence equal the whole bit for bit."""

import numpy as np
import pytest

from pipelines.partitioning.tflite_model import TfliteRunner
from splitnets_tf.errors import UserError
from splitnets_tf.graph import cut_tflite, read_tflite, signature_tensors
from splitnets_tf.graph.tflite_file import read_tflite_file
from splitnets_tf.hardware import crossing_tensors, part, plan_arena, total_macs
from tests.splitnets_tf.graph.small_networks import NETWORKS, images


def _cut(path, n):
    content = path.read_bytes()
    graph = read_tflite(path)
    index = {tensor.name: tensor.index for tensor in read_tflite_file(path).tensors}
    inputs, outputs = signature_tensors(content)
    crossing = [index[name] for name in crossing_tensors(graph, n)]
    head = cut_tflite(content, inputs, {f"output{i}": tensor for i, tensor in enumerate(crossing)})
    tail = cut_tflite(content, {f"input{i}": tensor for i, tensor in enumerate(crossing)}, outputs)
    return head, tail


@pytest.mark.parametrize(("name", "kind"), [*((name, "int8") for name in NETWORKS), ("relu6", "float")])
def test_parts_equal_the_whole_at_every_second_cut(small_files, tmp_path, name, kind):
    path = small_files[name, kind]
    graph = read_tflite(path)
    whole = TfliteRunner(path)
    for n in range(1, len(graph.operations), 2):
        head, tail = _cut(path, n)
        sensor, aggregator = TfliteRunner(head), TfliteRunner(tail)
        for image in images(2):
            arrays = whole.quantised([image[None]]) if kind == "int8" else [image[None]]
            assert np.array_equal(aggregator(sensor(arrays))[0], whole(arrays)[0])
        for content, (start, end) in ((head, (0, n)), (tail, (n, len(graph.operations)))):
            piece = tmp_path / "piece.tflite"
            piece.write_bytes(content)
            expected = part(graph, start, end)
            assert total_macs(read_tflite(piece)) == total_macs(expected)
            assert plan_arena(read_tflite(piece)).arena_bytes == plan_arena(expected).arena_bytes
    assert len(head) + len(tail) < 2 * path.stat().st_size


def test_the_boundary_keeps_scale_and_zero_point(small_files):
    head, tail = _cut(small_files["relu6", "int8"], 3)
    sent, taken = TfliteRunner(head).output_details, TfliteRunner(tail).input_details
    assert [d["quantization"] for d in sent] == [d["quantization"] for d in taken]


def test_a_part_that_lacks_a_tensor_is_refused(small_files):
    path = small_files["swish and squeeze", "int8"]
    content = path.read_bytes()
    _, outputs = signature_tensors(content)
    graph = read_tflite(path)
    index = {tensor.name: tensor.index for tensor in read_tflite_file(path).tensors}
    two = next(crossing_tensors(graph, n) for n in range(1, 20) if len(crossing_tensors(graph, n)) > 1)
    with pytest.raises(UserError, match="the part needs"):
        cut_tflite(content, {"input0": index[two[-1]]}, outputs)


def test_a_damaged_file_is_refused():
    with pytest.raises(UserError, match="damaged"):
        cut_tflite(b"\x10\0\0\0TFL3", {"a": 0}, {"b": 1})
