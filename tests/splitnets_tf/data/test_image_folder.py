"""Folders of class folders: layouts, damaged files, odd images, division and errors."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from splitnets_tf.data import SPLITS, open_source
from splitnets_tf.data.image_files import UnreadableImageError, decode_image
from splitnets_tf.errors import UserError

MakeFolder = Callable[..., Path]


def _paths(source: object, split: str) -> list[str]:
    return [f"{image.path.parent.name}/{image.path.name}" for image in source.images[split]]


def test_undivided_folder_is_split_by_class_without_overlap(make_folder: MakeFolder) -> None:
    source = open_source(data_dir=make_folder({"cat": 20, "dog": 40, "Ant": 3}), image_size=16)
    assert source.class_names == ("Ant", "cat", "dog")
    assert (source.views, source.image_size, source.name) == (1, 16, "image-folder")
    labels = {split: np.bincount(source.arrays(split).labels, minlength=3).tolist() for split in SPLITS}
    assert labels == {"train": [1, 14, 28], "validation": [1, 3, 6], "test": [1, 3, 6]}
    everything = [path for split in SPLITS for path in _paths(source, split)]
    assert len(set(everything)) == len(everything) == 63
    objects = np.concatenate([source.arrays(split).objects for split in SPLITS])
    assert sorted(objects.tolist()) == list(range(63))


def test_division_depends_on_the_seed_and_on_nothing_else(make_folder: MakeFolder, tmp_path: Path) -> None:
    directory = make_folder({"cat": 20, "dog": 20})
    first, again = open_source(data_dir=directory, seed=1), open_source(data_dir=directory, seed=1)
    assert [_paths(first, split) for split in SPLITS] == [_paths(again, split) for split in SPLITS]
    assert first.fingerprint == again.fingerprint
    other = open_source(data_dir=directory, seed=2)
    assert _paths(first, "test") != _paths(other, "test")
    assert first.fingerprint != other.fingerprint
    moved = tmp_path / "elsewhere"
    directory.rename(moved)
    assert open_source(data_dir=moved, seed=1).fingerprint == first.fingerprint


def test_fingerprint_changes_with_content_and_size(make_folder: MakeFolder) -> None:
    directory = make_folder({"cat": 5, "dog": 5})
    before = open_source(data_dir=directory).fingerprint
    assert open_source(data_dir=directory, image_size=32).fingerprint != before
    Image.new("RGB", (24, 16), (1, 2, 3)).save(directory / "cat" / "003.png")
    assert open_source(data_dir=directory).fingerprint != before


@pytest.mark.parametrize(
    ("folders", "counts"),
    [
        ({"train": 10, "val": 4, "test": 6}, {"train": 20, "validation": 8, "test": 12}),
        ({"Train": 10, "validation": 4, "Test": 6}, {"train": 20, "validation": 8, "test": 12}),
        ({"train": 20, "test": 6}, {"train": 34, "validation": 6, "test": 12}),
        ({"train": 20, "val": 4}, {"train": 34, "validation": 8, "test": 6}),
        ({"train": 20}, {"train": 28, "validation": 6, "test": 6}),
    ],
)
def test_split_folders_are_respected_and_what_is_missing_is_held_out_of_train(
    make_folder: MakeFolder, folders: dict[str, int], counts: dict[str, int]
) -> None:
    directory = make_folder({f"{split}/{name}": count for split, count in folders.items() for name in ("cat", "dog")})
    source = open_source(data_dir=directory)
    assert {split: source.count(split) for split in SPLITS} == counts
    for split in SPLITS:
        named = {image.path.parent.parent.name.lower() for image in source.images[split]}
        present = {"validation": "val", **{name.lower(): name.lower() for name in folders}}.get(split, split)
        assert named == {present if present in {name.lower() for name in folders} else "train"}


def test_train_may_be_a_class_and_classes_may_have_folders_below(make_folder: MakeFolder) -> None:
    source = open_source(data_dir=make_folder({"train": 4, "test": 4, "car/red": 2, "car/blue/dark": 3}))
    assert source.class_names == ("car", "test", "train")
    assert sum(source.count(split) for split in SPLITS) == 13


def test_damaged_and_foreign_files_are_named_once_and_skipped(
    make_folder: MakeFolder, caplog: pytest.LogCaptureFixture
) -> None:
    directory = make_folder({"cat": 6, "dog": 6})
    buffer = io.BytesIO()
    Image.effect_noise((80, 80), 50).save(buffer, "JPEG")
    (directory / "cat" / "truncated.jpg").write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    (directory / "cat" / "empty.png").write_bytes(b"")
    (directory / "dog" / "notes.txt").write_text("no image")
    (directory / "dog" / "fake.PNG").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\x00" * 50)
    os.mkfifo(directory / "dog" / "pipe.jpg")
    (directory / "dog" / "dangling.jpg").symlink_to(directory / "nowhere.jpg")
    (directory / "dog" / ".DS_Store").write_bytes(b"hidden")
    (directory / ".git").mkdir()
    with caplog.at_level(logging.WARNING):
        source = open_source(data_dir=directory)
        for split in SPLITS:
            source.arrays(split)
    assert sum(source.count(split) for split in SPLITS) == 12
    for name in ("truncated.jpg", "empty.png", "notes.txt", "fake.PNG", "pipe.jpg", "dangling.jpg"):
        assert sum(name in record.message for record in caplog.records) == 1, name
    assert "skipped 6 of 18 files" in caplog.records[-1].message
    assert not any("DS_Store" in record.message for record in caplog.records)


def test_identical_files_count_once_and_stay_out_of_train(
    make_folder: MakeFolder, caplog: pytest.LogCaptureFixture
) -> None:
    directory = make_folder({"train/cat": 4, "train/dog": 4, "test/cat": 2, "test/dog": 2})
    content = (directory / "test" / "cat" / "000.png").read_bytes()
    for copy in ("train/cat/copy.png", "train/dog/copy.png", "test/cat/zz.png"):
        (directory / copy).write_bytes(content)
    with caplog.at_level(logging.WARNING):
        source = open_source(data_dir=directory)
    assert source.count("test") == 4
    assert source.count("train") + source.count("validation") == 8
    for copy in ("train/cat/copy.png", "train/dog/copy.png", "test/cat/zz.png"):
        assert sum(copy in record.message and "identical to" in record.message for record in caplog.records) == 1


def test_files_outside_of_all_classes_are_counted_aloud(
    make_folder: MakeFolder, caplog: pytest.LogCaptureFixture
) -> None:
    directory = make_folder({"cat": 5, "dog": 5})
    (directory / "cat" / "000.png").rename(directory / "stray.png")
    (directory / ".DS_Store").touch()
    with caplog.at_level(logging.WARNING):
        open_source(data_dir=directory)
    (record,) = caplog.records
    assert "left out 1 file(s) that are in no class folder: stray.png" in record.message


def test_links_in_a_circle_end(make_folder: MakeFolder) -> None:
    directory = make_folder({"cat": 3, "dog": 3})
    (directory / "cat" / "loop").symlink_to(directory / "cat", target_is_directory=True)
    (directory / "dog" / "up").mkdir()
    (directory / "dog" / "up" / "again").symlink_to(directory / "dog", target_is_directory=True)
    source = open_source(data_dir=directory)
    assert sum(source.count(split) for split in SPLITS) == 6


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ({"cat": 5}, "has 1 class folder"),
        ({"cat": 5, "dog": 0}, "dog is empty"),
        ({"cat": 5, "dog": 2}, r"class 'dog' .* has 2 readable image\(s\)"),
        ({"train/cat": 3, "train/dog": 3, "val/cat": 2, "val/cow": 2}, "differ in: cow, dog"),
        ({"train/cat": 3, "train/dog": 3, "val/cat": 2, "val/dog": 0}, "dog is empty"),
        ({"train/cat": 3, "train/dog": 3, "val/a": 2, "validation/a": 2}, "has both"),
        ({"test/cat": 3, "test/dog": 3}, "no 'train'"),
        ({"train/cat": 1, "train/dog": 3, "val/cat": 2, "val/dog": 2}, r"'cat' .* has 1 readable image\(s\)"),
    ],
)
def test_folders_that_cannot_be_used_are_refused(make_folder: MakeFolder, counts: dict[str, int], reason: str) -> None:
    with pytest.raises(UserError, match=reason) as caught:
        open_source(data_dir=make_folder(counts))
    assert "\n" not in str(caught.value)


def test_a_class_without_any_readable_image_is_an_error(make_folder: MakeFolder) -> None:
    directory = make_folder({"cat": 5, "dog": 0})
    (directory / "dog" / "broken.png").write_bytes(b"broken")
    with pytest.raises(UserError, match=r"class 'dog' of .* has no readable image"):
        open_source(data_dir=directory)


def test_missing_flat_and_empty_directories_are_refused_with_the_expected_layout(tmp_path: Path) -> None:
    flat = tmp_path / "flat"
    flat.mkdir()
    with pytest.raises(UserError, match="holds nothing; expected DIR/<class>/<file>"):
        open_source(data_dir=flat)
    Image.new("RGB", (8, 8)).save(flat / "a.png")
    with pytest.raises(UserError, match="holds only files; expected DIR/<class>/<file>"):
        open_source(data_dir=flat)
    with pytest.raises(UserError, match="is a file; expected DIR/<class>/<file>"):
        open_source(data_dir=flat / "a.png")
    with pytest.raises(UserError, match="doesn't exist; expected DIR/<class>/<file>"):
        open_source(data_dir=tmp_path / "missing")


def test_errors_come_before_tensorflow_is_imported(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from splitnets_tf.data import open_source\n"
        "from splitnets_tf.errors import UserError\n"
        "try:\n"
        "    open_source(data_dir=sys.argv[1])\n"
        "except UserError:\n"
        "    sys.exit(3 + any(name.split('.')[0] in ('tensorflow', 'keras') for name in sys.modules))\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "missing")]
    root = Path(__file__).parents[3]
    assert subprocess.run(command, cwd=root, check=False).returncode == 3


def test_stream_and_arrays_hold_the_same_also_when_pixels_are_not_kept(
    make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = make_folder({"cat": 7, "dog": 7})
    kept = open_source(data_dir=directory, image_size=12)
    monkeypatch.setattr("splitnets_tf.data.folder_source._MAX_PIXEL_BYTES", 0)
    reread = open_source(data_dir=directory, image_size=12)
    assert all(image.pixels is None for image in reread.images["train"])
    assert kept.fingerprint == reread.fingerprint
    for split in SPLITS:
        arrays = kept.arrays(split)
        np.testing.assert_array_equal(reread.arrays(split).images, arrays.images)
        examples = list(reread.dataset(split).as_numpy_iterator())
        assert len(examples) == len(reread.dataset(split)) == kept.count(split)
        np.testing.assert_array_equal([example["image"] for example in examples], arrays.images)
        for key, values in (("label", arrays.labels), ("object", arrays.objects), ("family", arrays.families)):
            np.testing.assert_array_equal([example[key] for example in examples], values)
    (directory / "cat" / "000.png").write_bytes(b"gone bad")
    with pytest.raises(UserError, match="no longer is"):
        for split in SPLITS:
            reread.arrays(split)


def _encoded(image: Image.Image, image_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


_RED = (200, 40, 20)


@pytest.mark.parametrize(
    ("content", "expected", "tolerance"),
    [
        (_encoded(Image.new("RGB", (40, 30), _RED), "PNG"), _RED, 0),
        (_encoded(Image.new("RGB", (40, 30), _RED), "BMP"), _RED, 0),
        (_encoded(Image.new("RGB", (40, 30), _RED), "GIF"), _RED, 3),
        (_encoded(Image.new("RGB", (640, 480), _RED), "JPEG", quality=95), _RED, 3),
        (_encoded(Image.new("CMYK", (40, 30), (0, 255, 255, 0)), "JPEG", quality=95), (255, 0, 0), 6),
        (_encoded(Image.new("L", (40, 30), 77), "PNG"), (77, 77, 77), 0),
        (_encoded(Image.new("1", (40, 30), 1), "PNG"), (255, 255, 255), 0),
        (_encoded(Image.fromarray(np.full((30, 40), 257 * 90, np.uint16)), "PNG"), (90, 90, 90), 0),
        (_encoded(Image.new("RGBA", (40, 30), (*_RED, 255)), "PNG"), _RED, 0),
        (_encoded(Image.new("RGBA", (40, 30), (0, 0, 0, 0)), "PNG"), (255, 255, 255), 0),
        (_encoded(Image.new("LA", (40, 30), (0, 51)), "PNG"), (204, 204, 204), 1),
    ],
    ids=["png", "bmp", "gif", "jpeg", "cmyk", "grey", "bits", "16 bit", "opaque", "transparent", "grey and alpha"],
)
def test_every_kind_of_image_becomes_rgb(content: bytes, expected: tuple[int, int, int], tolerance: int) -> None:
    pixels = decode_image(content, 16)
    assert pixels.shape == (16, 16, 3)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - np.array(expected)).max() <= tolerance


def test_the_centre_square_is_kept_upright_and_averaged() -> None:
    pixels = np.zeros((40, 120, 3), np.uint8)
    pixels[:20, 40:60] = 255  # The upper left quarter of the centre square.
    pixels[:, :40] = pixels[:, 80:] = 99
    expected = np.zeros((2, 2))
    expected[0, 0] = 255
    small = decode_image(_encoded(Image.fromarray(pixels), "PNG"), 8)
    np.testing.assert_array_equal(small[[1, 1, 6, 6], [1, 6, 1, 6], 0], expected.ravel())
    exif = Image.Exif()
    exif[0x0112] = 6  # Stored lying on its side; shown turned by 90 degrees clockwise.
    turned = decode_image(_encoded(Image.fromarray(np.rot90(pixels)), "PNG", exif=exif), 8)
    np.testing.assert_array_equal(turned, small)
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[::2] = 255
    averaged = decode_image(_encoded(Image.fromarray(stripes), "PNG"), 8)
    assert np.abs(averaged[1:-1].astype(int) - 128).max() < 8


def test_images_that_would_fill_the_memory_are_refused_before_decoding() -> None:
    bomb = _encoded(Image.new("1", (9000, 9000)), "PNG")
    assert len(bomb) < 20_000
    with pytest.raises(UnreadableImageError, match="9000x9000 pixels"):
        decode_image(bomb, 16)


@pytest.mark.parametrize(
    "content", [b"", b"P6 1 1 255 abc", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"GIF89a", b"BM" + b"\xff" * 60]
)
def test_other_formats_and_stubs_are_refused(content: bytes) -> None:
    with pytest.raises(UnreadableImageError):
        decode_image(content, 16)
