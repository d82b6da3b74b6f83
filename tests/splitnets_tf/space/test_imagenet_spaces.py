"""The spaces of ImageNet scale against the published networks that they contain."""

import dataclasses
import hashlib
import json

import numpy as np
import pytest

from splitnets_tf.errors import UserError
from splitnets_tf.hardware import total_macs, total_params
from splitnets_tf.space import (
    PRESETS,
    Architecture,
    Split,
    StageChoice,
    architecture_graph,
    blueprint,
    load_space,
    sample,
    space_from_dict,
    space_to_dict,
    squeeze_width,
)

BIG = ("attentive_nas_split", "fbnetv3_split")
# AttentiveNAS: resolution, widths (stem, seven stages, head), kernels, expansions, depths, published millions of MACs.
PUBLISHED = {
    "A0": (192, (16, 16, 24, 32, 64, 112, 192, 216, 1792), "3333333", "1444466", "1333331", 203),
    "A1": (224, (16, 16, 24, 32, 64, 112, 192, 216, 1984), "3335353", "1444466", "1333331", 279),
    "A2": (224, (16, 16, 24, 32, 64, 112, 200, 224, 1984), "3333353", "1454466", "1333341", 317),
    "A3": (224, (16, 16, 24, 32, 64, 112, 208, 224, 1984), "3335333", "1444466", "2334351", 357),
    "A4": (256, (16, 16, 24, 32, 64, 112, 192, 216, 1984), "3335353", "1445466", "1334351", 444),
    "A5": (256, (16, 16, 24, 32, 72, 112, 192, 216, 1792), "3335333", "1454466", "1333461", 491),
    "A6": (288, (16, 16, 24, 32, 64, 112, 216, 224, 1984), "3333353", "1465466", "1334461", 709),
}


def attentive_nas(resolution, widths, kernels, expansions, depths):
    rows = zip(widths[1:-1], depths, kernels, expansions, strict=True)
    stages = tuple(StageChoice(width=w, depth=int(d), kernel=int(k), expansion=int(e)) for w, d, k, e in rows)
    return Architecture(resolution=resolution, stem_width=widths[0], stages=stages, head_width=widths[-1])


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_macs_of_attentive_nas(name):
    *choices, millions = PUBLISHED[name]
    space = load_space("attentive_nas_split")
    macs = total_macs(architecture_graph(space, attentive_nas(*choices), 1000).graph)
    assert abs(macs / 1e6 - millions) <= 0.55  # published as whole millions


@pytest.mark.parametrize("name", BIG)
def test_splits_at_stride_2_to_16_and_32_as_an_option(name):
    space = load_space(name)
    assert [phase.stride for phase in space.phases] == [2, 4, 8, 16]
    last = dataclasses.replace(space, split_last_phase=True)
    assert [phase.stride for phase in last.phases] == [2, 4, 8, 16, 32]
    assert {8, 16, 20, 24} <= set(space.stem_widths)
    assert {8, 16, 20, 24} <= set(space.stages[0].widths)
    assert all(row.expansions == (2, 3, 4, 5, 6) for row in space.stages[1:3])
    assert space.split_widths == (6, 12, 18, 24, 32)
    assert space.count(with_none=False) > 10**14


def test_one_phase_spans_two_stages():
    space = load_space("attentive_nas_split")
    assert set(space.phases[3].widths) == {64, 72, 112, 120, 128}
    largest = space.largest()
    for position, width in ((0, 72), (5, 72), (6, 128), (13, 128)):
        split = dataclasses.replace(largest, splits=(Split(phase=3, position=position, width=18),))
        sensor, aggregator = blueprint(space, split, 1000).segments
        assert (sensor[-1].name, sensor[-1].in_channels, sensor[-1].out_channels) == ("reduce_3", width, 18)
        assert (aggregator[0].name, aggregator[0].out_channels) == ("recover_3", width)
    with pytest.raises(UserError, match="split"):
        space.check(dataclasses.replace(largest, splits=(Split(phase=3, position=14, width=18),)))


def test_fbnetv3_holds_the_published_widths_and_depths():
    space = load_space("fbnetv3_split")
    # FBNetV3 A, D and G: stem; width and depth of each stage.
    for stem, rows in (
        (16, ((16, 2), (24, 4), (40, 5), (72, 5), (120, 6), (184, 6), (224, 1))),
        (24, ((16, 2), (24, 6), (40, 5), (72, 5), (128, 7), (208, 6), (240, 1))),
        (32, ((24, 3), (40, 5), (56, 5), (104, 5), (160, 9), (264, 7), (288, 2))),
    ):
        assert stem in space.stem_widths
        for row, (width, depth) in zip(space.stages, rows, strict=True):
            assert width in row.widths
            assert depth in row.depths
    assert [row.squeeze_excite for row in space.stages] == [False, False, True, False, True, True, True]
    assert space.activation == space.squeeze_activation == "hard_swish"


def test_demo_is_what_trained_runs_were_fingerprinted_with():
    demo = load_space("demo")
    text = json.dumps(space_to_dict(demo), sort_keys=True)
    fingerprint = "c76d2acf1c5bf4e3ea40cac96c5af8609fac6b3a36ca7d0d450d484a1bc69da5"
    assert hashlib.sha256(text.encode()).hexdigest() == fingerprint
    assert demo.count() == 2_269_347_840
    graph = architecture_graph(demo, demo.largest(), 34).graph
    assert (total_macs(graph), total_params(graph)) == (8_579_072, 242_154)


@pytest.mark.parametrize("name", PRESETS)
def test_plain_form_and_vectors_round_trip(name):
    space = load_space(name)
    assert space_from_dict(space_to_dict(space)) == space
    rng = np.random.default_rng(0)
    for index in range(20):
        architecture = sample(space, rng, split=index % 2 == 0)
        assert space.decode(space.encode(architecture)) == architecture
        channels = 3
        for block in blueprint(space, architecture, 10).blocks:
            assert block.in_channels == channels
            channels = getattr(block, "out_channels", None)


@pytest.mark.parametrize(
    ("change", "row", "named"),
    [
        ({"squeeze_gate": "softmax"}, None, "squeeze_gate"),
        ({"squeeze_base": "output"}, None, "squeeze_base"),
        ({"squeeze_activation": "tanh"}, None, "squeeze_activation"),
        ({"head_expansion": -1}, None, "head_expansion"),
        ({"head_expansion": True}, None, "head_expansion"),
        ({}, {"squeeze_excite": 1}, "stage 2.*squeeze_excite"),
        ({}, {"project_shortcut": "yes"}, "stage 2.*project_shortcut"),
    ],
)
def test_wrong_field_is_named(change, row, named):
    data = {**space_to_dict(load_space("attentive_nas_split")), **change}
    if row is not None:
        data["stages"][1] |= row
    with pytest.raises(UserError, match=named):
        space_from_dict(data)


def test_squeeze_and_excitation_costs_two_convolutions():
    space = load_space("attentive_nas_split")
    rows = tuple(dataclasses.replace(row, squeeze_excite=False) for row in space.stages)
    without = dataclasses.replace(space, stages=rows)
    architecture = attentive_nas(*PUBLISHED["A0"][:-1])
    plain = architecture_graph(without, architecture, 1000).graph
    graph = architecture_graph(space, architecture, 1000).graph
    # A0: hidden channels of each block of mb3, mb5, mb6, mb7, and a quarter of them rounded to 8.
    hidden = [96, 128, 128, 256, 448, 448, 672, 1152, 1152, 1152]
    quarters = [24, 32, 32, 64, 112, 112, 168, 288, 288, 288]
    assert [squeeze_width(channels) for channels in hidden] == quarters
    weights = sum(2 * h * q for h, q in zip(hidden, quarters, strict=True))
    assert total_macs(graph) - total_macs(plain) == weights
    assert total_params(graph) - total_params(plain) == weights + sum(hidden) + sum(quarters)


def test_squeeze_width_is_the_nearest_multiple_of_eight():
    assert [squeeze_width(channels) for channels in (8, 40, 48, 120, 240, 360)] == [8, 8, 16, 32, 64, 88]
