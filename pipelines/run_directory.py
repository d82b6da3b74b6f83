"""The run directory: what a run leaves, and the records that make it resumable.

Every stage records a fingerprint of its configuration, its data and the artefacts that it read. A stage whose record
agrees is not run again; one whose record differs stops the pipeline with the differing keys.
"""

import contextlib
import datetime
import fcntl
import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from splitnets_tf.errors import UserError
from splitnets_tf.files import write_json, write_text
from splitnets_tf.yaml_files import read_yaml_file, yaml_data

__all__ = ["RunDirectory", "dotted_keys", "json_fingerprint"]

_MARKER = ".splitnets-run"
"""File that only a pipeline writes: it says that everything beside it may be overwritten."""
_LOCK = ".lock"
_PACKAGES = (
    "tensorflow",
    "keras",
    "tf_keras",
    "tensorflow-model-optimization",
    "keras-tuner",
    "tensorflow-datasets",
    "numpy",
    "ai-edge-litert",
)


def json_fingerprint(data: Any) -> str:
    """SHA-256 of plain data."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def dotted_keys(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested plain data as one mapping, in which `{"train": {"epochs": 3}}` is `{"train.epochs": 3}`."""
    flat: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, Mapping):
            flat |= dotted_keys(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


class RunDirectory:
    """One run's directory with its configuration and stage records.

    Args:
        path: The directory; created by `lock`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def config_path(self) -> Path:
        """The resolved configuration."""
        return self.path / "config.yaml"

    def stored_config(self, *, pipeline: str | None = None) -> dict[str, Any] | None:
        """The configuration that the directory holds, or None where it holds no run.

        Args:
            pipeline: Module of the pipeline that asks for its own run; None where any will do.

        Raises:
            UserError: The file is not what a pipeline writes, or another pipeline made the run.
        """
        if not self.config_path.is_file():
            return None
        marker = self.path / _MARKER
        maker = marker.read_text("utf-8", errors="replace").strip() if marker.is_file() else ""
        if pipeline is not None and maker not in ("", pipeline):
            raise UserError(
                f"{self.path} holds a run of {maker}, not of {pipeline}; name another --output-dir, go on with "
                f"python -m {maker}, or start afresh with --overwrite"
            )
        try:
            data = read_yaml_file(self.config_path)
        except UserError as error:
            raise UserError(f"{error}; or use --overwrite to start afresh") from error
        if not isinstance(data, dict):
            raise UserError(f"{self.config_path}: not a run's configuration; use --overwrite to start afresh")
        return data

    def prepare(
        self,
        config: Mapping[str, Any],
        system_text: str | None,
        *,
        overwrite: bool,
        pipeline: str | None = None,
        open_keys: tuple[str, ...] = (),
        defaults: Mapping[str, Any] | None = None,
    ) -> None:
        """Check that the directory holds a run of this very configuration, or none yet; call it under `lock`.

        Args:
            config: Nested plain data of the resolved configuration.
            system_text: The resolved system as YAML; None where the run has none.
            overwrite: Remove what an earlier run left, and start afresh.
            pipeline: Module whose run this is; noted for `stored_config`.
            open_keys: Beginnings of dotted keys that may still change, since no stage has read them yet.
            defaults: What a key had before there was one: a run of an earlier version lacks it.

        Raises:
            UserError: The directory holds another run; the differing keys are named.
        """
        if overwrite:
            self._remove_run()
        self.check(config, system_text, open_keys=open_keys, defaults=defaults)
        for stale in self.path.rglob(".tmp-*"):  # left by a writer that was killed
            stale.unlink()
        if system_text is not None:
            write_text(self.path / "system.yaml", system_text)
        if pipeline is not None:
            write_text(self.path / _MARKER, pipeline + "\n")
        write_text(self.config_path, yaml.safe_dump(dict(config), sort_keys=False))

    def check(
        self,
        config: Mapping[str, Any],
        system_text: str | None,
        *,
        open_keys: tuple[str, ...] = (),
        defaults: Mapping[str, Any] | None = None,
    ) -> None:
        """Refuse another configuration than the one that the directory holds; reads only, and needs no lock.

        The arguments are those of `prepare`.

        Raises:
            UserError: It holds another run; the differing keys are named.
        """
        stored = self.stored_config()
        if stored is not None:
            self._refuse_differences(dotted_keys(defaults or {}) | dotted_keys(stored), dotted_keys(config), open_keys)
            self._refuse_other_system(system_text)

    def _remove_run(self) -> None:
        """Remove all but the marker and the lock, so that a kill in between leaves a directory that is still ours."""
        for path in self.path.iterdir():
            if path.name in (_MARKER, _LOCK):
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()

    def _refuse_foreign(self) -> None:
        """Refuse a directory that was not made by `lock`: its files are somebody's."""
        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"--output-dir {self.path} is a file; name a directory")
        if self.path.is_dir() and any(self.path.iterdir()) and not (self.path / _MARKER).is_file():
            raise UserError(f"--output-dir {self.path} holds files that are not a run; name a new or empty directory")

    def _refuse_differences(
        self, stored: Mapping[str, Any], wanted: Mapping[str, Any], open_keys: tuple[str, ...]
    ) -> None:
        differing = [key for key in {*stored, *wanted} if stored.get(key) != wanted.get(key)]
        keys = sorted(key for key in differing if not key.startswith(open_keys))
        if keys:
            shown = ", ".join(f"{key} (run: {_shown(stored, key)}, now: {_shown(wanted, key)})" for key in keys)
            raise UserError(
                f"{self.path} holds a run of another configuration; it differs in {shown}. "
                "Name another --output-dir, or start afresh with --overwrite"
            )

    def _refuse_other_system(self, system_text: str | None) -> None:
        path = self.path / "system.yaml"
        if (
            system_text is not None
            and path.is_file()
            and read_yaml_file(path) != yaml_data(system_text, origin="system")
        ):
            raise UserError(
                f"{path} differs from the system asked for; name another --output-dir, or start afresh with --overwrite"
            )

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Make the directory ours and hold it for this process; the lock goes with the process, even after SIGKILL.

        Raises:
            UserError: Another process is working on it, or it holds something other than a run.
        """
        self._refuse_foreign()
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / _MARKER).touch()
        with (self.path / _LOCK).open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UserError(f"{self.path} is in use by another process; wait for it or stop it") from error
            yield

    def provenance(self) -> dict[str, Any]:
        """The records so far."""
        path = self.path / "provenance.json"
        if not path.is_file():
            return {"stages": {}}
        try:
            return json.loads(path.read_text("utf-8"))
        except json.JSONDecodeError as error:
            raise UserError(f"{path}: not valid JSON; use --overwrite to start afresh") from error

    def is_done(self, stage: str, inputs: Mapping[str, str]) -> bool:
        """Whether a stage was completed from these very inputs.

        Raises:
            UserError: It was completed from other inputs, which are named.
        """
        record = self.provenance()["stages"].get(stage)
        if record is None:
            return False
        self._refuse_inputs(stage, record.get("inputs", {}), inputs)
        return bool(record.get("done"))

    def _refuse_inputs(self, stage: str, stored: Mapping[str, str], inputs: Mapping[str, str]) -> None:
        keys = sorted(key for key in {*stored, *inputs} if stored.get(key) != inputs.get(key))
        if keys:
            raise UserError(
                f"{self.path}: stage {stage} was run with other inputs: {', '.join(keys)} changed since. "
                "Name another --output-dir, or start afresh with --overwrite"
            )

    @contextlib.contextmanager
    def stage(self, name: str, inputs: Mapping[str, str], seed: int) -> Iterator[None]:
        """Record a stage: inputs, versions and commit at the start, the wall time at the end.

        The time of interrupted runs is added; of a run that was killed, the time up to the last file that it wrote.
        """
        before = self.provenance()["stages"].get(name, {})
        seconds = float(before.get("seconds", 0.0)) + self._seconds_until_killed(before)
        environment = _environment()
        record = {"inputs": dict(inputs), "seconds": seconds, "done": False, "made_by": environment}
        self._record(name, {**record, "started": time.time()}, environment, seed)
        start = time.monotonic()
        done = False
        try:
            yield
            done = True
        finally:
            record |= {"seconds": seconds + time.monotonic() - start, "done": done}
            self._record(name, record, environment, seed)

    def _record(self, name: str, record: Mapping[str, Any], environment: Mapping[str, Any], seed: int) -> None:
        updated = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        stages = {**self.provenance()["stages"], name: dict(record)}
        data = {**environment, "machine": _machine(), "seed": seed, "updated": updated, "stages": stages}
        write_json(self.path / "provenance.json", data)

    def _seconds_until_killed(self, record: Mapping[str, Any]) -> float:
        """What a killed run, which could not write its time, worked at least: until its last artefact."""
        if "started" not in record:
            return 0.0
        written = [path.stat().st_mtime for path in self.path.glob("*/**/*") if path.is_file()]
        return max(0.0, max(written, default=0.0) - float(record["started"]))


def _shown(flat: Mapping[str, Any], key: str) -> str:
    value = flat.get(key)
    return "not set" if value is None else repr(value)


def _environment() -> dict[str, Any]:
    """Versions, commit and command."""
    versions = {}
    for package in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return {
        "versions": {"python": platform.python_version(), **versions},
        "git_commit": _git("rev-parse", "HEAD"),
        "git_modified_files": len((_git("status", "--porcelain") or "").splitlines()),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
    }


def _machine() -> dict[str, Any]:
    return {"processor": platform.machine(), "cores": os.cpu_count(), "system": platform.platform()}


def _git(*arguments: str) -> str | None:
    """Output of git on the project's own tree; None where there is none, or no git."""
    git = shutil.which("git")
    if git is None:
        return None
    here = Path(__file__).resolve().parent
    result = subprocess.run([git, *arguments], cwd=here, capture_output=True, text=True, check=False)
    return result.stdout.strip() or None
