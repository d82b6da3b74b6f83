"""Mesh files of every format, as they should be, as ModelNet has them, and as nobody should write them."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from splitnets_tf.data.mesh import Mesh
from splitnets_tf.data.mesh_files import MESH_SUFFIXES, UnreadableMeshError, load_mesh, parse_mesh
from splitnets_tf.data.untrusted_files import UnreadableFileError

_CORNERS = np.array([[0.0, 0.0, 0.0], [2.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.5]])
_TRIANGLES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
_BODY = "0 0 0\n2 0 0\n0 1 0\n0 0 0.5\n3 0 2 1\n3 0 1 3\n3 0 3 2\n3 1 2 3\n"
_BY_TRIMESH = (".off", ".obj", ".stl", ".ply", ".glb")
_HERE = Path(__file__).parent


def _exported(suffix: str, **visual: Any) -> bytes:
    """A tetrahedron whose edges along X, Y and Z differ, in a format that trimesh writes."""
    corners = _CORNERS
    if suffix == ".glb":  # Y points up in glTF.
        corners = np.stack([_CORNERS[:, 0], _CORNERS[:, 2], -_CORNERS[:, 1]], axis=1)
    content = trimesh.Trimesh(corners, _TRIANGLES, process=False, **visual).export(file_type=suffix[1:])
    return content.encode() if isinstance(content, str) else content


def _corner_sets(mesh: Mesh) -> np.ndarray:
    """Corners of each triangle, in an order that doesn't depend on the file's."""
    corners = np.round(mesh.vertices[mesh.faces], 5).reshape(-1, 3, 3) + 0.0
    rows = [sorted(map(tuple, triangle)) for triangle in corners.tolist()]
    return np.array(sorted(rows))


_EXPECTED = np.array(sorted(sorted(map(tuple, triangle)) for triangle in _CORNERS[_TRIANGLES].tolist()))


@pytest.mark.parametrize("suffix", _BY_TRIMESH)
def test_every_format_gives_the_same_triangles_with_z_up(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"body{suffix.upper()}"
    path.write_bytes(_exported(suffix))
    mesh = load_mesh(path)
    np.testing.assert_allclose(_corner_sets(mesh), _EXPECTED, atol=1e-6)
    np.testing.assert_allclose(mesh.colours, 0.8)


def test_vrml_is_read_with_its_colours() -> None:
    mesh = load_mesh(_HERE / "kicad" / "TO-92S-2.wrl")
    assert len(mesh.faces) == 52
    assert len(np.unique(mesh.colours, axis=0)) > 1


@pytest.mark.parametrize(
    "head",
    ["OFF\n4 4 6\n", "OFF4 4 6\n", "OFF 4 4 6\n", "# by hand\n\nOFF # head\n4 4 6\n\n", "OFF\r\n4 4 0\r\n"],
)
def test_headers_of_off_files(head: str) -> None:
    text = head + _BODY
    np.testing.assert_allclose(_corner_sets(parse_mesh(text.encode(), ".off")), _EXPECTED)


def test_polygons_of_off_files_become_triangles_and_their_colours_are_left_out() -> None:
    text = "COFF6 2 0\n0 0 0 9\n1 0 0 9\n1.5 1 0 9\n.5 2 0 9\n-.5 1 0 9\n3 0 0 9\n5 0 1 2 3 4 255 0 0\n3 1 5 2\n"
    mesh = parse_mesh(text.encode(), ".off")
    a, b, c = (mesh.vertices[mesh.faces[:, corner]] for corner in range(3))
    assert len(mesh.faces) == 4
    assert np.abs(np.cross(b - a, c - a)[:, 2]).sum() / 2 == pytest.approx(2.5 + 1.0)
    np.testing.assert_allclose(mesh.colours, 0.8)


def test_colours_are_linear_reflectance() -> None:
    red = np.tile(np.array([255, 128, 0, 255], np.uint8), (4, 1))
    expected = [1.0, (128 / 255) ** 2.2, 0.0]
    np.testing.assert_allclose(parse_mesh(_exported(".ply", face_colors=red), ".ply").colours[0], expected)
    np.testing.assert_allclose(parse_mesh(_exported(".obj", vertex_colors=red), ".obj").colours[0], expected, atol=0.01)
    np.testing.assert_allclose(parse_mesh(_exported(".glb", vertex_colors=red), ".glb").colours[0], [1, 128 / 255, 0])


def test_a_material_file_beside_an_obj_file_is_not_opened(tmp_path: Path) -> None:
    # A pipe that nobody writes to: whoever opens it waits for ever.
    os.mkfifo(tmp_path / "paint.mtl")
    path = tmp_path / "body.obj"
    path.write_bytes(b"mtllib paint.mtl\nusemtl red\n" + _exported(".obj"))
    np.testing.assert_allclose(load_mesh(path).colours, 0.8)


def _glb(change: Callable[[dict[str, Any]], object]) -> bytes:
    """The tetrahedron as GLB with a changed description."""
    content = _exported(".glb")
    length = struct.unpack("<I", content[12:16])[0]
    tree = json.loads(content[20 : 20 + length])
    change(tree)
    text = json.dumps(tree).encode()
    text += b" " * (-len(text) % 4)
    rest = content[20 + length :]
    return struct.pack("<5I", 0x46546C67, 2, 20 + len(text) + len(rest), len(text), 0x4E4F534A) + text + rest


_HOSTILE_GLB: dict[str, Callable[[dict[str, Any]], object]] = {
    "outside its binary part": lambda tree: tree["buffers"][0].update(uri="other.bin"),
    "without a plain buffer view": lambda tree: tree["accessors"][0].pop("bufferView"),
    "vertices and indices, at most": lambda tree: tree["accessors"][0].update(count=10**12),
    "extension KHR_draco": lambda tree: tree.update(extensionsRequired=["KHR_draco_mesh_compression"]),
    "EXT_mesh_gpu_instancing": lambda tree: tree["nodes"][-1].update(extensions={"EXT_mesh_gpu_instancing": {}}),
    "under two nodes": lambda tree: tree["nodes"].extend([{"children": [1]}, {"children": [1]}]),
    "at most 20000": lambda tree: tree["nodes"].extend([{}] * 20_000),
    "a whole number": lambda tree: tree["accessors"][0].update(count=-1),
    "'nodes' is not a list": lambda tree: tree.update(nodes={"0": {}}),
    "accessor 99": lambda tree: tree["meshes"][0]["primitives"][0].update(indices=99),
}


@pytest.mark.parametrize("reason", _HOSTILE_GLB)
def test_glb_files_that_ask_for_too_much_are_refused(reason: str) -> None:
    with pytest.raises(UnreadableMeshError, match=reason):
        parse_mesh(_glb(_HOSTILE_GLB[reason]), ".glb")
    assert len(parse_mesh(_glb(lambda tree: None), ".glb").faces) == 4


def test_a_glb_mesh_shown_many_times_counts_as_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("splitnets_tf.data.mesh_files.MAX_FACES", 40)

    def repeat(times: int) -> Callable[[dict[str, Any]], None]:
        def change(tree: dict[str, Any]) -> None:
            tree["nodes"] = [{"mesh": 0, "translation": [3 * index, 0, 0]} for index in range(times)]
            tree["scenes"] = [{"nodes": list(range(times))}]

        return change

    assert len(parse_mesh(_glb(repeat(10)), ".glb").faces) == 40
    with pytest.raises(UnreadableMeshError, match="shows 44 faces"):
        parse_mesh(_glb(repeat(11)), ".glb")


@pytest.mark.parametrize(
    ("suffix", "text", "reason"),
    [
        (".off", "", "empty file"),
        (".off", "OFF4 4 0\n" + _BODY[:-8], "cut short: the header announces 8 rows, the file has 7"),
        (".off", "OFF4 1 0\n0 0 0\n1 0 0\n0 1 0\n0 0 1\n3 0 1 9\n", "name vertices 0..9, there are 4"),
        (".off", "OFF3 1 0\n0 0 0\n0 0 nan\n0 1 0\n3 0 1 2\n", "finite"),
        (".off", "OFF3 1 0\n0 0 0\n0 0 1e200\n0 1 0\n3 0 1 2\n", "beyond"),
        (".off", "OFF3 1 0\n1 1 1\n1 1 1\n1 1 1\n3 0 1 2\n", "coincide"),
        (".off", "OFF3 0 0\n1 1 1\n1 2 1\n1 1 3\n", "no faces"),
        (".off", "OFF BINARY\n", "begins with OFF"),
        (".off", "OFF3 1 0\n0 0 0\n1 0\n0 1 0\n3 0 1 2\n", "fewer or more numbers"),
        (".off", "OFF3 1 0\n0 0 0\n1 0 x\n0 1 0\n3 0 1 2\n", "other than numbers"),
        (".off", "OFF3 1 0\n0 0 0\n1 0 0\n0 1 0\n4 0 1 2\n", "announces 4 corners and has 3"),
        (".off", "OFF3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 1.5\n", "whole numbers"),
        (".off", "off\n4 4 0\n" + _BODY, "begins with OFF"),
        (".obj", "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n", "OBJ"),
        (".stl", "hello", "no faces"),
        (".ply", "hello", "not a PLY"),
        (".ply", "ply\nformat ascii 1.0\nelement vertex 4000000000\nend_header\n", "announces 4000000000"),
        (".ply", "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nend_header\n1\n", "cut short"),
        (".glb", "hello", "not a GLB"),
        (".wrl", "hello", "header"),
        (".png", "hello", "no known mesh format"),
    ],
)
def test_a_file_without_a_mesh_is_refused_in_one_line(suffix: str, text: str, reason: str) -> None:
    with pytest.raises(UnreadableMeshError, match=reason) as caught:
        parse_mesh(text.encode(), suffix)
    assert "\n" not in str(caught.value)


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.off")
    for path in (tmp_path / "pipe.off", tmp_path, tmp_path / "missing.off"):
        with pytest.raises(UnreadableFileError):
            load_mesh(path)


def test_too_many_faces_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("splitnets_tf.data.mesh_files.MAX_FACES", 3)
    with pytest.raises(UnreadableMeshError, match="4 faces, at most 3"):
        parse_mesh(_exported(".off"), ".off")


_WHOLE_FILES = {suffix: _exported(suffix) for suffix in _BY_TRIMESH} | {
    ".wrl": b"#VRML V2.0 utf8\nShape { geometry IndexedFaceSet { coordIndex [0 1 2 -1] "
    b"coord Coordinate { point [0 0 0, 1 0 0, 0 1 0] } } }\n"
}


@settings(max_examples=150, deadline=None)
@given(suffix=st.sampled_from(MESH_SUFFIXES), data=st.data())
def test_damaged_files_give_a_mesh_or_a_reason(suffix: str, data: st.DataObject) -> None:
    content = bytearray(_WHOLE_FILES[suffix])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(1, len(content)))]
    try:
        mesh = parse_mesh(bytes(content), suffix)
    except UnreadableMeshError as error:
        assert "\n" not in str(error)
        assert 0 < len(str(error)) < 300
    else:
        assert len(mesh.faces) > 0
