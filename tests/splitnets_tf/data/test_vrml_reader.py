"""The VRML reader on what KiCad writes, and on what nobody should write."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitnets_tf.data.vrml import VrmlError, parse_vrml

_HEADER = "#VRML V2.0 utf8\n"
_KICAD = (
    _HEADER
    + """#kicad StepUp wrl exported
Shape { appearance Appearance {material DEF PIN-01 Material { ambientIntensity 0.271
    diffuseColor 0.824 0.82 0.781 transparency 0.0 }}}
Shape { appearance Appearance {material DEF BODY-04 Material { diffuseColor 0.1, 0.2, 0.3 }}}
Shape { geometry IndexedFaceSet { creaseAngle 0.50 coordIndex [0,1,2,-1,3,0,2,-1]
coord Coordinate { point [0.261 -0.253 0.000,0.273 -.248 0.0,2.85e-1 -0.246 0.5,0 0 1] }}
appearance Appearance{material USE PIN-01 } }
Shape { geometry IndexedFaceSet { coordIndex [0 1 2 3 -1] # a square without a final comma
coord Coordinate { point [0 0 0, 1 0 0, 1 1 0, 0 1 0,] }} appearance Appearance{material USE BODY-04 } }
"""
)


def _shape(points: str = "0 0 0, 1 0 0, 0 1 0", index: str = "0 1 2 -1", rest: str = "") -> str:
    return (
        f"Shape {{ geometry IndexedFaceSet {{ coordIndex [{index}] coord Coordinate {{ point [{points}] }} {rest} }} }}"
    )


def test_kicad_file_gives_faces_with_their_materials() -> None:
    mesh = parse_vrml(_KICAD)
    np.testing.assert_allclose(mesh.vertices[2], [0.285, -0.246, 0.5])
    np.testing.assert_array_equal(mesh.faces, [[0, 1, 2], [3, 0, 2], [4, 5, 6], [4, 6, 7]])
    np.testing.assert_allclose(mesh.colours, [[0.824, 0.82, 0.781]] * 2 + [[0.1, 0.2, 0.3]] * 2)


def test_transforms_nest_and_use_shares_nodes() -> None:
    text = (
        _HEADER
        + "Transform { translation 10 0 0 children [ "
        + "Transform { rotation 0 0 1 1.5707963267948966 scale 2 2 2 children "
        + f"DEF part {_shape('1 0 0, 2 0 0, 1 1 0')} }} USE part ] }}"
    )
    mesh = parse_vrml(text)
    # Scaled by 2, turned by 90 degrees, moved by 10; then once more, only moved.
    np.testing.assert_allclose(mesh.vertices[:3], [[10, 2, 0], [10, 4, 0], [8, 2, 0]], atol=1e-12)
    np.testing.assert_allclose(mesh.vertices[3:], [[11, 0, 0], [12, 0, 0], [11, 1, 0]], atol=1e-12)


def test_switch_shows_one_choice_and_lines_are_left_out() -> None:
    line = "Shape { geometry IndexedLineSet { coordIndex [0 1 -1] coord Coordinate { point [0 0 0, 9 9 9] } } }"
    text = f"{_HEADER} Switch {{ whichChoice 1 choice [ {_shape('5 5 5, 6 5 5, 5 6 5')} {_shape()} ] }} {line}"
    assert parse_vrml(text).vertices.max() == 1.0


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("colorPerVertex FALSE colorIndex [1] color Color { color [1 0 0, 0 1 0] }", [0, 1, 0]),
        ("colorPerVertex FALSE color Color { color [1 0 0, 0 1 0] }", [1, 0, 0]),
        ("colorIndex [1 0 0 -1] color Color { color [1 0 0, 0 1 0] }", [0, 1, 0]),
        ("", [0.8, 0.8, 0.8]),
    ],
)
def test_face_sets_may_bring_their_own_colours(rest: str, expected: list[float]) -> None:
    np.testing.assert_allclose(parse_vrml(_HEADER + _shape(rest=rest)).colours, [expected])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "header"),
        ("#VRML V1.0 ascii\n" + _shape(), "header"),
        (_HEADER, "no faces"),
        (_HEADER + _shape(index="0 1 3 -1"), "coordIndex must be -1..2"),
        (_HEADER + _shape(index="0 1 -2 -1"), "coordIndex must be -1..2"),
        (_HEADER + _shape(index="0 1 1.5 -1"), "whole numbers"),
        (_HEADER + _shape(points="0 0 0 1"), "triples"),
        (_HEADER + _shape(points="0 0 0, 1 0 0, 1e999 0 0"), "finite"),
        (_HEADER + _shape(points="0 0 0, 1-2 0 0, 1 0 0"), "something else"),
        (_HEADER + "Shape { geometry", "end of the file"),
        (_HEADER + "Shape { geometry USE ghost }", "not defined before"),
        (_HEADER + 'Inline { url "http://example.org/a.wrl" }', "'Inline' is not supported"),
        (_HEADER + "PROTO A [ ] { }", "'PROTO' is not supported"),
        (_HEADER + "Shape { ' }", 'line 2: unexpected character "\'"'),
        (_HEADER + "Group { children [ " * 200, "levels"),
        (_HEADER + "Group { children DEF a Group { children USE a } }", "not defined before"),
        (_HEADER + _shape(rest="colorPerVertex FALSE colorIndex [7] color Color { color [1 0 0] }"), "colour indices"),
        (_HEADER + f"Transform {{ scale 1 1 children {_shape()} }}", "scale must hold 3"),
    ],
)
def test_wrong_files_are_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(VrmlError, match=reason):
        parse_vrml(text)


def test_a_short_file_that_stands_for_very_many_nodes_is_refused() -> None:
    levels = [f"Group {{ children [ DEF n0 {_shape()} ] }}"]
    for level in range(1, 40):
        levels.append(
            f"Group {{ children [ DEF n{level} Group {{ children [ USE n{level - 1} USE n{level - 1} ] }} ] }}"
        )
    with pytest.raises(VrmlError, match="the scene shows more than"):
        parse_vrml(_HEADER + "\n".join(levels))


@given(st.text(alphabet='{}[]#"\\ \n,.-+0123456789eEShapeDFUSE geometry', max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        mesh = parse_vrml(_HEADER + text)
    except VrmlError:
        return
    assert len(mesh.faces) > 0
