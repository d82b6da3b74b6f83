"""Every mesh is rendered once, whatever happens to the run, the folder or the cache."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from synthetic_modelnet import write_synthetic_modelnet

from splitnets_tf.data import view_cache
from splitnets_tf.data.mesh_files import load_mesh
from splitnets_tf.data.renderer import RenderSettings, render_views
from splitnets_tf.data.view_cache import ViewCache
from splitnets_tf.errors import UserError

_SETTINGS = RenderSettings(image_size=16)


@pytest.fixture
def meshes(tmp_path: Path) -> list[Path]:
    """Four meshes of two classes."""
    return sorted(write_synthetic_modelnet(tmp_path / "m", classes=2, train=2, test=0).rglob("*.off"))


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with each mesh that is rendered."""
    calls: list[int] = []

    def count(mesh, settings):
        calls.append(len(mesh.faces))
        return render_views(mesh, settings)

    monkeypatch.setattr(view_cache, "render_views", count)
    return calls


def _pixels(cache: ViewCache, paths: list[Path]) -> list[np.ndarray]:
    return [cache.load(entry) for entry in cache.prepare(paths)]


def test_a_second_opening_neither_renders_nor_reads(
    tmp_path: Path, meshes: list[Path], rendered: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _pixels(ViewCache(tmp_path / "cache", _SETTINGS), meshes)
    np.testing.assert_array_equal(first[2], render_views(load_mesh(meshes[2]), _SETTINGS))
    assert len(rendered) == 4
    monkeypatch.setattr(view_cache, "read_regular_file", lambda path: pytest.fail("read again"))
    np.testing.assert_array_equal(_pixels(ViewCache(tmp_path / "cache", _SETTINGS), meshes), first)
    assert len(rendered) == 4


def test_a_killed_run_continues_where_it_stopped(
    tmp_path: Path, meshes: list[Path], rendered: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(mesh, settings):
        if len(rendered) == 2:
            raise KeyboardInterrupt
        rendered.append(1)
        return render_views(mesh, settings)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(view_cache, "render_views", stop)
        ViewCache(tmp_path / "cache", _SETTINGS).prepare(meshes, processes=1)
    assert not list((tmp_path / "cache").rglob(".tmp-*"))
    _pixels(ViewCache(tmp_path / "cache", _SETTINGS), meshes)
    assert len(rendered) == 4


def test_renamed_files_are_recognised_and_changed_ones_rendered(
    tmp_path: Path, meshes: list[Path], rendered: list[int]
) -> None:
    cache = ViewCache(tmp_path / "cache", _SETTINGS)
    before = cache.prepare(meshes)
    moved = meshes[0].rename(meshes[0].with_name("other.off"))
    meshes[1].write_bytes(meshes[2].read_bytes() + b"\n# changed\n")
    after = ViewCache(tmp_path / "cache", _SETTINGS).prepare([moved, *meshes[1:]])
    assert len(rendered) == 5
    assert after[0].digest == before[0].digest
    assert after[1].digest not in {entry.digest for entry in before}
    assert after[1].views_digest == before[2].views_digest


def test_damaged_views_and_index_are_made_again(tmp_path: Path, meshes: list[Path], rendered: list[int]) -> None:
    cache = ViewCache(tmp_path / "cache", _SETTINGS)
    first = _pixels(cache, meshes)
    stored = sorted((tmp_path / "cache").rglob("*.npy.z"))
    stored[0].write_bytes(stored[0].read_bytes()[:-9])
    stored[1].unlink()
    next((tmp_path / "cache").rglob("index.json")).write_text("{]")
    np.testing.assert_array_equal(_pixels(ViewCache(tmp_path / "cache", _SETTINGS), meshes), first)
    assert len(rendered) == 6
    entries = cache.prepare(meshes)
    for path in stored:
        path.unlink()
    with pytest.raises(UserError, match="gone or damaged"):
        cache.load(entries[0])


def test_other_settings_have_views_of_their_own(tmp_path: Path, meshes: list[Path], rendered: list[int]) -> None:
    for settings in (_SETTINGS, RenderSettings(image_size=24), RenderSettings(image_size=16, elevation_deg=10.0)):
        assert _pixels(ViewCache(tmp_path / "cache", settings), meshes)[0].shape[1] == settings.image_size
    assert len(rendered) == 12


def test_unreadable_meshes_have_a_reason_and_are_not_tried_again(
    tmp_path: Path, meshes: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    meshes[0].write_text("OFF\n")
    meshes[1].unlink()
    os.mkfifo(meshes[1])
    meshes[2].unlink()
    meshes[2].symlink_to(tmp_path / "nowhere")
    entries = ViewCache(tmp_path / "cache", _SETTINGS).prepare(meshes)
    reasons = [entry.reason for entry in entries]
    assert "begins with OFF" in reasons[0]
    assert reasons[1] == "not a regular file"
    assert reasons[2] == "No such file or directory"
    assert reasons[3] == ""
    monkeypatch.setattr(view_cache, "read_regular_file", lambda path: pytest.fail("read again"))
    assert ViewCache(tmp_path / "cache", _SETTINGS).prepare(meshes) == entries


def test_processes_give_the_same_views(tmp_path: Path, meshes: list[Path]) -> None:
    alone = _pixels(ViewCache(tmp_path / "alone", _SETTINGS), meshes)
    together = ViewCache(tmp_path / "together", _SETTINGS)
    entries = together.prepare(meshes, processes=2)
    np.testing.assert_array_equal([together.load(entry) for entry in entries], alone)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, meshes: list[Path]) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(UserError, match=r"can't be written to .*cache"):
        ViewCache(tmp_path / "cache", _SETTINGS).prepare(meshes)
