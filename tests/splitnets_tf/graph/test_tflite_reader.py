"""Reading .tflite files: agreement with the Keras model, with TensorFlow Lite Micro, and damaged files."""

import subprocess
import sys

import numpy as np
import pytest

from splitnets_tf.errors import UserError
from splitnets_tf.graph import read_keras_model, read_tflite
from splitnets_tf.hardware import (
    fuse_int8,
    live_memory,
    peak_bytes,
    plan_arena,
    total_macs,
    total_params,
    weight_bytes,
)
from tests.splitnets_tf.graph.small_networks import NETWORKS
from tflite_export.micro_arena import MicroArena, measure_micro_arena

BOTH = [(name, kind) for name in NETWORKS for kind in ("int8", "float")]


@pytest.mark.parametrize(("name", "kind"), BOTH)
def test_macs_and_folded_parameters_equal_the_keras_model_s(small_models, small_files, name, kind):
    model, file = read_keras_model(small_models[name]), read_tflite(small_files[name, kind])
    assert total_macs(file) == total_macs(model)
    assert total_params(file) == total_params(fuse_int8(model))
    assert peak_bytes(file) > 0


@pytest.mark.parametrize("name", ["relu6", "swish and squeeze"])
def test_the_int8_lowering_is_what_the_converter_makes(small_models, small_files, name):
    lowered, file = fuse_int8(read_keras_model(small_models[name])), read_tflite(small_files[name, "int8"])
    assert [(op.kind, op.function) for op in lowered.operations] == [(op.kind, op.function) for op in file.operations]
    assert [op.macs for op in lowered.operations] == [op.macs for op in file.operations]
    assert plan_arena(lowered).arena_bytes == plan_arena(file).arena_bytes
    assert [row.live_bytes for row in live_memory(lowered)] == [row.live_bytes for row in live_memory(file)]


def test_parallel_branches_are_lowered_alike_in_an_order_of_the_converter_s_own(small_models, small_files):
    lowered, file = fuse_int8(read_keras_model(small_models["mixed"])), read_tflite(small_files["mixed", "int8"])
    rows = [sorted((op.kind, op.function, op.macs) for op in graph.operations) for graph in (lowered, file)]
    assert rows[0] == rows[1]


@pytest.mark.parametrize("name", ["relu6", "swish and squeeze"])
def test_predicted_constants_are_those_in_the_file(small_models, small_files, name):
    lowered, file = fuse_int8(read_keras_model(small_models[name])), read_tflite(small_files[name, "int8"])
    assert weight_bytes(lowered) == weight_bytes(file)
    assert weight_bytes(file) < small_files[name, "int8"].stat().st_size


@pytest.mark.parametrize(("name", "kind"), BOTH)
def test_the_arena_equals_tflite_micro_s(small_files, name, kind):
    measured = measure_micro_arena(small_files[name, kind], 1_000_000)
    assert isinstance(measured, MicroArena), measured
    assert plan_arena(read_tflite(small_files[name, kind])).arena_bytes == measured.head_bytes


def test_element_types_decide_the_bytes(small_files):
    float_file, int8_file = (read_tflite(small_files["relu6", kind]) for kind in ("float", "int8"))
    assert {tensor.bits for tensor in float_file.tensors} == {32}
    assert {tensor.bits for tensor in int8_file.tensors} == {8}
    assert plan_arena(float_file).arena_bytes == 4 * plan_arena(int8_file).arena_bytes


def test_the_reader_needs_no_tensorflow(small_files):
    code = (
        "import sys; from splitnets_tf.graph.tflite_reader import read_tflite; "
        f"read_tflite({str(small_files['relu6', 'int8'])!r}); sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_dynamic_shape_is_named(tmp_path):
    import tensorflow as tf

    function = tf.function(lambda x: tf.nn.relu(tf.nn.conv2d(x, tf.ones((3, 3, 3, 4)), 1, "SAME")))
    concrete = function.get_concrete_function(tf.TensorSpec((1, None, None, 3), tf.float32, name="picture"))
    path = tmp_path / "dynamic.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([concrete], tf.Module()).convert())
    with pytest.raises(UserError, match=r"picture.*dynamic shape \(axes \[1, 2\]\)"):
        read_tflite(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is no .tflite file"), (b"PK\x03\x04" * 20, "is no .tflite file"), (b"\x10\0\0\0TFL3", "is damaged")],
)
def test_foreign_files_are_refused(tmp_path, content, message):
    path = tmp_path / "odd.tflite"
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        read_tflite(path)
    assert message in str(error.value)
    assert str(path) in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_tflite(tmp_path / "none.tflite")


def test_damaged_files_are_read_or_refused_but_never_crash(small_files, tmp_path):
    whole = np.frombuffer(small_files["relu6", "int8"].read_bytes(), np.uint8)
    rng = np.random.default_rng(0)
    path = tmp_path / "damaged.tflite"
    refused = 0
    for trial in range(150):
        content = whole.copy()
        if trial % 3 == 0:
            content = content[: rng.integers(8, len(content))]
        else:
            # Hit the tables at the file's ends rather than the weights in its middle.
            places = rng.integers(0, 600, 6) * rng.choice([1, -1], 6)
            content[places] = rng.integers(0, 256, 6)
            content[4:8] = whole[4:8]
        path.write_bytes(content.tobytes())
        try:
            plan_arena(read_tflite(path))
        except UserError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused > 50
