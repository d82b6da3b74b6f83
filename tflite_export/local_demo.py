"""Starts an aggregator and several sensors on this machine, and compares what they answer with running offline."""

import dataclasses
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from splitnets_tf.errors import UserError
from splitnets_tf.files import read_json
from tflite_export.halves import Aggregator
from tflite_export.images import bytes_to_int8
from tflite_export.interpreter import Int8Model
from tflite_export.tool_process import package_environment

__all__ = ["DemoResult", "DemoSettings", "run_demo"]

_LISTENING = "listening on "
_KILL_AT_S = 1.0
_START_TIMEOUT_S = 60.0


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class DemoSettings:
    """What to start."""

    sensors: int
    """Number of sensor processes; with several views that of the aggregator."""
    frames: int
    """Frames of each sensor."""
    kill: bool = False
    """Whether the last sensor is killed on the way and started again."""
    frames_per_s: float | None = None
    """Rate of each sensor; None: as fast as answers come."""
    fill: str = "zeros"
    """What stands for a missing view."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class DemoResult:
    """What came of it."""

    server: dict[str, Any]
    """The aggregator's report."""
    sensors: tuple[dict[str, Any], ...]
    """The report of each sensor's last process."""
    compared: int
    """Answers with all views that were compared with running offline."""
    equal: int
    """Those that were equal bit for bit."""
    correct: int | None
    """Those whose largest logit is the label; None without labels."""
    offline_correct: int | None
    """The same of the offline answers."""

    @property
    def lost(self) -> int:
        """Frames without an answer, those of a killed process left out."""
        return sum(sensor["lost"] for sensor in self.sensors)

    @property
    def reordered(self) -> int:
        """Answers that came out of order."""
        return sum(sensor["out_of_order"] for sensor in self.sensors)


def run_demo(
    run: Path, images: np.ndarray, labels: np.ndarray | None, settings: DemoSettings, work_dir: Path
) -> DemoResult:
    """Run the split network as processes on loopback.

    Args:
        run: Folder with the two halves.
        images: uint8 `[n, s, s, 3]` at the network's resolution. Frame f of sensor k is image f * sensors + k, counted
            in a circle; with several views so is view k of object f.
        labels: Class of each image, `[n]`, or None.
        settings: What to start.
        work_dir: For files between the processes.

    Raises:
        UserError: A process cannot do its work; the message is its own.
    """
    np.save(work_dir / "images.npy", images)
    server = _start("serve", [str(run), "--address", "127.0.0.1:0", "--fill", settings.fill], work_dir, "server")
    processes = [server]
    try:
        address = _address(server, work_dir)
        sensors = [_start_sensor(run, k, address, settings, work_dir) for k in range(settings.sensors)]
        processes += sensors
        if settings.kill:
            sensors[-1] = _kill_and_return(sensors[-1], run, address, settings, work_dir)
            processes.append(sensors[-1])
        for number, process in enumerate(sensors):
            if process.wait() != 0:
                raise UserError(_last_words(work_dir, f"sensor{number}"))
        server.terminate()
        server.wait()
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
            process.wait()
    return _compare(run, images, labels, settings, work_dir)


def _start(command: str, arguments: Sequence[str], work_dir: Path, name: str) -> subprocess.Popen:
    with (work_dir / f"{name}.log").open("ab") as log, (work_dir / f"{name}.out").open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", f"tflite_export.{command}", *arguments, "--json", str(work_dir / f"{name}.json")],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=log,
            env=package_environment(),
        )


def _start_sensor(run: Path, number: int, address: str, settings: DemoSettings, work_dir: Path) -> subprocess.Popen:
    arguments = [str(run), "--images", str(work_dir / "images.npy"), "--server", address, "--sensor", str(number)]
    arguments += ["--frames", str(settings.frames), "--stride", str(settings.sensors), "--offset", str(number)]
    arguments += ["--answers", str(work_dir / f"answers{number}.npz")]
    if settings.frames_per_s is not None:
        arguments += ["--rate", f"{settings.frames_per_s:f}"]
    return _start("sense", arguments, work_dir, f"sensor{number}")


def _address(server: subprocess.Popen, work_dir: Path) -> str:
    until_s = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < until_s:
        for line in (work_dir / "server.out").read_text("utf-8", "replace").splitlines():
            if line.startswith(_LISTENING):
                return line.removeprefix(_LISTENING)
        if server.poll() is not None:
            raise UserError(_last_words(work_dir, "server"))
        time.sleep(0.05)
    raise UserError(f"the aggregator did not start within {_START_TIMEOUT_S:g} s")


def _kill_and_return(
    process: subprocess.Popen, run: Path, address: str, settings: DemoSettings, work_dir: Path
) -> subprocess.Popen:
    number = settings.sensors - 1
    _wait_until_joined(work_dir, number)
    time.sleep(_KILL_AT_S)
    if process.poll() is not None:
        raise UserError(f"all frames were answered before a sensor could be killed; give more than {settings.frames}")
    process.kill()
    process.wait()
    return _start_sensor(run, number, address, settings, work_dir)


def _wait_until_joined(work_dir: Path, number: int) -> None:
    until_s = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < until_s:
        if f"sensor {number} joined" in (work_dir / "server.log").read_text("utf-8", "replace"):
            return
        time.sleep(0.05)
    raise UserError(f"sensor {number} did not reach the aggregator: {_last_words(work_dir, f'sensor{number}')}")


def _last_words(work_dir: Path, name: str) -> str:
    lines = (work_dir / f"{name}.log").read_text("utf-8", "replace").splitlines()
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return (errors or lines or [f"{name} ended without a word"])[-1]


def _compare(
    run: Path, images: np.ndarray, labels: np.ndarray | None, settings: DemoSettings, work_dir: Path
) -> DemoResult:
    offline = _Offline(run, images, settings.sensors)
    compared = equal = correct = offline_correct = 0
    for number in range(settings.sensors):
        with np.load(work_dir / f"answers{number}.npz") as answers:
            frames, missing, logits = answers["frames"], answers["missing"], answers["logits"]
        for frame, lacking, found in zip(frames, missing, logits, strict=True):
            if lacking:
                continue
            expected = offline(int(frame), number)
            compared += 1
            equal += bool(np.array_equal(found, expected))
            if labels is not None:
                label = int(labels[(int(frame) * settings.sensors + number) % len(images)])
                correct += int(np.argmax(found)) == label
                offline_correct += int(np.argmax(expected)) == label
    return DemoResult(
        server=read_json(work_dir / "server.json", "the aggregator's report"),
        sensors=tuple(read_json(work_dir / f"sensor{k}.json", "a sensor's report") for k in range(settings.sensors)),
        compared=compared,
        equal=equal,
        correct=correct if labels is not None else None,
        offline_correct=offline_correct if labels is not None else None,
    )


class _Offline:
    """Both halves in one process; answers of images that came before are kept."""

    def __init__(self, run: Path, images: np.ndarray, sensors: int) -> None:
        self.sensor, self.aggregator = Int8Model(run / "sensor.tflite"), Aggregator(run / "aggregator.tflite")
        self.images, self.sensors = images, sensors
        self.known: dict[tuple[int, ...], np.ndarray] = {}

    def __call__(self, frame: int, sensor: int) -> np.ndarray:
        """int8 logits of one frame."""
        views = range(self.aggregator.views) if self.aggregator.views > 1 else [sensor]
        indices = tuple((frame * self.sensors + view) % len(self.images) for view in views)
        if indices not in self.known:
            features = [self.sensor(bytes_to_int8(self.images[i])[np.newaxis]).tobytes() for i in indices]
            self.known[indices] = np.frombuffer(self.aggregator(features), np.int8)
        return self.known[indices]
