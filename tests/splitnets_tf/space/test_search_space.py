"""Spaces, phases, vectors: against brute force and the close reading of SplitNets, section 3.1.1."""

import itertools

import numpy as np
import pytest
import yaml

from splitnets_tf.errors import UserError
from splitnets_tf.space import (
    NO_SPLIT,
    Architecture,
    Split,
    StageChoice,
    load_space,
    sample,
    space_from_dict,
    space_to_dict,
)


def test_phases_of_the_tiny_space(tiny_space):
    first, second = tiny_space.phases
    assert (first.stride, second.stride) == (2, 4)
    assert first.blocks == ((0, 0), (0, 1))
    assert second.blocks == ((1, 1), (1, 2))
    assert first.widths == (8, 12)
    assert second.widths == (8, 16)


def test_last_phase_is_an_option(tiny_space):
    space = space_from_dict({**space_to_dict(tiny_space), "split_last_phase": True})
    assert [phase.stride for phase in space.phases] == [2, 4, 8]
    assert space.phases[-1].blocks == ((2, 1),)


def test_count_equals_enumeration():
    space = space_from_dict(
        {
            "name": "small",
            "resolutions": [16],
            "stem_widths": [8, 16],
            "stages": [
                {"name": "a", "widths": [8], "depths": [1, 3], "kernels": [3], "expansions": [2], "stride": 2},
                {"name": "b", "widths": [8], "depths": [1, 2], "kernels": [3], "expansions": [2, 3], "stride": 2},
            ],
            "head_widths": [16],
            "split_widths": [2, 4, 6],
        }
    )
    found = set()
    for stem, depth_a, depth_b, expansion in itertools.product((8, 16), (1, 3), (1, 2), (2, 3)):
        stages = (
            StageChoice(width=8, depth=depth_a, kernel=3, expansion=2),
            StageChoice(width=8, depth=depth_b, kernel=3, expansion=expansion),
        )
        base = {"resolution": 16, "stem_width": stem, "stages": stages, "head_width": 16}
        found.add(Architecture(**base))
        for phase, position, width in itertools.product(range(4), range(5), (2, 4, 6)):
            architecture = Architecture(**base, splits=(Split(phase=phase, position=position, width=width),))
            try:
                space.check(architecture)
            except UserError:
                continue
            found.add(architecture)
    assert space.count() == len(found)
    assert space.count(with_none=False) == sum(a.is_split for a in found)


def test_demo_is_as_large_as_promised():
    space = load_space("demo")
    assert space.count() >= 10**9
    assert {phase.stride for phase in space.phases} == {2, 4, 8}


def test_vector_marks_phases_without_a_split(tiny_space):
    vector = tiny_space.encode(tiny_space.largest())
    assert vector.dtype == np.int32
    assert vector.shape == (tiny_space.vector_length,)
    assert list(vector[len(tiny_space.genes) :: 2]) == [NO_SPLIT, NO_SPLIT]


def test_vector_round_trip(tiny_space):
    rng = np.random.default_rng(0)
    for index in range(50):
        architecture = sample(tiny_space, rng, split=index % 2 == 0)
        assert tiny_space.decode(tiny_space.encode(architecture)) == architecture


def test_space_round_trip(tiny_space):
    assert space_from_dict(space_to_dict(tiny_space)) == tiny_space


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"resolutions": []}, "resolutions"),
        ({"stem_widths": [16, 8]}, "stem_widths"),
        ({"activation": "tanh"}, "activation"),
        ({"split_kernel": 2}, "split_kernel"),
        ({"colour": 1}, "colour"),
        ({"stages": []}, "stages"),
        ({"head_widths": "wide"}, "head_widths"),
        ({"name": 3}, "name"),
    ],
)
def test_wrong_field_is_named(tiny_space, change, named):
    with pytest.raises(UserError, match=named):
        space_from_dict({**space_to_dict(tiny_space), **change})


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"kernels": [2]}, "kernels"),
        ({"stride": 3}, "stride"),
        ({"expansions": [1, 2]}, "expansions"),
        ({"depths": [0, 1]}, "depths"),
        ({"depth": [1]}, "depth"),
        ({"name": "stage 1"}, "name"),
    ],
)
def test_wrong_row_is_named(tiny_space, change, named):
    data = space_to_dict(tiny_space)
    data["stages"][1] = {**data["stages"][1], **change}
    with pytest.raises(UserError, match=f"(stage 2|stage '?b|stage 'stage 1).*{named}"):
        space_from_dict(data)


def test_missing_file_and_bad_yaml(tmp_path):
    with pytest.raises(UserError, match="neither a file nor a preset"):
        load_space("nowhere")
    path = tmp_path / "space.yaml"
    path.write_text("a: [1, 2")
    with pytest.raises(UserError, match="not valid YAML"):
        load_space(str(path))
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError):
        load_space(str(path))
    path.write_text("")
    with pytest.raises(UserError, match="received nothing"):
        load_space(str(path))


@pytest.mark.parametrize("change", [{"split_kernel": 2}, {"stages": []}])
def test_a_wrong_file_is_named(tiny_space, tmp_path, change):
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump({**space_to_dict(tiny_space), **change}))
    with pytest.raises(UserError, match=r"wrong\.yaml.*" + next(iter(change))):
        load_space(str(path))


def test_the_file_of_a_wrong_row_is_named(tiny_space, tmp_path):
    data = space_to_dict(tiny_space)
    data["stages"][1]["stride"] = 3
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump(data))
    with pytest.raises(UserError, match=r"wrong\.yaml.*stride"):
        load_space(str(path))
