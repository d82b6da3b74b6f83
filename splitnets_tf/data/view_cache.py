"""Rendered views of mesh files on disk: each mesh is rendered once, however often a run is killed or repeated.

Views are kept by the SHA-256 of the mesh file, so a renamed or moved file is not rendered again, and a changed one is.
An index remembers size and time of each file, so that opening a data set anew reads none of them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import logging
import time
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from splitnets_tf.data.mesh_files import UnreadableMeshError, parse_mesh
from splitnets_tf.data.processes import available_processors, run_jobs
from splitnets_tf.data.renderer import RenderSettings, render_views
from splitnets_tf.data.untrusted_files import UnreadableFileError, read_regular_file
from splitnets_tf.errors import UserError
from splitnets_tf.files import write_bytes, write_text

__all__ = ["CachedViews", "ViewCache"]

_LOGGER = logging.getLogger(__name__)

_RENDERING = 1
"""Goes up whenever a mesh gives other pixels under the same settings, or is read where it wasn't."""
_FEW = 16
"""So few meshes are rendered sooner than a second process has started."""
_REPORT_S = 20.0


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class CachedViews:
    """What is known of one mesh file."""

    size: int
    """Bytes of the file when it was read."""
    time_ns: int
    """When the file was changed last, when it was read."""
    digest: str
    """SHA-256 of the file and its ending; names the file of its views. Empty where the file couldn't be opened."""
    views_digest: str
    """SHA-256 of the pixels; empty where there are none."""
    reason: str = ""
    """Why there are no views; empty where there are."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Job:
    path: Path
    directory: Path
    settings: RenderSettings


class ViewCache:
    """The views of mesh files under one set of render settings."""

    def __init__(self, directory: Path, settings: RenderSettings) -> None:
        """Opens a cache, or a new one.

        Args:
            directory: Where caches of all settings lie.
            settings: How objects are looked at.
        """
        described = json.dumps({"rendering": _RENDERING, **dataclasses.asdict(settings)}, sort_keys=True)
        self.fingerprint = hashlib.sha256(described.encode()).hexdigest()
        """Of the settings and the renderer."""
        self.settings = settings
        self._directory = directory / f"{settings.image_size}px-{self.fingerprint[:12]}"
        self._index_path = self._directory / "index.json"
        self._index = _read_index(self._index_path)

    def prepare(self, paths: Sequence[Path], *, processes: int | None = None) -> list[CachedViews]:
        """Renders what isn't there yet.

        Args:
            paths: Mesh files.
            processes: Number of processes that render; None for as many as there are processors.

        Returns:
            What is known of each file, in the order of the paths; a mesh that can't be read has a reason.

        Raises:
            UserError: The cache can't be written, or a worker process died.
        """
        missing = [path for path in paths if not self._is_known(path)]
        if missing:
            self._render(missing, processes or (1 if len(missing) < _FEW else available_processors()))
        return [self._index[str(path.absolute())] for path in paths]

    def load(self, entry: CachedViews) -> np.ndarray:
        """The views of one file, uint8 [views, size, size, 3].

        Raises:
            UserError: They are missing or damaged.
        """
        path = _views_path(self._directory, entry.digest)
        views = _read_views(path, self.settings)
        if views is None:
            raise UserError(f"the rendered views {path} are gone or damaged; run the command again to render them")
        return views

    def _is_known(self, path: Path) -> bool:
        """Whether neither the file nor its views changed since they were made."""
        entry = self._index.get(str(path.absolute()))
        if entry is None or (entry.size, entry.time_ns) != _size_and_time(path):
            return False
        return bool(entry.reason) or _views_path(self._directory, entry.digest).is_file()

    def _render(self, paths: list[Path], processes: int) -> None:
        _LOGGER.info("rendering %d meshes with %d process(es)", len(paths), processes)
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            jobs: Iterable[_Job] = (
                _Job(path=path, directory=self._directory, settings=self.settings) for path in paths
            )
            reported = time.monotonic()
            for number, (path, entry) in enumerate(run_jobs(_run, jobs, processes), start=1):
                self._index[str(path.absolute())] = entry
                if time.monotonic() - reported > _REPORT_S:
                    reported = time.monotonic()
                    self._write_index()
                    _LOGGER.info("rendered %d of %d meshes", number, len(paths))
            self._write_index()
        except OSError as error:
            raise UserError(
                f"the rendered views can't be written to {self._directory} ({error.strerror}); name another folder "
                "for them (--cache-dir)"
            ) from error

    def _write_index(self) -> None:
        rows = {path: dataclasses.astuple(entry) for path, entry in sorted(self._index.items())}
        write_text(self._index_path, json.dumps(rows, indent=0) + "\n")


def _run(job: _Job) -> tuple[Path, CachedViews]:
    """Makes the views of one file, unless they are there."""
    size, time_ns = _size_and_time(job.path)
    digest = ""
    try:
        content = read_regular_file(job.path)
        # The ending decides how the bytes are read.
        digest = hashlib.sha256(job.path.suffix.lower().encode() + b"\n" + content).hexdigest()
        views = _views_of(content, digest, job)
    except UnreadableFileError as error:
        return job.path, CachedViews(size=size, time_ns=time_ns, digest=digest, views_digest="", reason=str(error))
    views_digest = hashlib.sha256(views.tobytes()).hexdigest()
    return job.path, CachedViews(size=size, time_ns=time_ns, digest=digest, views_digest=views_digest)


def _views_of(content: bytes, digest: str, job: _Job) -> np.ndarray:
    path = _views_path(job.directory, digest)
    views = _read_views(path, job.settings)
    if views is None:
        mesh = parse_mesh(content, job.path.suffix)
        try:
            views = render_views(mesh, job.settings)
        except ValueError as error:
            raise UnreadableMeshError(str(error)) from error
        buffer = io.BytesIO()
        np.save(buffer, views)
        # Half of an image is background: the fastest level makes it a tenth to a fiftieth.
        write_bytes(path, zlib.compress(buffer.getvalue(), level=1))
    return views


def _views_path(directory: Path, digest: str) -> Path:
    return directory / digest[:2] / f"{digest}.npy.z"


def _read_views(path: Path, settings: RenderSettings) -> np.ndarray | None:
    """Stored views; None if there are none, or if what is there is damaged."""
    shape = (settings.views, settings.image_size, settings.image_size, 3)
    try:
        views = np.load(io.BytesIO(zlib.decompress(path.read_bytes())), allow_pickle=False)
    except (FileNotFoundError, NotADirectoryError, zlib.error, ValueError, EOFError):
        return None
    return views if views.shape == shape and views.dtype == np.uint8 else None


def _size_and_time(path: Path) -> tuple[int, int]:
    """Size and time of a file; (-1, -1) where there is none, as for a link that leads nowhere."""
    try:
        status = path.stat()
    except OSError:
        return -1, -1
    return status.st_size, status.st_mtime_ns


def _read_index(path: Path) -> dict[str, CachedViews]:
    """The stored index; empty if there is none, or if it can't be read: files are then looked at again."""
    names = [field.name for field in dataclasses.fields(CachedViews)]
    try:
        rows = json.loads(path.read_text("utf-8"))
        return {name: CachedViews(**dict(zip(names, row, strict=True))) for name, row in rows.items()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (ValueError, TypeError, AttributeError):
        _LOGGER.warning("%s is damaged; the mesh files are looked at again", path)
        return {}
