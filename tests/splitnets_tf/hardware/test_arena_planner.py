"""The arena planner: invariants on random cases, and small plans done by hand."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from splitnets_tf.hardware import (
    GraphBuilder,
    concatenation_groups,
    fuse_int8,
    live_memory,
    place_greedily,
    plan_arena,
    tensor_lifetimes,
)

BUFFERS = st.lists(
    st.tuples(st.integers(1, 64), st.integers(0, 12), st.integers(0, 12)).map(
        lambda row: (16 * row[0], min(row[1:]), max(row[1:]))
    ),
    min_size=1,
    max_size=14,
)


@settings(max_examples=300, deadline=None)
@given(buffers=BUFFERS)
def test_buffers_alive_together_never_overlap(buffers):
    offsets = place_greedily([size for size, _, _ in buffers], [(first, last) for _, first, last in buffers])
    for i, j in itertools.combinations(range(len(buffers)), 2):
        (size_i, first_i, last_i), (size_j, first_j, last_j) = buffers[i], buffers[j]
        if first_i <= last_j and first_j <= last_i:
            assert offsets[i] + size_i <= offsets[j] or offsets[j] + size_j <= offsets[i]
    top = max(offset + size for offset, (size, _, _) in zip(offsets, buffers, strict=True))
    busiest = max(sum(s for s, first, last in buffers if first <= t <= last) for t in range(13))
    assert busiest <= top <= sum(size for size, _, _ in buffers)


@settings(max_examples=200, deadline=None)
@given(buffers=BUFFERS)
def test_every_buffer_lies_on_the_floor_or_on_another(buffers):
    offsets = place_greedily([size for size, _, _ in buffers], [(first, last) for _, first, last in buffers])
    tops = {offset + size for offset, (size, _, _) in zip(offsets, buffers, strict=True)}
    assert set(offsets) <= tops | {0}


def test_largest_first_then_the_lowest_gap():
    # Sizes 64 and 32 meet at step 1; 16 fits below the 32 only where the 64 is gone.
    assert place_greedily([32, 64, 16], [(1, 2), (0, 1), (2, 3)]) == [64, 0, 0]


def test_of_equal_buffers_the_later_one_is_placed_first():
    assert place_greedily([16, 16], [(0, 1), (1, 2)]) == [16, 0]


def chain() -> GraphBuilder:
    builder = GraphBuilder("chain")
    x = builder.input("image", (4, 4, 3))
    x = builder.conv2d("a", x, 8, 3)
    y = builder.conv2d("b", x, 8, 3)
    builder.conv2d("c", builder.add("sum", x, y), 2, 3)
    return builder


def test_a_residual_stays_alive_until_its_sum():
    graph = fuse_int8(chain().build(["c"]))
    assert tensor_lifetimes(graph) == {"image": (0, 1), "a": (1, 3), "b": (2, 3), "sum": (3, 4), "c": (4, 4)}
    plan = plan_arena(graph)
    # At the sum three tensors of 128 bytes are alive; image (48) and c (32) fit beside fewer of them.
    assert plan.arena_bytes == 3 * 128
    rows = live_memory(graph)
    assert [row.live_bytes for row in rows] == [48 + 128, 256, 384, 160]
    assert rows[2].tensors == ("a", "b", "sum")


def test_results_live_to_the_end():
    graph = fuse_int8(chain().build(["a", "c"]))
    assert tensor_lifetimes(graph)["a"] == (1, 4)


def test_sizes_are_rounded_up_to_16_bytes():
    builder = GraphBuilder("odd")
    x = builder.conv2d("a", builder.input("image", (3, 3, 1)), 1, 3)
    plan = plan_arena(fuse_int8(builder.build([x])))
    assert [a.size_bytes for a in plan.allocations] == [16, 16]
    assert plan.arena_bytes == 32


def test_a_mean_needs_four_bytes_for_each_of_its_outputs_while_it_runs():
    builder = GraphBuilder("mean")
    x = builder.global_average_pool("mean", builder.input("image", (4, 4, 32)))
    plan = plan_arena(fuse_int8(builder.build([x])))
    assert [(a.size_bytes, a.first, a.last, a.scratch) for a in plan.allocations] == [
        (512, 0, 1, False),
        (32, 1, 1, False),
        (128, 1, 1, True),
        (16, 1, 1, True),
        (16, 1, 1, True),
    ]
    assert plan.arena_bytes == 512 + 128 + 32 + 2 * 16


def test_the_head_of_a_network_needs_what_tflite_micro_allocates():
    """Tails that were cut out of two int8 files, whose peak is their mean; measured with TensorFlow Lite Micro."""
    for channels, side, measured in ((256, 3, 3616), (8, 7, 480)):
        builder = GraphBuilder("head")
        x = builder.global_average_pool("pool", builder.input("features", (side, side, channels)), keepdims=True)
        x = builder.reshape("logits", builder.conv2d("classifier", x, 34, 1, use_bias=True), (34,))
        assert plan_arena(fuse_int8(builder.build([x]))).arena_bytes == measured


def test_more_views_than_a_micro_concatenation_takes_are_joined_in_steps():
    builder = GraphBuilder("views")
    x = builder.view_fuse("fuse", builder.input("feature", (6, 6, 6)), 12)
    graph = fuse_int8(builder.build([builder.conv2d("recover", x, 16, 1)]))
    joins = graph.operations[:-1]
    assert [len(join.inputs) for join in joins] == [6, 6, 2]
    assert [graph.tensor(join.outputs[0]).shape for join in joins] == [(6, 6, 36), (6, 6, 36), (6, 6, 72)]
    assert joins[0].inputs + joins[1].inputs == graph.inputs
    # Measured with TensorFlow Lite Micro on the converted file of this network.
    assert plan_arena(graph).arena_bytes == 5184
    assert [group.stop - group.start for group in concatenation_groups(21)] == [7, 7, 7]
    assert concatenation_groups(10) == [slice(0, 10)]


@settings(max_examples=40, deadline=None)
@given(widths=st.lists(st.integers(1, 9), min_size=1, max_size=8), residual=st.booleans())
def test_no_operation_needs_more_than_the_arena(widths, residual):
    builder = GraphBuilder("random")
    x = builder.input("image", (6, 6, 3))
    for i, width in enumerate(widths):
        y = builder.conv2d(f"conv{i}", x, width, 3)
        same = residual and builder.shape(x) == builder.shape(y)
        x = builder.add(f"add{i}", x, y) if same else y
    graph = fuse_int8(builder.build([x]))
    plan = plan_arena(graph)
    assert max(row.live_bytes for row in live_memory(graph)) <= plan.arena_bytes
    assert set(plan.offsets) == set(plan.lifetimes) == {tensor.name for tensor in graph.tensors}
