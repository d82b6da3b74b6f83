"""The command that regenerates the data set, on a package made here."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from splitnets_tf.data import build_components, kicad_package
from splitnets_tf.data.component_files import write_tfds
from splitnets_tf.data.component_source import open_components
from splitnets_tf.data.kicad_package import PackageFile, licence_of, parse_copyright
from splitnets_tf.data.manifest import ManifestRow, format_manifest, read_manifest
from splitnets_tf.data.png import decode_png, encode_png
from splitnets_tf.errors import UserError

_MODELS = Path(__file__).parent / "kicad"
_COPYRIGHT = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Comment: the first paragraph
 .
 goes on

Files: *
Copyright: 2018, Somebody
License: CC-BY-SA-4.0-with-exception

Files: A.3dshapes/one.wrl
 A.3dshapes/two.wrl
Copyright: 2017, Another
License: GPL-3+
Comment: a longer
 comment

Files: B.3dshapes/*
Copyright: 2017, Another
License: GPL-3+

Files: B.3dshapes/three.wrl
Copyright: 2017, Another
License: CC-BY-SA-4.0-with-exception

License: GPL-3+
 text
"""


@pytest.fixture
def rows() -> tuple[ManifestRow, ...]:
    """The manifest rows of the models beside this test, one in each split at least."""
    stems = {path.stem for path in _MODELS.glob("*.wrl")}
    chosen = [row for row in read_manifest() if row.object in stems]
    splits = ["train", "validation", "test", "train"]
    return tuple(dataclasses.replace(row, split=split) for row, split in zip(chosen, splits, strict=True))


@pytest.fixture
def package(rows: tuple[ManifestRow, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that stands for the package; its tar stream holds the models, and members to be left alone."""
    members = {f"./usr/share/kicad/3dmodels/{row.source}": (_MODELS / f"{row.object}.wrl").read_bytes() for row in rows}
    members["./usr/share/doc/kicad-packages3d/copyright"] = _COPYRIGHT.encode()
    members["./usr/share/kicad/3dmodels/deep/er/Trap.3dshapes/x.wrl"] = b"trap"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("./usr/share/kicad/3dmodels/A.3dshapes/link.wrl")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)

    @contextlib.contextmanager
    def stream(deb: Path) -> Iterator[io.BytesIO]:
        yield io.BytesIO(buffer.getvalue())

    deb = tmp_path / "package.deb"
    deb.write_bytes(b"stand-in")
    monkeypatch.setattr(kicad_package, "_tar_stream", stream)
    monkeypatch.setattr(build_components, "check_package", lambda deb: "6.0.10-1")
    return deb


def test_the_command_regenerates_the_embedded_pixels(
    rows: tuple[ManifestRow, ...], package: Path, tmp_path: Path
) -> None:
    manifest = tmp_path / "manifest.csv"
    manifest.write_text(format_manifest(rows), encoding="utf-8")
    arguments = ["--deb", str(package), "--output-dir", str(tmp_path / "out"), "--manifest", str(manifest)]
    assert build_components.main(arguments) == 0
    source = open_components(tmp_path / "out" / "components" / "1.0.0")
    assert source.class_names == tuple(sorted(row.class_name for row in rows))
    assert [source.count(split) for split in ("train", "validation", "test")] == [24, 12, 12]
    for split in ("train", "validation", "test"):
        arrays = source.view_arrays(split)
        for number, label, images in zip(arrays.objects, arrays.labels, arrays.images, strict=True):
            assert rows[number].split == split
            assert source.class_names[label] == rows[number].class_name
            expected = build_components.render_file((_MODELS / f"{rows[number].object}.wrl").read_bytes())
            np.testing.assert_array_equal(images, expected)
    assert build_components.main(arguments) == 2, "an existing data set must not be overwritten"


def test_rebuilding_gives_the_same_bytes(rows: tuple[ManifestRow, ...], package: Path, tmp_path: Path) -> None:
    pictures = build_components.render_manifest(rows, kicad_package.iterate_meshes(package))
    folders = [write_tfds(rows, pictures, tmp_path / name, image_size=64) for name in ("one", "two")]
    assert open_components(folders[0]).fingerprint == open_components(folders[1]).fingerprint
    relabelled = (dataclasses.replace(rows[0], class_name=rows[1].class_name), *rows[1:])
    other = write_tfds(relabelled, pictures, tmp_path / "three", image_size=64)
    assert open_components(other).fingerprint != open_components(folders[0]).fingerprint


def test_two_processes_render_the_same_as_one(rows: tuple[ManifestRow, ...], package: Path) -> None:
    one = build_components.render_manifest(rows, kicad_package.iterate_meshes(package))
    two = build_components.render_manifest(rows, kicad_package.iterate_meshes(package), processes=2)
    assert one == two


def test_only_regular_meshes_of_the_library_are_read(rows: tuple[ManifestRow, ...], package: Path) -> None:
    files = list(kicad_package.iterate_meshes(package))
    assert {file.path for file in files} == {row.source for row in rows}
    assert kicad_package.read_copyright(package) == _COPYRIGHT


def test_a_changed_or_missing_source_file_is_refused(rows: tuple[ManifestRow, ...]) -> None:
    file = PackageFile(folder=rows[0].source.split(".3dshapes")[0], stem=rows[0].object, content=b"#VRML V2.0 utf8")
    with pytest.raises(UserError, match="differs from the file that the manifest names"):
        build_components.render_manifest(rows, iter([file]))
    with pytest.raises(UserError, match=r"lacks 4 file\(s\)"):
        build_components.render_manifest(rows, iter([]))


def test_a_file_that_is_no_package_ends_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["--output-dir", str(tmp_path / "out"), "--deb", str(tmp_path / "no.deb")]
    monkeypatch.setattr("shutil.which", lambda program: "/usr/bin/dpkg-deb")
    assert build_components.main(arguments) == 2
    assert "is not a file; get the package with" in capsys.readouterr().err
    monkeypatch.setattr("shutil.which", lambda program: None)
    assert build_components.main(arguments) == 2
    assert "dpkg-deb was not found" in capsys.readouterr().err


def test_copyright_paragraphs_later_ones_win() -> None:
    paragraphs = parse_copyright(_COPYRIGHT)
    expected = {
        "A.3dshapes/one.wrl": "GPL-3+",
        "A.3dshapes/other.wrl": "CC-BY-SA-4.0-with-exception",
        "B.3dshapes/two.wrl": "GPL-3+",
        "B.3dshapes/three.wrl": "CC-BY-SA-4.0-with-exception",
    }
    assert {path: licence_of(path, paragraphs) for path in expected} == expected
    assert licence_of("x", []) is None


def test_png_files_keep_every_pixel() -> None:
    generator = np.random.default_rng(0)
    few = generator.integers(0, 4, (64, 64, 3)).astype(np.uint8) * 80
    many = generator.integers(0, 256, (64, 64, 3)).astype(np.uint8)
    for image in (few, many, np.zeros((8, 8, 3), np.uint8)):
        np.testing.assert_array_equal(decode_png(encode_png(image)), image)
        assert encode_png(image) == encode_png(image.copy())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a,b\n1,2\n", "must have the columns"),
        ("object,class_name,family,split,source,sha256\no,c,f,tset,s,0\n", "unknown splits: tset"),
        ("object,class_name,family,split,source,sha256\n" + "o,c,f,test,s,0\n" * 2, "names an object twice"),
    ],
)
def test_wrong_manifests_are_refused(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "manifest.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=reason):
        read_manifest(path)
