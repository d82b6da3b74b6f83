"""What the int8 lowering folds, and what it must leave alone."""

import pytest

from splitnets_tf.hardware import Graph, GraphBuilder, fuse_int8, total_macs, total_params, weight_bytes


def lowered(*steps) -> tuple[Graph, list[str]]:
    builder = GraphBuilder("net")
    x = builder.input("image", (8, 8, 4))
    for step in steps:
        x = step(builder, x)
    graph = fuse_int8(builder.build([x]))
    return graph, [f"{op.kind}:{op.function}" if op.function else op.kind for op in graph.operations]


def conv(b, x):
    return b.conv2d("conv", x, 6, 3)


def norm(b, x):
    return b.batch_norm(f"{x}_bn", x)


def act(kind):
    return lambda b, x: b.activation(f"{x}_{kind}", x, kind)


@pytest.mark.parametrize(
    ("steps", "kinds"),
    [
        ((conv, norm, act("relu6")), ["conv2d:relu6"]),
        ((conv, norm, act("swish")), ["conv2d", "activation:sigmoid", "multiply"]),
        ((conv, norm, act("hard_swish")), ["conv2d", "activation:hard_swish"]),
        ((conv, act("hard_sigmoid")), ["conv2d:relu6", "multiply"]),
        ((conv, act("relu"), act("hard_sigmoid")), ["conv2d:relu", "add:relu6", "multiply"]),
        ((conv, act("relu"), act("relu6")), ["conv2d:relu", "activation:relu6"]),
        ((conv, act("relu"), norm), ["conv2d:relu", "multiply", "add"]),
        ((norm, act("relu"), conv), ["multiply", "add:relu", "conv2d"]),
        ((conv, act("linear"), norm), ["conv2d"]),
        ((lambda b, x: b.pool("p", x, "max_pool", 2), act("relu")), ["max_pool:relu"]),
        ((lambda b, x: b.concat("c", [x, x]), act("relu")), ["concat", "activation:relu"]),
    ],
)
def test_folding(steps, kinds):
    assert lowered(*steps)[1] == kinds


def test_swish_keeps_its_input_alive_for_the_product():
    graph, _ = lowered(conv, norm, act("swish"))
    assert graph.operations[-1].inputs == ("conv_bn", "conv_bn_swish/sigmoid")
    assert graph.outputs == ("conv_bn_swish",)


def test_a_tensor_with_a_second_reader_is_not_folded_away():
    builder = GraphBuilder("shared")
    x = builder.conv2d("conv", builder.input("image", (8, 8, 4)), 4, 3)
    y = builder.activation("relu", x, "relu")
    graph = fuse_int8(builder.build([builder.add("sum", x, y)]))
    assert [op.kind for op in graph.operations] == ["conv2d", "activation", "add"]


def test_a_result_is_not_folded_away():
    builder = GraphBuilder("result")
    x = builder.conv2d("conv", builder.input("image", (8, 8, 4)), 4, 3)
    graph = fuse_int8(builder.build([x, builder.activation("relu", x, "relu")]))
    assert graph.outputs == ("conv", "relu")
    assert len(graph.operations) == 2


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "pads", "folds"),
    [
        (8, 3, 2, ((0, 1), (0, 1)), True),
        (8, 3, 2, ((1, 1), (1, 1)), False),
        (8, 3, 1, ((1, 1), (1, 1)), True),
        (7, 3, 2, ((1, 1), (1, 1)), True),
        (8, 5, 2, ((1, 2), (1, 2)), True),
        (8, 7, 2, ((3, 3), (3, 3)), False),
    ],
)
def test_padding_is_folded_exactly_where_it_equals_same(size, kernel, stride, pads, folds):
    builder = GraphBuilder("padded")
    x = builder.pad("pad", builder.input("image", (size, size, 4)), pads)
    graph = fuse_int8(builder.build([builder.conv2d("conv", x, 4, kernel, strides=stride, padding="valid")]))
    assert [op.kind for op in graph.operations] == (["conv2d"] if folds else ["pad", "conv2d"])
    if folds:
        assert graph.operations[0].inputs == ("image",)


def test_parameters_and_bytes_after_folding():
    graph, _ = lowered(conv, norm, act("relu"), lambda b, x: b.dense("fc", b.global_average_pool("gap", x), 10))
    kernel, classifier = 3 * 3 * 4 * 6, 6 * 10
    assert total_params(graph) == kernel + 6 + classifier + 10
    axes = 8
    assert weight_bytes(graph) == kernel + 4 * 6 + classifier + 4 * 10 + axes


def test_a_convolution_gets_a_bias_and_a_dense_layer_only_with_one():
    graph, _ = lowered(conv)
    assert graph.operations[0].bias_elements == 6
    graph, _ = lowered(lambda b, x: b.dense("fc", x, 3, use_bias=False))
    assert graph.operations[0].bias_elements == 0
    graph, _ = lowered(lambda b, x: b.dense("fc", x, 3, use_bias=False), norm)
    assert graph.operations[0].bias_elements == 3


def test_work_is_unchanged_by_folding():
    builder = GraphBuilder("net")
    x = builder.activation("a", norm(builder, conv(builder, builder.input("image", (8, 8, 4)))), "swish")
    graph = builder.build([x])
    assert total_macs(fuse_int8(graph)) == total_macs(graph) == 8 * 8 * 216


def test_a_mean_reshaped_to_one_pixel_is_one_operation():
    graph, kinds = lowered(
        conv,
        lambda b, x: b.reshape("pixel", b.global_average_pool("gap", x), (1, 1, 6)),
        lambda b, x: b.conv2d("squeeze", x, 2, 1),
    )
    assert kinds == ["conv2d", "global_average_pool", "conv2d"]
    assert graph.tensor("pixel").shape == (1, 1, 6)
