"""The graph, its builder, and cutting it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from splitnets_tf.hardware import (
    Graph,
    GraphBuilder,
    Operation,
    Tensor,
    crossing_tensors,
    cut,
    part,
    reorder,
    total_macs,
    total_params,
)
from tests.splitnets_tf.partition.random_graphs import closed_subsets, random_dag


def residual_graph() -> Graph:
    builder = GraphBuilder("residual")
    x = builder.input("image", (8, 8, 3))
    x = builder.conv2d("stem", x, 4, 3)
    y = builder.conv2d("branch", x, 4, 3)
    return builder.build([builder.dense("logits", builder.global_average_pool("pool", builder.add("sum", x, y)), 5)])


@pytest.mark.parametrize(
    ("call", "shape", "macs", "params"),
    [
        (lambda b: b.conv2d("y", "x", 16, 3), (9, 7, 16), 9 * 7 * 16 * 3 * 3 * 6, 864),
        (lambda b: b.conv2d("y", "x", 16, 3, strides=2, use_bias=True), (5, 4, 16), 5 * 4 * 864, 880),
        (lambda b: b.conv2d("y", "x", 4, (3, 1), padding="valid"), (7, 7, 4), 7 * 7 * 72, 72),
        (lambda b: b.conv2d("y", "x", 6, 3, groups=3), (9, 7, 6), 9 * 7 * 108, 108),
        (lambda b: b.conv2d("y", "x", 2, 3, padding="valid", dilation=2), (5, 3, 2), 5 * 3 * 108, 108),
        (lambda b: b.depthwise_conv2d("y", "x", 5, strides=2), (5, 4, 6), 5 * 4 * 150, 150),
        (lambda b: b.depthwise_conv2d("y", "x", 3, multiplier=2), (9, 7, 12), 9 * 7 * 108, 108),
        (lambda b: b.conv2d_transpose("y", "x", 4, 3, strides=2), (18, 14, 4), 9 * 7 * 216, 216),
        (lambda b: b.conv2d_transpose("y", "x", 4, 3, strides=2, padding="valid"), (19, 15, 4), 9 * 7 * 216, 216),
        (lambda b: b.dense("y", "x", 10), (9, 7, 10), 9 * 7 * 60, 70),
        (lambda b: b.dense("y", "x", 10, use_bias=False), (9, 7, 10), 9 * 7 * 60, 60),
        (lambda b: b.batch_norm("y", "x"), (9, 7, 6), 0, 12),
        (lambda b: b.pool("y", "x", "max_pool", 2), (4, 3, 6), 0, 0),
        (lambda b: b.pool("y", "x", "average_pool", 3, 2, "same"), (5, 4, 6), 0, 0),
        (lambda b: b.pad("y", "x", ((1, 2), (0, 3))), (12, 10, 6), 0, 0),
        (lambda b: b.global_average_pool("y", "x"), (6,), 0, 0),
        (lambda b: b.global_average_pool("y", "x", keepdims=True), (1, 1, 6), 0, 0),
        (lambda b: b.reshape("y", "x", (63, 6)), (63, 6), 0, 0),
        (lambda b: b.view_fuse("y", "x", 4), (9, 7, 24), 0, 0),
        (lambda b: b.view_fuse("y", "x", 4, "max"), (9, 7, 6), 0, 0),
    ],
)
def test_builder_counts(call, shape, macs, params):
    builder = GraphBuilder("one")
    builder.input("x", (9, 7, 6))
    graph = builder.build([call(builder)])
    assert graph.tensor("y").shape == shape
    assert (total_macs(graph), total_params(graph)) == (macs, params)


def test_builder_refuses_what_does_not_fit():
    builder = GraphBuilder("wrong")
    builder.input("x", (4, 4, 6))
    builder.input("y", (2, 4, 6))
    with pytest.raises(ValueError, match="do not fit together"):
        builder.add("sum", "x", "y")
    with pytest.raises(ValueError, match="empty shape"):
        builder.conv2d("valid", "x", 3, 5, padding="valid")
    with pytest.raises(ValueError, match="differ in their number"):
        builder.reshape("flat", "x", (95,))
    with pytest.raises(ValueError, match="already"):
        builder.input("x", (1,))


def test_graph_refuses_wrong_order_and_double_names():
    x, y = Tensor(name="x", shape=(1,)), Tensor(name="y", shape=(1,))
    first = Operation(name="a", kind="activation", inputs=("x",), outputs=("y",))
    with pytest.raises(ValueError, match="reads 'x'"):
        Graph(name="g", operations=(first,), tensors=(x, y), inputs=(), outputs=("y",))
    with pytest.raises(ValueError, match="exists already"):
        again = Operation(name="b", kind="activation", inputs=("x",), outputs=("y",))
        Graph(name="g", operations=(first, again), tensors=(x, y), inputs=("x",), outputs=("y",))
    with pytest.raises(ValueError, match="two operations named"):
        Graph(name="g", operations=(first, first), tensors=(x, y), inputs=("x",), outputs=("y",))
    with pytest.raises(ValueError, match="does not describe or make"):
        Graph(name="g", operations=(first,), tensors=(x, y), inputs=("x",), outputs=("z",))


def test_a_cut_under_a_residual_edge_sends_both_tensors_once():
    graph = residual_graph()
    assert crossing_tensors(graph, 0) == ("image",)
    assert crossing_tensors(graph, 1) == ("stem",)
    assert crossing_tensors(graph, 2) == ("stem", "branch")
    assert crossing_tensors(graph, 5) == ()
    head, tail = cut(graph, 2)
    assert head.outputs == tail.inputs == ("stem", "branch")
    assert cut(graph, 0) == (None, graph)
    assert cut(graph, 5) == (graph, None)
    with pytest.raises(ValueError, match=r"outside 0\.\.5"):
        cut(graph, 6)


def test_the_raw_input_crosses_where_the_tail_reads_it():
    builder = GraphBuilder("skip from the image")
    image = builder.input("image", (8, 8, 4))
    x = builder.conv2d("a", image, 4, 3)
    graph = builder.build([builder.add("sum", image, x)])
    assert crossing_tensors(graph, 1) == ("image", "a")


def test_a_result_made_in_the_head_stays_there():
    builder = GraphBuilder("two results")
    x = builder.conv2d("a", builder.input("image", (8, 8, 4)), 4, 3)
    early = builder.global_average_pool("early", x)
    late = builder.conv2d("late", x, 2, 3)
    head, tail = cut(builder.build([early, late]), 2)
    assert head.outputs == ("a", "early")
    assert tail.inputs == ("a",)
    assert tail.outputs == ("late",)


def test_a_middle_part_holds_what_passes_through_it():
    graph = residual_graph()
    middle = part(graph, 1, 2)
    assert middle.inputs == ("stem",)
    assert middle.outputs == ("stem", "branch")
    assert part(graph, 2, 2) is None


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.integers(1, 12))
def test_head_and_tail_make_the_whole(seed, size):
    graph = random_dag(np.random.default_rng(seed), size)
    for n in range(size + 1):
        head, tail = cut(graph, n)
        operations = [op for half in (head, tail) if half for op in half.operations]
        assert tuple(operations) == graph.operations
        if head and tail:
            assert set(tail.inputs) <= {*graph.inputs, *head.outputs}
            assert {*head.outputs, *tail.outputs} >= set(graph.outputs)
            readers = {name for op in tail.operations for name in op.inputs}
            assert set(tail.inputs) == readers - {name for op in tail.operations for name in op.outputs}


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.integers(1, 7))
def test_reordering_keeps_the_network(seed, size):
    graph = random_dag(np.random.default_rng(seed), size)
    for subset in closed_subsets(graph):
        ordered = reorder(graph, subset)
        assert {op.name for op in ordered.operations[: len(subset)]} == subset
        assert set(ordered.operations) == set(graph.operations)
        assert ordered.outputs == graph.outputs


def test_reordering_refuses_an_operation_without_what_it_needs():
    with pytest.raises(ValueError, match="has made before it"):
        reorder(residual_graph(), {"branch"})
