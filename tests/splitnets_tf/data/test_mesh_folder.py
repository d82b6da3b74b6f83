"""Folders of meshes and ModelNet40 as sources: layouts, splits, families, what is left out and what is said of it."""

from __future__ import annotations

import itertools
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from synthetic_modelnet import write_synthetic_modelnet

from splitnets_tf.data import DATASETS, SPLITS, DataSource, open_source
from splitnets_tf.data.mesh_files import load_mesh
from splitnets_tf.data.mesh_folder import MODELNET40_CLASSES
from splitnets_tf.data.renderer import RenderSettings, render_views
from splitnets_tf.errors import UserError

_SIZE = 16
_HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def modelnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All 40 classes, rendered once for the tests of this file."""
    root = write_synthetic_modelnet(tmp_path_factory.mktemp("data") / "ModelNet40")
    _open_modelnet(root)
    return root


def _open_modelnet(root: Path, **options) -> DataSource:
    return open_source(dataset="modelnet40", data_dir=root, image_size=_SIZE, **options)


def _open_folder(root: Path, **options) -> DataSource:
    return open_source(dataset="mesh-folder", data_dir=root, image_size=_SIZE, **options)


_STRETCH = itertools.count(1)


def _write_mesh(path: Path) -> None:
    """A tetrahedron that looks like no other."""
    stretch = 1.0 + 0.1 * next(_STRETCH)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"OFF4 4 0\n0 0 0\n1 0 0\n0 {stretch} 0\n0 0 1\n3 0 1 2\n3 0 1 3\n3 0 2 3\n3 1 2 3\n")


@pytest.fixture
def make_meshes(tmp_path: Path) -> Callable[[list[str]], Path]:
    """Writes different meshes under the named paths."""

    def make(names: list[str]) -> Path:
        for name in names:
            _write_mesh(tmp_path / "meshes" / name)
        return tmp_path / "meshes"

    return make


def _split_names(source: DataSource) -> dict[str, set[str]]:
    return {split: set(source.object_names(split)) for split in SPLITS}


def test_modelnet_has_its_classes_splits_and_labels(modelnet: Path) -> None:
    source = _open_modelnet(modelnet)
    assert source.class_names == MODELNET40_CLASSES
    assert (source.views, source.image_size, source.fits_in_memory) == (12, _SIZE, True)
    assert {split: source.count(split) for split in SPLITS} == {"train": 960, "validation": 480, "test": 480}
    assert set(source.object_names("test")) == {f"{name}_0004" for name in MODELNET40_CLASSES}
    for split in SPLITS:
        arrays = source.view_arrays(split)
        names = source.object_names(split)
        assert [name.rsplit("_", 1)[0] for name in names] == [MODELNET40_CLASSES[label] for label in arrays.labels]
        np.testing.assert_array_equal(source.object_labels(split), arrays.labels)
    everything = [source.view_arrays(split) for split in SPLITS]
    assert len(set(np.concatenate([arrays.objects for arrays in everything]))) == 160
    assert len(set(np.concatenate([arrays.families for arrays in everything]))) == 160


def test_views_are_those_of_the_mesh_that_is_named(modelnet: Path) -> None:
    source = _open_modelnet(modelnet)
    arrays, names = source.view_arrays("validation"), source.object_names("validation")
    path = next(modelnet.rglob(f"{names[7]}.off"))
    np.testing.assert_array_equal(arrays.images[7], render_views(load_mesh(path), RenderSettings(image_size=_SIZE)))
    assert (arrays.images.reshape(len(names), -1).max(axis=1) > 50).all()


def test_every_way_to_read_gives_the_same_images(modelnet: Path) -> None:
    source = _open_modelnet(modelnet)
    views, singles = source.view_arrays("test"), source.arrays("test")
    np.testing.assert_array_equal(singles.images.reshape(views.images.shape), views.images)
    rows = np.array([13, 400, 12, 0])
    some = source.arrays("test", rows)
    for field in ("images", "labels", "objects", "families"):
        np.testing.assert_array_equal(getattr(some, field), getattr(singles, field)[rows])
    chosen = source.view_rows("test", np.array([5, 2]))
    np.testing.assert_array_equal(chosen.images, views.images[[5, 2]])
    np.testing.assert_array_equal(chosen.families, views.families[[5, 2]])
    stored = source.stored_views("test")
    assert stored.shape == views.images.shape
    np.testing.assert_array_equal(stored.read(np.array([39, 1])), views.images[[39, 1]])
    np.testing.assert_array_equal(source.stored("test").read(rows), singles.images[rows])


def test_tensorflow_reads_the_same(modelnet: Path) -> None:
    import tensorflow as tf

    source = _open_modelnet(modelnet)
    views = source.view_arrays("test")
    load = tf.function(source.stored_views("test").load)
    images = load(tf.constant([3, 0]))
    assert images.shape == (2, 12, _SIZE, _SIZE, 3)
    np.testing.assert_array_equal(images, views.images[[3, 0]])
    dataset = source.dataset("test")
    assert dataset.cardinality() == 480
    first = list(dataset.take(14).as_numpy_iterator())
    np.testing.assert_array_equal(first[13]["image"], views.images[1, 1])
    assert (first[13]["label"], first[13]["object"], first[13]["family"]) == (1, views.objects[1], views.families[1])


def test_opening_again_gives_the_same_and_another_seed_another_validation(modelnet: Path, tmp_path: Path) -> None:
    source = _open_modelnet(modelnet)
    assert _open_modelnet(modelnet.parent).fingerprint == source.fingerprint
    moved = shutil.copytree(modelnet, tmp_path / "elsewhere")
    assert _open_modelnet(moved).fingerprint == source.fingerprint
    other = _open_modelnet(modelnet, seed=1)
    assert other.fingerprint != source.fingerprint
    assert _split_names(other)["test"] == _split_names(source)["test"]
    assert _split_names(other)["validation"] != _split_names(source)["validation"]


def test_numbers_other_than_modelnets_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = write_synthetic_modelnet(tmp_path / "m", classes=2, train=2)
    (root / "airplane" / "train" / "airplane_0009.off").write_text("OFF9 9 0\n")
    (root / "airplane" / "train" / "readme.txt").write_text("by hand")
    with caplog.at_level(logging.WARNING):
        source = _open_modelnet(root)
    assert source.class_names == ("airplane", "bathtub")
    said = "\n".join(caplog.messages)
    assert "lacks 38 of ModelNet40's 40 classes: bed, bench" in said
    assert "has 5 train meshes; ModelNet40 has 9843" in said
    assert "has 2 test meshes; ModelNet40 has 2468" in said
    assert "airplane_0009.off: cut short" in said
    assert "skipped 1 of 7 meshes" in said
    assert "1 '.txt'" in said


def test_what_is_not_modelnet_is_refused(tmp_path: Path, make_meshes: Callable[[list[str]], Path]) -> None:
    with pytest.raises(UserError, match="needs the folder ModelNet40"):
        open_source(dataset="modelnet40")
    root = make_meshes([f"{name}/{number}.off" for name in ("airplane", "bed") for number in range(4)])
    with pytest.raises(UserError, match="not laid out as ModelNet40"):
        _open_modelnet(root)
    other = write_synthetic_modelnet(tmp_path / "m", classes=2)
    (other / "bathtub").rename(other / "teapot")
    with pytest.raises(UserError, match=r"no class 'teapot'; open .* as 'mesh-folder'"):
        _open_modelnet(other)
    assert {"modelnet40", "mesh-folder"} <= set(DATASETS)


def test_a_folder_is_divided_by_name_families(make_meshes: Callable[[list[str]], Path]) -> None:
    series = ["bolt", "hex_bolt", "eye-bolt", "anchor", "screw", "carriage"]
    names = [f"{name}/{kind}_M{size}.off" for name in ("a", "b") for kind in series for size in (3, 4, 5)]
    root = make_meshes([*names, *(f"numbered/part_{number:03d}.off" for number in range(10))])
    source = _open_folder(root)
    split_of_family: dict[str, set[str]] = {}
    for split in SPLITS:
        for label, name in zip(source.object_labels(split), source.object_names(split), strict=True):
            if label < 2:
                split_of_family.setdefault(f"{label} {name.split('_M')[0]}", set()).add(split)
    assert len(split_of_family) == 12
    assert all(len(splits) == 1 for splits in split_of_family.values())
    for split in SPLITS:
        assert set(source.object_labels(split)) == {0, 1, 2}
        families = source.view_arrays(split).families
        numbered = source.object_labels(split) == 2
        assert len(set(families[numbered])) == numbered.sum()
        assert len(set(families[~numbered])) == (~numbered).sum() / 3
    seeds = [_split_names(_open_folder(root, seed=seed))["test"] for seed in range(3)]
    assert seeds[0] == _split_names(source)["test"]
    assert len(set(map(frozenset, seeds))) > 1


@pytest.mark.parametrize("pattern", ["{split}/{name}", "{name}/{split}"])
def test_split_folders_on_either_level_are_respected(make_meshes: Callable[[list[str]], Path], pattern: str) -> None:
    paths = [
        f"{pattern.format(split=split, name=name)}/{split}_{number}.off"
        for split, count in (("train", 6), ("test", 2))
        for name in ("cup", "jug")
        for number in range(count)
    ]
    source = _open_folder(make_meshes(paths))
    names = _split_names(source)
    assert names["test"] == {"test_0", "test_1"}
    assert names["train"] | names["validation"] == {f"train_{number}" for number in range(6)}
    assert {split: source.count(split) // 12 for split in SPLITS} == {"train": 10, "validation": 2, "test": 4}


def test_objects_that_look_alike_are_kept_once_and_rather_in_test(
    make_meshes: Callable[[list[str]], Path], caplog: pytest.LogCaptureFixture
) -> None:
    paths = [
        f"{name}/{split}/{number}.off" for name in ("a", "b") for split in ("train", "test") for number in range(4)
    ]
    root = make_meshes(paths)
    # The same body, twice as large and in another file.
    text = (root / "a" / "test" / "0.off").read_text().splitlines()
    scaled = [" ".join(str(2 * float(value)) for value in line.split()) for line in text[1:5]]
    (root / "a" / "train" / "0.off").write_text("\n".join([text[0], *scaled, *text[5:]]))
    with caplog.at_level(logging.WARNING):
        source = _open_folder(root)
    assert "skipped 0: looks exactly like 0" in caplog.text
    assert (source.count("train") + source.count("validation"), source.count("test")) == (7 * 12, 8 * 12)


def test_formats_may_be_mixed(make_meshes: Callable[[list[str]], Path]) -> None:
    root = make_meshes(["off/x.off", "off/y.off", "off/z/z.off"])
    (root / "other").mkdir()
    for name in ("a", "b", "c"):
        mesh = load_mesh(root / "off" / "x.off")
        mesh.vertices[0, 2] = -ord(name) / 100
        lines = [f"v {x} {y} {z}" for x, y, z in mesh.vertices.tolist()]
        lines += [f"f {a} {b} {c}" for a, b, c in (mesh.faces + 1).tolist()]
        (root / "other" / f"{name}.OBJ").write_text(f"mtllib {name}.mtl\n" + "\n".join(lines))
        (root / "other" / f"{name}.mtl").write_text("newmtl a\n")
    shutil.copy(_HERE / "kicad" / "TO-92S-2.wrl", root / "other" / "a.wrl")
    source = _open_folder(root)
    names = set().union(*_split_names(source).values())
    assert names == {"x", "y", "z/z", "a.OBJ", "a.wrl", "b", "c"}


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["a/1.off", "a/2.off", "b/1.off", "b/2.off", "b/3.off"], r"class 'a' .* has 2 different mesh\(es\)"),
        (["a/train/1.off", "b/1.off"], "divided differently: 'a' has train, 'b' has none"),
        (["a/train/1.off", "a/test/1.off", "b/train/1.off"], "'a' has test, train, 'b' has train"),
        (["a/test/1.off", "b/test/1.off"], "have no 'train' folder"),
        (["a/1.off", "b/1.txt"], "class 'b' .* has no mesh; expected files that end in .off, .obj"),
        (["train/a/1.off", "train/b/1.off", "test/a/1.off"], "differ in: b"),
    ],
)
def test_folders_that_cannot_be_divided_are_refused(
    make_meshes: Callable[[list[str]], Path], names: list[str], reason: str
) -> None:
    with pytest.raises(UserError, match=reason):
        _open_folder(make_meshes(names))


def test_a_class_without_a_readable_mesh_is_named(make_meshes: Callable[[list[str]], Path]) -> None:
    root = make_meshes([f"{name}/{number}.off" for name in ("a", "b") for number in range(4)])
    for path in (root / "b").iterdir():
        path.write_text("OFF\n")
    with pytest.raises(UserError, match=r"class 'b' in .* has no readable mesh"):
        _open_folder(root)


def test_images_too_large_for_memory_are_read_as_they_are_needed(
    modelnet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    per_object = 12 * _SIZE**2 * 3
    monkeypatch.setattr("splitnets_tf.data.mesh_source._FITTING_BYTES", 79 * per_object)
    monkeypatch.setattr("splitnets_tf.data.mesh_source._MAX_ARRAY_BYTES", 40 * per_object)
    source = _open_modelnet(modelnet)
    assert not source.fits_in_memory
    with pytest.raises(UserError, match="80 train objects of 12 views of 16 pixels take"):
        source.view_arrays("train")
    assert len(source.view_rows("train", np.arange(40)).labels) == 40
    assert source.stored_views("train").read(np.array([79])).shape == (1, 12, _SIZE, _SIZE, 3)


def test_larger_views_than_are_rendered_are_refused(modelnet: Path) -> None:
    with pytest.raises(UserError, match="up to 224 pixels, got a request for 225"):
        open_source(dataset="modelnet40", data_dir=modelnet, image_size=225)


def test_the_cache_may_lie_elsewhere(tmp_path: Path, make_meshes: Callable[[list[str]], Path]) -> None:
    root = make_meshes([f"{name}/{number}.off" for name in ("a", "b") for number in range(4)])
    _open_folder(root, cache_dir=tmp_path / "views")
    assert not (root / ".splitnets_views").exists()
    assert len(list((tmp_path / "views").rglob("*.npy.z"))) == 8
