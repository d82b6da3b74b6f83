"""The export as a whole: what comes out, what is not done twice, what survives a kill."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_job import CLASSES, GATED_SPACE, WHOLE, images_and_labels, random_weights, write_job

from splitnets_tf.errors import UserError
from tflite_export import ExportError, Int8Model, resize_bytes, run_export, run_models, run_split
from tflite_export.result import finished_result


def test_the_halves_in_sequence_equal_the_whole_bit_for_bit(split_export):
    images = resize_bytes(images_and_labels(40, seed=9)[0], 24)
    sensor, aggregator = split_export.paths

    halves = run_split(sensor, aggregator, images, reference=True)
    whole = run_models((split_export.whole.path,), images, reference=True)

    np.testing.assert_array_equal(halves, whole)
    assert len(np.unique(halves, axis=0)) > 20  # a network that ignores its input would agree as well


def test_what_crosses_the_link_has_one_meaning(split_export):
    sensor, aggregator = (Int8Model(path) for path in split_export.paths)

    assert sensor.output_quantization == aggregator.input_quantization
    assert split_export.boundary.scale == sensor.output_quantization.scale
    assert split_export.boundary.zero_point == sensor.output_quantization.zero_point
    assert split_export.boundary.bit_exact_inputs == 64
    assert sensor.input_shape == (24, 24, 3)
    assert sensor.output_shape == aggregator.input_shape == (12, 12, 4)
    assert aggregator.output_shape == (CLASSES,)


def test_the_input_is_the_cameras_byte_minus_128(split_export, whole_export):
    for result in (split_export, whole_export):
        assert result.input.zero_point == -128
        assert result.input.scale == pytest.approx(1 / 255, rel=1e-6)


def test_fine_tuning_is_recorded_and_lowers_the_loss(split_export):
    first, second = split_export.history
    assert second["loss"] < first["loss"]


def test_every_channel_of_every_kernel_has_a_scale_of_its_own(split_export):
    from splitnets_tf.graph.tflite_file import read_tflite_file

    kinds = set()
    for path in split_export.paths:
        file = read_tflite_file(path)
        for operator in file.operators:
            if operator.name not in ("CONV_2D", "DEPTHWISE_CONV_2D"):
                continue
            kinds.add(operator.name)
            kernel = file.tensors[operator.inputs[1]]
            values = np.abs(kernel.data.view(np.int8).reshape(kernel.shape).astype(int))
            channels = 0 if operator.name == "CONV_2D" else 3
            others = tuple(axis for axis in range(4) if axis != channels)
            np.testing.assert_array_equal(values.max(axis=others), 127, err_msg=kernel.name)
    assert kinds == {"CONV_2D", "DEPTHWISE_CONV_2D"}


def test_a_network_in_one_piece_gives_one_file_close_to_the_float_network(whole_job, whole_export):
    import keras

    from splitnets_tf.space import blueprint, space_from_dict
    from splitnets_tf.supernet.materialize import build_network, set_network_weights

    models = build_network(keras, blueprint(space_from_dict(GATED_SPACE), WHOLE, CLASSES))
    set_network_weights(models, random_weights(WHOLE, seed=1, space=GATED_SPACE))
    images = resize_bytes(images_and_labels(48, seed=5)[0], 16)

    expected = np.asarray(models.whole(images / np.float32(255), training=False))
    quantized = run_models(whole_export.paths, images)
    received = (quantized.astype(np.float32) - whole_export.output.zero_point) * whole_export.output.scale

    assert whole_export.boundary is None
    assert [path.name for path in whole_export.paths] == ["network.tflite"]
    assert whole_export.history == ()
    # What the logits say about the image, without what they say about all images alike.
    varying = [logits - logits.mean(axis=0) for logits in (expected, received)]
    assert np.corrcoef(varying[0].ravel(), varying[1].ravel())[0, 1] > 0.9
    np.testing.assert_allclose(received.mean(axis=0), expected.mean(axis=0), atol=0.05 * np.ptp(expected))


def test_a_finished_export_is_not_done_again(split_job, split_export):
    calls = []
    again = run_export(split_job, lambda *progress: calls.append(progress))

    assert again == split_export
    assert calls == []


def test_a_result_of_another_job_or_of_changed_files_does_not_count(split_job, split_export, tmp_path):
    fingerprint = split_job.fingerprint()
    data = json.loads((split_job.work_dir / "result.json").read_text("utf-8"))
    copy = tmp_path / "sensor.tflite"
    copy.write_bytes(split_export.paths[0].read_bytes())
    data["deployed"][0]["path"] = str(copy)
    result = tmp_path / "result.json"
    result.write_text(json.dumps(data), "utf-8")

    assert finished_result(result, fingerprint) is not None
    assert finished_result(result, "0" * 64) is None
    copy.write_bytes(copy.read_bytes()[:-1] + b"x")
    assert finished_result(result, fingerprint) is None
    result.write_text("{", "utf-8")
    assert finished_result(result, fingerprint) is None


def test_a_killed_export_resumes_to_the_bytes_of_an_uninterrupted_one(split_job, split_export, tmp_path):
    job = dataclasses.replace(split_job, output_dir=tmp_path, work_dir=tmp_path / "work")
    images = len(np.load(job.train_images))

    class Killed(BaseException):
        """Stands for the end of the calling process."""

    def kill_in_the_second_epoch(stage, done, total):
        if stage == "train" and done > images:
            raise Killed

    with pytest.raises(Killed):
        run_export(job, kill_in_the_second_epoch)
    assert not (job.work_dir / "result.json").exists()

    progress = []
    result = run_export(job, lambda stage, done, total: progress.append((stage, done)))

    assert min(done for stage, done in progress if stage == "train") > images
    assert [file.sha256 for file in result.deployed] == [file.sha256 for file in split_export.deployed]
    assert result.history[0]["loss"] == split_export.history[0]["loss"]
    assert list(tmp_path.rglob(".tmp-*")) == []


def test_the_worker_ends_with_its_caller(whole_job, tmp_path):
    job = dataclasses.replace(whole_job, output_dir=tmp_path, work_dir=tmp_path)
    script = (
        "import os, signal, sys, tflite_export\n"
        "from tflite_export.job import read_job\n"
        "from pathlib import Path\n"
        "def die(*_):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "tflite_export.run_export(read_job(Path(sys.argv[1])), die)\n"
    )
    job_file = tmp_path / "given.json"
    job_file.write_text(json.dumps(job.to_dict()), "utf-8")

    # The worker inherits standard error; reading it to its end waits for the worker.
    log = subprocess.run(
        [sys.executable, "-c", script, str(job_file)],
        capture_output=True,
        cwd=Path(__file__).parents[2],
        timeout=120,
        check=False,
    )

    assert log.returncode == -signal.SIGKILL
    assert not (tmp_path / "network.tflite").exists()


def test_weights_of_another_network_end_in_one_line(tmp_path, split_job):
    job = write_job(tmp_path, WHOLE, epochs=0)
    job = dataclasses.replace(job, weights=split_job.weights)

    with pytest.raises(UserError, match="not the weights of the network") as caught:
        run_export(job)
    assert "\n" not in str(caught.value)


def test_a_crash_of_the_process_names_the_log_and_its_last_lines(tmp_path, split_job, monkeypatch):
    job = dataclasses.replace(split_job, output_dir=tmp_path, work_dir=tmp_path)
    interpreter = tmp_path / "python"
    interpreter.write_text("#!/bin/sh\necho 'out of order' >&2\nexit 5\n", "utf-8")
    interpreter.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(interpreter))

    with pytest.raises(ExportError, match=r"(?s)code 5.*worker\.log.*out of order"):
        run_export(job)


def test_a_missing_input_is_named(split_job, tmp_path):
    job = dataclasses.replace(split_job, weights=tmp_path / "none.npz")

    with pytest.raises(UserError, match=r"weights file .*none\.npz does not exist"):
        run_export(job)


def test_the_caller_stays_free_of_tensorflow_and_of_legacy_keras():
    check = (
        "import os, sys, tflite_export, tflite_export.memory, tflite_export.benchmark\n"
        "print([m for m in ('tensorflow', 'tf_keras', 'keras') if m in sys.modules], "
        "'TF_USE_LEGACY_KERAS' in os.environ)\n"
    )
    environment = {key: value for key, value in os.environ.items() if key != "TF_USE_LEGACY_KERAS"}
    done = subprocess.run(
        [sys.executable, "-c", check],
        capture_output=True,
        text=True,
        env=environment,
        cwd=Path(__file__).parents[2],
        check=True,
    )

    assert done.stdout.strip() == "[] False"
