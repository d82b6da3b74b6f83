"""The block list and the graph that is priced."""

import dataclasses

import numpy as np
import pytest

from splitnets_tf.hardware import total_macs, total_params
from splitnets_tf.space import ConvBlock, MBBlock, Split, architecture_graph, blueprint, load_space, sample

DEMO = load_space("demo")


def test_split_lies_behind_m_blocks_of_its_phase():
    architecture = dataclasses.replace(DEMO.largest(), splits=(Split(phase=2, position=2, width=8),))
    sensor, aggregator = blueprint(DEMO, architecture, 10).segments
    # Phase 2 holds mb2_1, mb3_0, mb3_1 behind the entering block mb2_0.
    assert [block.name for block in sensor] == ["stem", "mb1_0", "mb1_1", "mb2_0", "mb2_1", "mb3_0", "reduce_2"]
    assert [block.name for block in aggregator][:2] == ["recover_2", "mb3_1"]
    reduce, recover = sensor[-1], aggregator[0]
    assert (reduce.in_channels, reduce.out_channels, recover.out_channels) == (40, 8, 40)
    assert reduce.activation is recover.activation is None


def test_position_zero_is_directly_behind_the_entering_layer():
    for phase, last in enumerate(("stem", "mb1_0", "mb2_0")):
        architecture = dataclasses.replace(DEMO.largest(), splits=(Split(phase=phase, position=0, width=4),))
        assert blueprint(DEMO, architecture, 10).segments[0][-2].name == last


def test_channels_chain_and_residuals_keep_their_width():
    rng = np.random.default_rng(0)
    for _ in range(50):
        channels = 3
        for block in blueprint(DEMO, sample(DEMO, rng), 10).blocks:
            assert block.in_channels == channels
            if isinstance(block, ConvBlock | MBBlock):
                channels = block.out_channels
            if isinstance(block, MBBlock) and block.residual:
                assert block.in_channels == block.out_channels
                assert block.stride == 1


def test_hand_counted_macs():
    smallest = DEMO.smallest()
    stem = 16 * 16 * 27 * 8
    mb1 = 16 * 16 * 8 * 16 + 8 * 8 * (9 * 16 + 16 * 16)
    mb2 = 8 * 8 * 16 * 32 + 4 * 4 * (9 * 32 + 32 * 24)
    mb3 = 4 * 4 * (24 * 48 + 9 * 48 + 48 * 32)
    mb4 = 4 * 4 * 32 * 64 + 2 * 2 * (9 * 64 + 64 * 48)
    mb5 = 2 * 2 * (48 * 96 + 9 * 96 + 96 * 64)
    head = 2 * 2 * 64 * 128 + 128 * 10
    built = architecture_graph(DEMO, smallest, 10)
    assert total_macs(built.graph) == stem + mb1 + mb2 + mb3 + mb4 + mb5 + head
    assert built.sensor_operations == 0


def test_span_of_the_demo_space():
    macs = [total_macs(architecture_graph(DEMO, a, 34).graph) for a in (DEMO.smallest(), DEMO.largest())]
    assert macs[0] < 1e6
    assert 5e6 <= macs[1] <= 9e6


def test_sensor_operations_end_with_conv_reduce():
    architecture = dataclasses.replace(DEMO.largest(), splits=(Split(phase=1, position=1, width=6),))
    built = architecture_graph(DEMO, architecture, 10)
    names = [operation.name for operation in built.graph.operations]
    assert names[built.sensor_operations - 1] == "reduce_1_bn"
    assert names[built.sensor_operations] == "recover_1_conv"


def test_split_adds_only_its_two_convolutions():
    plain = architecture_graph(DEMO, DEMO.largest(), 10).graph
    split = dataclasses.replace(DEMO.largest(), splits=(Split(phase=1, position=0, width=6),))
    added = architecture_graph(DEMO, split, 10).graph
    assert total_macs(added) - total_macs(plain) == 2 * 16 * 16 * 24 * 6
    assert total_params(added) - total_params(plain) == 2 * 24 * 6 + 2 * 6 + 2 * 24


def test_several_splits_are_not_priced(tiny_space):
    several = dataclasses.replace(
        tiny_space.largest(), splits=(Split(phase=0, position=0, width=2), Split(phase=1, position=0, width=2))
    )
    assert len(blueprint(tiny_space, several, 3).segments) == 3
    with pytest.raises(ValueError, match="at most one"):
        architecture_graph(tiny_space, several, 3)
