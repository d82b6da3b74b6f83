"""The embedded data set keeps what its page promises."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from splitnets_tf.data import SPLITS, DataSource, ViewArrays, open_source
from splitnets_tf.data.build_components import render_file
from splitnets_tf.data.component_classes import classify
from splitnets_tf.data.component_source import COMPONENTS_DIR, open_components
from splitnets_tf.data.manifest import ManifestRow, read_manifest
from splitnets_tf.data.near_duplicates import near_view_pairs
from splitnets_tf.errors import UserError

_PAGE = Path(__file__).parents[3] / "docs" / "components.md"
_MODELS = Path(__file__).parent / "kicad"


@pytest.fixture(scope="module")
def source() -> DataSource:
    return open_source()


@pytest.fixture(scope="module")
def objects(source: DataSource) -> dict[str, ViewArrays]:
    return {split: source.view_arrays(split) for split in SPLITS}


@pytest.fixture(scope="module")
def manifest() -> tuple[ManifestRow, ...]:
    return read_manifest()


def test_the_page_states_the_counts_of_objects_and_families(manifest: tuple[ManifestRow, ...]) -> None:
    counted: dict[str, list[int]] = defaultdict(list)
    for name in sorted({row.class_name for row in manifest}):
        for split in SPLITS:
            rows = [row for row in manifest if row.class_name == name and row.split == split]
            counted[name] += [len(rows), len({row.family for row in rows})]
    table = re.findall(r"^\| `(\w+)` \|((?: *\d+ \|){6})$", _PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    stated = {name: [int(number) for number in re.findall(r"\d+", numbers)] for name, numbers in table}
    assert stated == counted


def test_it_is_large_enough_and_small_enough(source: DataSource, manifest: tuple[ManifestRow, ...]) -> None:
    assert len(source.class_names) >= 30
    assert len(manifest) >= 1500
    assert source.count("test") >= 500 * 12
    assert source.count("validation") >= 200 * 12
    assert sum(path.stat().st_size for path in COMPONENTS_DIR.parent.rglob("*")) <= 40e6
    assert max(path.stat().st_size for path in COMPONENTS_DIR.iterdir()) <= 5e6


def test_every_class_is_in_every_split_and_no_family_is_in_two(
    objects: dict[str, ViewArrays], source: DataSource
) -> None:
    families = {split: set(arrays.families.tolist()) for split, arrays in objects.items()}
    assert not families["train"] & families["test"]
    assert not families["train"] & families["validation"]
    assert not families["validation"] & families["test"]
    for arrays in objects.values():
        assert set(arrays.labels.tolist()) == set(range(len(source.class_names)))
        one_class = {
            (family, label) for family, label in zip(arrays.families.tolist(), arrays.labels.tolist(), strict=True)
        }
        assert len(one_class) == len(set(arrays.families.tolist()))


def test_no_view_is_near_identical_to_one_in_another_split(objects: dict[str, ViewArrays]) -> None:
    held_out = np.concatenate([objects["validation"].images, objects["test"].images])
    assert len(near_view_pairs(objects["train"].images, held_out).distance) == 0
    assert len(near_view_pairs(objects["validation"].images, objects["test"].images).distance) == 0


def test_files_and_manifest_agree(
    objects: dict[str, ViewArrays], source: DataSource, manifest: tuple[ManifestRow, ...]
) -> None:
    families = {name: number for number, name in enumerate(sorted({row.full_family for row in manifest}))}
    for split, arrays in objects.items():
        expected = [number for number, row in enumerate(manifest) if row.split == split]
        np.testing.assert_array_equal(arrays.objects, expected)
        rows = [manifest[number] for number in expected]
        np.testing.assert_array_equal(arrays.labels, [source.class_names.index(row.class_name) for row in rows])
        np.testing.assert_array_equal(arrays.families, [families[row.full_family] for row in rows])


def test_manifest_follows_the_rules_for_classes_and_families(manifest: tuple[ManifestRow, ...]) -> None:
    for row in manifest:
        folder, _, file_name = row.source.partition(".3dshapes/")
        assert classify(folder, file_name.removesuffix(".wrl")) == (row.class_name, row.family)


@pytest.mark.parametrize("path", sorted(_MODELS.glob("*.wrl")), ids=lambda path: path.stem)
def test_rendering_gives_the_golden_pixels(
    path: Path, objects: dict[str, ViewArrays], manifest: tuple[ManifestRow, ...]
) -> None:
    number = next(number for number, row in enumerate(manifest) if row.object == path.stem)
    assert manifest[number].sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    arrays = objects[manifest[number].split]
    golden = arrays.images[int(np.flatnonzero(arrays.objects == number)[0])]
    np.testing.assert_array_equal(render_file(path.read_bytes()), golden)


def test_every_image_shows_something_on_black(objects: dict[str, ViewArrays]) -> None:
    for arrays in objects.values():
        covered = (arrays.images.max(axis=-1) > 0).mean(axis=(-1, -2))
        assert covered.min() > 0.005
        assert covered.max() < 0.9
        assert (arrays.images[:, :, 0, 0] == 0).all()


def test_stream_and_arrays_hold_the_same_in_the_same_order(source: DataSource) -> None:
    arrays = source.arrays("validation")
    stream = source.dataset("validation")
    assert len(stream) == source.count("validation") == len(arrays.labels)
    for index, example in enumerate(stream.take(40).as_numpy_iterator()):
        np.testing.assert_array_equal(example["image"], arrays.images[index])
        assert example["label"] == arrays.labels[index]
        assert example["object"] == arrays.objects[index]
        assert example["family"] == arrays.families[index]
    assert stream.element_spec["image"].shape == (64, 64, 3)


def test_fingerprint_depends_on_content_alone(tmp_path: Path, source: DataSource) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(COMPONENTS_DIR, copy)
    assert open_components(copy).fingerprint == source.fingerprint
    shard = copy / "components-test.tfrecord-00000-of-00003"
    content = bytearray(shard.read_bytes())
    content[1000] ^= 1
    shard.write_bytes(content)
    assert open_components(copy).fingerprint != source.fingerprint


def test_a_folder_without_the_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no dataset_info\.json"):
        open_components(tmp_path)


def test_an_unknown_split_is_refused(source: DataSource) -> None:
    with pytest.raises(ValueError, match="train, validation, test"):
        source.count("val")
    with pytest.raises(ValueError, match="train, validation, test"):
        source.dataset("val")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"dataset": "component"}, "known are: components, image-folder"),
        ({"dataset": "components", "data_dir": "x"}, "takes no data directory"),
        ({"dataset": "components", "image_size": 32}, "64 pixels"),
        ({"dataset": "image-folder"}, "needs a data directory"),
        ({"image_size": 4}, "between 8 and 1024"),
    ],
)
def test_wrong_requests_are_refused(arguments: dict[str, object], reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        open_source(**arguments)


def test_licence_and_attribution_are_shipped() -> None:
    folder = COMPONENTS_DIR.parent
    assert "Attribution-ShareAlike 4.0 International" in (folder / "LICENSE.txt").read_text(encoding="utf-8")
    attribution = (folder / "ATTRIBUTION.md").read_text(encoding="utf-8")
    assert "KiCad library contributors" in attribution
    counts = [int(count) for count in re.findall(r"^\| (\d+) \|", attribution, re.MULTILINE)]
    assert sum(counts) == len(read_manifest())
