"""Tables of measured operations, the regression over them, and times of a system's devices."""

import dataclasses

import numpy as np
import pytest

from splitnets_tf.errors import UserError
from splitnets_tf.hardware import load_system, total_macs
from splitnets_tf.space import (
    OperationShape,
    OperationTimes,
    TimeModel,
    cross_validated_ms,
    load_layered_space,
    mixed_layers,
    needed_shapes,
    operation_shape,
    read_operation_times,
    reference_times,
    system_times,
    write_operation_times,
)
from splitnets_tf.space.operation_times import operation_features

SHAPES = [
    OperationShape(
        kind="mbconv",
        size=size,
        in_channels=channels,
        hidden=channels * expansion,
        out_channels=channels,
        kernel=kernel,
        stride=1,
        shortcut=shortcut,
    )
    for size in (4, 8)
    for channels in (8, 24)
    for expansion in (3, 6)
    for kernel in (3, 5, 7)
    for shortcut in (False, True)
]


def additive_ms(shape):
    """Times that are exactly what the regression assumes."""
    return float(operation_features(shape.graph).sum(axis=0) @ [2e-3, 1e-8, 5e-8, 4e-7, 1e-7, 2e-7, 3e-7])


@pytest.fixture(scope="module")
def table():
    return OperationTimes(device="a made-up device", rows={shape: additive_ms(shape) for shape in SHAPES})


def test_features_count_what_an_int8_file_computes():
    shape = dataclasses.replace(SHAPES[0], size=8, in_channels=16, hidden=48, out_channels=16, kernel=5, shortcut=True)
    operations, conv, depthwise, large, conv_out, depthwise_out, other = operation_features(shape.graph).sum(axis=0)
    assert operations == 4, "expand, depthwise, project, add"
    assert conv == 64 * (16 * 48 + 48 * 16)
    assert (depthwise, large) == (64 * 25 * 48, 0)
    seven = operation_features(dataclasses.replace(shape, kernel=7).graph).sum(axis=0)
    assert tuple(seven[2:4]) == (0, 64 * 49 * 48)
    assert (conv_out, depthwise_out, other) == (64 * (48 + 16), 64 * 48, 64 * 16)
    assert conv + depthwise == total_macs(shape.graph)


def test_regression_recovers_additive_times(table):
    unseen = dataclasses.replace(SHAPES[0], size=16, in_channels=40, hidden=160, out_channels=24, kernel=5)
    assert TimeModel(times=table).ms(unseen) == pytest.approx(additive_ms(unseen), rel=1e-3)
    measured, predicted = cross_validated_ms(table)
    np.testing.assert_allclose(predicted, measured, rtol=1e-2)


def test_cross_validation_does_not_see_what_it_predicts(table):
    odd = SHAPES[5]
    spoilt = dataclasses.replace(table, rows={**table.rows, odd: 10 * table.rows[odd]})
    measured, predicted = cross_validated_ms(spoilt)
    place = sorted(spoilt.rows).index(odd)
    assert measured[place] > 5 * predicted[place]


def test_a_measured_time_wins_over_the_regression(table):
    spoilt = dataclasses.replace(table, rows={**table.rows, SHAPES[3]: 7.0})
    assert TimeModel(times=spoilt, factor=2.0).ms(SHAPES[3]) == 14.0


def test_table_survives_writing_and_reading(table, tmp_path):
    write_operation_times(tmp_path / "t.csv", table)
    read = read_operation_times(tmp_path / "t.csv")
    assert read.device == "a made-up device"
    assert read.rows.keys() == table.rows.keys()
    for shape, time_ms in table.rows.items():
        assert read.rows[shape] == pytest.approx(time_ms, abs=1e-6)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("median_ms\n", "ms\n", "column 'median_ms' is missing"),
        ("mbconv,4,8", "mbconv,four,8", "line 3: not an operation"),
        ("mbconv,4,8", "gru,4,8", "line 3: not an operation"),
        ("# a made-up device\n", "", None),
    ],
)
def test_wrong_tables_name_the_line(table, tmp_path, old, new, message):
    path = tmp_path / "t.csv"
    write_operation_times(path, table)
    path.write_text(path.read_text().replace(old, new, 1))
    if message is None:
        assert read_operation_times(path).device == "t"
        return
    with pytest.raises(UserError, match=message):
        read_operation_times(path)


@pytest.mark.parametrize("kind", ["chain", "mesh"])
def test_shipped_table_has_every_operation_of_the_default_spaces(kind):
    topology = load_system(f"jmsnas-{kind}").topology
    shapes = needed_shapes(load_layered_space(f"mec-{kind}"), topology, 34)
    assert set(shapes) <= set(reference_times().rows)
    layer = mixed_layers(load_layered_space(f"mec-{kind}"), topology)[0]
    assert operation_shape(layer.block(layer.candidates[0]), layer.size) in shapes


def test_devices_differ_by_their_speeds_and_are_marked_as_assumed(table, tmp_path):
    system = load_system("jmsnas-chain")
    models = system_times(system, table)
    assert all(model.assumed for model in models.values())
    # 5 G MACs/s against 1 T MACs/s
    assert models["ue"].ms(SHAPES[0]) == pytest.approx(200 * models["cloud"].ms(SHAPES[0]))
    speeds = [total_macs(shape.graph) / models["ue"].ms(shape) * 1e3 for shape in table.rows]
    assert np.median(speeds) == pytest.approx(5e9), "the median operation has the system file's speed"
    write_operation_times(tmp_path / "own.csv", dataclasses.replace(table, device="a real one"))
    own = system_times(system, table, {"ue": tmp_path / "own.csv"})["ue"]
    assert not own.assumed
    assert "a real one" in own.source
    assert own.ms(SHAPES[0]) == pytest.approx(table.rows[SHAPES[0]], abs=1e-6)
    with pytest.raises(UserError, match="no processor 'phone'"):
        system_times(system, table, {"phone": tmp_path / "own.csv"})
