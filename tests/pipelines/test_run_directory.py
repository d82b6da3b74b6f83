"""The run directory: refusals name what differs, records make a run resumable."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from pipelines.run_directory import RunDirectory
from splitnets_tf.errors import UserError

CONFIG = {"seed": 0, "train": {"epochs": 3, "batch_size": 64}}
SYSTEM = "name: s\nspeed: 1\n"


@pytest.fixture
def run(tmp_path):
    directory = RunDirectory(tmp_path / "run")
    with directory.lock():
        directory.prepare(CONFIG, SYSTEM, overwrite=False)
    return directory


def test_same_configuration_is_accepted_again(run):
    run.prepare(CONFIG, SYSTEM, overwrite=False)
    assert run.stored_config() == CONFIG


def test_differing_keys_are_named(run):
    with pytest.raises(UserError, match=r"train\.epochs \(run: 3, now: 4\)") as caught:
        run.prepare({**CONFIG, "train": {"epochs": 4, "batch_size": 64}}, SYSTEM, overwrite=False)
    assert "batch_size" not in str(caught.value)
    assert run.stored_config() == CONFIG


def test_other_system_is_refused(run):
    with pytest.raises(UserError, match=r"system\.yaml"):
        run.prepare(CONFIG, "name: s\nspeed: 2\n", overwrite=False)


def test_a_run_without_a_system_has_no_file_of_one(tmp_path):
    directory = RunDirectory(tmp_path / "run")
    with directory.lock():
        directory.prepare(CONFIG, None, overwrite=False)
        directory.prepare(CONFIG, None, overwrite=False)
    assert not (directory.path / "system.yaml").exists()
    assert directory.stored_config() == CONFIG


def test_overwrite_starts_afresh(run):
    (run.path / "left.txt").write_text("x")
    run.prepare({**CONFIG, "seed": 1}, SYSTEM, overwrite=True)
    assert not (run.path / "left.txt").exists()
    assert run.stored_config()["seed"] == 1


def test_foreign_directory_is_never_touched(tmp_path):
    (tmp_path / "config.yaml").write_text("precious: true")
    with pytest.raises(UserError, match="holds"), RunDirectory(tmp_path).lock():
        pass
    assert (tmp_path / "config.yaml").read_text() == "precious: true"
    assert len(list(tmp_path.iterdir())) == 1


def test_file_instead_of_directory(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file"), RunDirectory(tmp_path / "file").lock():
        pass


@pytest.mark.parametrize("left", [(), ("system.yaml",), (".tmp-1-config.yaml",)])
def test_kill_while_preparing_leaves_a_directory_that_both_ways_accept(tmp_path, left):
    """Whatever part of the first files is there: the same command goes on, and --overwrite starts afresh."""
    for overwrite in (False, True):
        directory = RunDirectory(tmp_path / f"run-{overwrite}")
        with directory.lock():
            for name in left:
                (directory.path / name).write_text(SYSTEM)
        with directory.lock():
            directory.prepare(CONFIG, SYSTEM, overwrite=overwrite)
        assert directory.stored_config() == CONFIG
        assert not list(directory.path.glob(".tmp-*"))


def test_keys_that_no_stage_has_read_may_change(run):
    wanted = {**CONFIG, "train": {"epochs": 4, "batch_size": 64}}
    run.prepare(wanted, SYSTEM, overwrite=False, open_keys=("train.",))
    assert run.stored_config() == wanted
    with pytest.raises(UserError, match="seed"):
        run.prepare({**wanted, "seed": 3}, SYSTEM, overwrite=False, open_keys=("train.",))


def test_damaged_configuration_is_refused(run):
    for text in ("a: [", "just text"):
        run.config_path.write_text(text)
        with pytest.raises(UserError, match="--overwrite"):
            run.stored_config()


def test_stage_is_done_only_after_it_ended_and_from_these_inputs(run):
    inputs = {"data": "1"}
    assert not run.is_done("train", inputs)
    with pytest.raises(RuntimeError), run.stage("train", inputs, 0):
        raise RuntimeError
    assert not run.is_done("train", inputs)
    with run.stage("train", inputs, 0):
        assert not run.is_done("train", inputs)
    assert run.is_done("train", inputs)
    with pytest.raises(UserError, match="data changed"):
        run.is_done("train", {"data": "2"})


def test_wall_time_adds_up_over_resumed_runs(run, monkeypatch):
    ticks = iter([0.0, 5.0, 100.0, 107.0])
    monkeypatch.setattr("pipelines.run_directory.time.monotonic", lambda: next(ticks))
    with pytest.raises(KeyboardInterrupt), run.stage("train", {}, 0):
        raise KeyboardInterrupt
    with run.stage("train", {}, 0):
        pass
    assert run.provenance()["stages"]["train"]["seconds"] == pytest.approx(12)


def test_wall_time_of_a_killed_run_counts_up_to_its_last_file(run):
    code = textwrap.dedent(
        """
        import os, pathlib, signal, sys
        from pipelines.run_directory import RunDirectory
        run = RunDirectory(pathlib.Path(sys.argv[1]))
        with run.stage("train", {}, 0):
            os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    process = subprocess.run([sys.executable, "-c", code, str(run.path)], check=False)
    assert process.returncode == -signal.SIGKILL
    written = run.path / "supernet" / "epoch_0001" / "weights"
    written.parent.mkdir(parents=True)
    written.write_text("")
    started = run.provenance()["stages"]["train"]["started"]
    os.utime(written, (started + 30, started + 30))
    with run.stage("train", {}, 0):
        pass
    stage = run.provenance()["stages"]["train"]
    assert 30 <= stage["seconds"] < 60
    assert "started" not in stage


def test_provenance_says_what_ran_each_stage(run, monkeypatch):
    with run.stage("train", {}, 7):
        pass
    monkeypatch.setattr("pipelines.run_directory._git", lambda *arguments: "later")
    with run.stage("search", {}, 7):
        pass
    record = run.provenance()
    stages = record["stages"]
    assert stages["search"]["made_by"]["git_commit"] == "later" != stages["train"]["made_by"]["git_commit"]
    assert stages["train"]["made_by"]["versions"] == record["versions"]
    assert record["seed"] == 7
    assert record["versions"]["tensorflow"]
    assert record["machine"]["cores"] == os.cpu_count()


def test_lock_is_exclusive_and_dies_with_its_process(run):
    code = textwrap.dedent(
        """
        import sys, time, pathlib
        from pipelines.run_directory import RunDirectory
        with RunDirectory(pathlib.Path(sys.argv[1])).lock():
            print("locked", flush=True)
            time.sleep(60)
        """
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(run.path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "locked\n"
    with pytest.raises(UserError, match="in use"), run.lock():
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    with run.lock():
        pass


def test_a_run_from_before_a_key_existed_had_its_default(run):
    newer = {**CONFIG, "later": {"parts": [1.0], "guide": None}}
    defaults = {"later": {"parts": [1.0], "guide": None}, "seed": 99}
    with pytest.raises(UserError, match=r"later\.parts \(run: not set, now: \[1\.0\]\)"):
        run.prepare(newer, SYSTEM, overwrite=False)
    with pytest.raises(UserError, match=r"later\.parts"):
        run.prepare({**newer, "later": {"parts": [0.5], "guide": None}}, SYSTEM, overwrite=False, defaults=defaults)
    run.prepare(newer, SYSTEM, overwrite=False, defaults=defaults)
    assert run.stored_config() == newer


def test_a_run_of_another_pipeline_is_refused(tmp_path):
    directory = RunDirectory(tmp_path / "run")
    with directory.lock():
        directory.prepare({"seed": 1}, None, overwrite=False)
    assert directory.stored_config(pipeline="pipelines.mec") == {"seed": 1}  # of a version that did not note it
    with directory.lock():
        directory.prepare({"seed": 1}, None, overwrite=False, pipeline="pipelines.mec")
    assert directory.stored_config(pipeline="pipelines.mec") == directory.stored_config() == {"seed": 1}
    with pytest.raises(UserError, match=r"holds a run of pipelines\.mec, not of pipelines\.imagenet"):
        directory.stored_config(pipeline="pipelines.imagenet")
