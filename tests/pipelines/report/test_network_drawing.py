"""The drawing of the network agrees with the graph that the cost model prices."""

import dataclasses
import json

import numpy as np
import pytest

from pipelines.report.drawing import network_figure
from pipelines.report.drawn_blocks import blocks_from_architecture_file, drawn_blocks
from pipelines.report.json_node import read_node
from splitnets_tf.errors import UserError
from splitnets_tf.space import Architecture, Split, architecture_graph, blueprint, load_space, sample, space_from_dict


@pytest.fixture
def drawn(run_directory):
    return blocks_from_architecture_file(read_node(run_directory / "architecture.json"))


def shape_heights(axes):
    """Height of each polygon at its left and right side, by the position of its left edge."""
    found = []
    for patch in axes.patches:
        corners = patch.get_xy()
        if np.shape(corners) == (5, 2):  # a closed polygon; the devices' grounds are rectangles
            found.append((corners[3][1] - corners[0][1], corners[2][1] - corners[1][1]))
    return found


def shape_boxes(axes):
    """Left, top, right and bottom of each polygon."""
    corners = [patch.get_xy() for patch in axes.patches if np.shape(patch.get_xy()) == (5, 2)]
    return [(c[:, 0].min(), c[:, 1].min(), c[:, 0].max(), c[:, 1].max()) for c in corners]


def check_blocks(built, blocks):
    positions = {operation.name: i for i, operation in enumerate(built.graph.operations)}
    for block in blocks:
        own = [name for name in positions if name.startswith(f"{block.name}_") or name == block.name]
        last = max(own, key=positions.__getitem__)
        shape = built.graph.tensor(last).shape
        assert shape[-1] == block.out_channels
        if block.shape != "classifier":
            assert shape[:2] == (block.side_pixels, block.side_pixels)
        assert (block.device == 0) == (positions[last] < built.sensor_operations)
        assert block.residual == (f"{block.name}_add" in positions)


def test_blocks_agree_with_the_graph_of_the_cost_model(run_directory, drawn):
    data = json.loads((run_directory / "architecture.json").read_text("utf-8"))
    space, architecture = space_from_dict(data["space"]), Architecture.from_dict(data["architecture"])
    built = architecture_graph(space, architecture, data["num_classes"])
    resolution, blocks = drawn
    assert resolution == architecture.resolution
    check_blocks(built, blocks)


@pytest.mark.parametrize("name", ["attentive_nas_split", "fbnetv3_split"])
def test_blocks_of_large_spaces_agree_with_their_graphs(name):
    space = load_space(name)
    architecture = sample(space, np.random.default_rng(0))
    plan = blueprint(space, architecture, 10)
    blocks = drawn_blocks(plan.segments, plan.resolution)
    assert [block.shape for block in blocks[-3:]] == ["conv", "classifier", "classifier"]
    check_blocks(architecture_graph(space, architecture, 10), blocks)


def test_drawing_has_a_shape_for_each_block_and_shows_the_cut(drawn):
    resolution, blocks = drawn
    (axes,) = network_figure(resolution, blocks, ("sensor", "aggregator"), (768,)).axes
    words = [text.get_text() for text in axes.texts]
    assert len(shape_heights(axes)) == len(blocks) + 1
    assert words.count("768\N{NO-BREAK SPACE}B") == 1
    assert words.count("sensor") == words.count("aggregator") == 1
    assert f"{resolution}²" in words
    for block in blocks:
        assert {block.name, f"{block.side_pixels}²", str(block.out_channels)} <= set(words)
    names = ["image", *(block.name for block in blocks)]
    before, after = (shape_boxes(axes)[names.index(name)] for name in ("reduce_2", "recover_2"))
    (cut,) = {x for line in axes.lines if line.get_linewidth() > 2 for x in line.get_xdata()}
    assert before[2] + 15 < cut < after[0] - 15
    strides = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert len(strides) == sum(block.stride == 2 for block in blocks)


def test_heights_follow_channels_and_splitting_modules_are_trapezoids(drawn):
    resolution, blocks = drawn
    (axes,) = network_figure(resolution, blocks, ("sensor", "aggregator"), (768,)).axes
    heights = dict(zip((b.name for b in blocks), shape_heights(axes)[1:], strict=True))
    assert heights["mb4_0"][0] == pytest.approx(2 * heights["mb3_0"][0])  # 64 and 32 channels
    assert heights["reduce_2"][0] > heights["reduce_2"][1]
    assert heights["recover_2"][0] < heights["recover_2"][1]
    assert all(left == right for name, (left, right) in heights.items() if name not in ("reduce_2", "recover_2"))


def test_nothing_is_drawn_outside_or_upon_its_neighbour_however_long_the_network_is(tiny_space):
    rng = np.random.default_rng(3)
    plan = blueprint(tiny_space, sample(tiny_space, rng).without_split(), 10)
    blocks = drawn_blocks(plan.segments, plan.resolution) * 5
    figure = network_figure(plan.resolution, blocks, ("sensor",), ())
    (axes,) = figure.axes
    width, height = figure.get_size_inches() * 72
    boxes = shape_boxes(axes)
    assert width < 1000  # wider drawings become unreadable on a page; long networks go on in further rows
    assert len(boxes) == len(blocks) + 1
    for index, (left, top, right, bottom) in enumerate(boxes):
        assert left >= 0 and top >= 0 and right <= width and bottom <= height
        for other_left, other_top, other_right, other_bottom in boxes[:index]:
            assert right <= other_left or other_right <= left or bottom <= other_top or other_bottom <= top


def test_every_place_of_the_split_can_be_drawn(tiny_space):
    whole = tiny_space.largest()
    depths = [stage.depth for stage in whole.stages]
    for phase, position in tiny_space.split_choices(depths):
        split = dataclasses.replace(whole, splits=(Split(phase=phase, position=position, width=2),))
        plan = blueprint(tiny_space, split, 10)
        blocks = drawn_blocks(plan.segments, plan.resolution)
        (axes,) = network_figure(plan.resolution, blocks, ("sensor", "aggregator"), (99,)).axes
        assert [text.get_text() for text in axes.texts].count("99\N{NO-BREAK SPACE}B") == 1


def test_an_architecture_of_another_space_is_refused(run_directory):
    path = run_directory / "architecture.json"
    data = json.loads(path.read_text("utf-8"))
    data["architecture"]["stem_width"] = 9
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(UserError, match="stem_width"):
        blocks_from_architecture_file(read_node(path))
