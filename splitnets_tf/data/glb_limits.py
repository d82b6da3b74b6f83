"""Looks through a GLB file's description before its content is unpacked.

A few lines of glTF can ask for any amount of memory, for an endless scene, or for files beside it: all of that is
refused here, so that the loader only sees what the file itself holds.
"""

from __future__ import annotations

import json
import struct
from typing import Any

__all__ = ["check_glb"]

_MAGIC = 0x46546C67
_JSON_CHUNK = 0x4E4F534A
_MAX_ENTRIES = 20_000
"""Most nodes, accessors or buffer views."""
_LISTS = ("buffers", "bufferViews", "accessors", "meshes", "nodes")
_HARMLESS_EXTENSIONS = ("KHR_materials_", "KHR_texture_", "KHR_lights_", "EXT_texture_", "MSFT_texture_")
"""Extensions that concern what isn't read: materials, textures, lights."""


def check_glb(content: bytes, *, max_faces: int) -> None:
    """Makes sure that a GLB file is self-contained and of bounded size.

    Args:
        content: The file's bytes.
        max_faces: Most triangles that the scene may show; of the vertices, three times as many.

    Raises:
        ValueError: It isn't; the message says why in one line.
    """
    tree = _description(content)
    entries = {
        name: _list_of_objects(tree, name) for name in ("buffers", "bufferViews", "accessors", "meshes", "nodes")
    }
    for name, members in entries.items():
        if len(members) > _MAX_ENTRIES:
            raise ValueError(f"{len(members)} {name}, at most {_MAX_ENTRIES} are read")
    if any("uri" in buffer for buffer in entries["buffers"]):
        raise ValueError("it needs data outside its binary part, which is not followed; export it as one GLB file")
    required = tree.get("extensionsRequired", [])
    unknown = [name for name in required if not str(name).startswith(_HARMLESS_EXTENSIONS)]
    if unknown:
        raise ValueError(f"it needs the extension {str(unknown[0])[:40]}; export it without compression")
    _check_accessors(entries["accessors"], max_faces)
    faces = [_mesh_faces(mesh, entries["accessors"]) for mesh in entries["meshes"]]
    _check_nodes(entries["nodes"], faces, max_faces)


def _description(content: bytes) -> dict[str, Any]:
    if len(content) < 20:
        raise ValueError("not a GLB file")
    magic, version, _, length, kind = struct.unpack("<5I", content[:20])
    if magic != _MAGIC or kind != _JSON_CHUNK:
        raise ValueError("not a GLB file")
    if version != 2:
        raise ValueError(f"version {version} of glTF, only 2 is read")
    if 20 + length > len(content):
        raise ValueError("cut short")
    try:
        tree = json.loads(content[20 : 20 + length])
    except (ValueError, RecursionError) as error:
        raise ValueError("its description is not JSON") from error
    if not isinstance(tree, dict) or not isinstance(tree.get("extensionsRequired", []), list):
        raise ValueError("its description is not a glTF object")
    return tree


def _list_of_objects(tree: dict[str, Any], name: str) -> list[dict[str, Any]]:
    members = tree.get(name, [])
    if not isinstance(members, list) or not all(isinstance(member, dict) for member in members):
        raise ValueError(f"'{name}' is not a list of objects")
    return members


def _count(value: Any, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{what} must be a whole number, got {str(value)[:20]}")
    return value


def _check_accessors(accessors: list[dict[str, Any]], max_faces: int) -> None:
    total = 0
    for accessor in accessors:
        # Without a view an accessor is a block of zeros of any length, or filled by an extension.
        if "bufferView" not in accessor or "sparse" in accessor:
            raise ValueError("an accessor without a plain buffer view, which is not read")
        total += _count(accessor.get("count"), "an accessor's count")
    # Positions, normals, colours, texture coordinates and indices each count.
    if total > 16 * max_faces:
        raise ValueError(f"{total} vertices and indices, at most {16 * max_faces} are read")


def _mesh_faces(mesh: dict[str, Any], accessors: list[dict[str, Any]]) -> int:
    """At most how many triangles a mesh has."""
    faces = 0
    for primitive in _list_of_objects(mesh, "primitives"):
        attributes = primitive.get("attributes")
        position = attributes.get("POSITION") if isinstance(attributes, dict) else None
        named = _count(primitive.get("indices", position), "an index of an accessor")
        if named >= len(accessors):
            raise ValueError(f"accessor {named} of {len(accessors)} is named")
        corners = accessors[named]["count"]
        faces += corners if primitive.get("mode", 4) == 5 else corners // 3
    return faces


def _check_nodes(nodes: list[dict[str, Any]], faces: list[int], max_faces: int) -> None:
    """Each node may be shown once; a mesh may be shown by several nodes, which multiplies its triangles."""
    shown = 0
    children: set[int] = set()
    for node in nodes:
        if "EXT_mesh_gpu_instancing" in node.get("extensions", {}):
            raise ValueError("it needs the extension EXT_mesh_gpu_instancing; export it without instancing")
        listed = node.get("children", [])
        if not isinstance(listed, list):
            raise ValueError("'children' is not a list")
        for child in listed:
            if _count(child, "a child") in children:
                raise ValueError(f"node {child} hangs under two nodes")
            children.add(child)
        if "mesh" in node:
            mesh = _count(node["mesh"], "a node's mesh")
            shown += faces[mesh] if mesh < len(faces) else 0
    if shown > max_faces:
        raise ValueError(f"the scene shows {shown} faces, at most {max_faces} are read")
