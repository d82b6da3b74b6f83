"""Layered spaces: candidates, shapes, and networks spelled out device by device."""

import dataclasses
import itertools

import pytest

from splitnets_tf.errors import UserError
from splitnets_tf.hardware import load_system, total_macs
from splitnets_tf.space import (
    IDENTITY,
    LayeredSpace,
    LayerRow,
    OperationChoice,
    load_layered_space,
    mixed_layers,
    placed_graph,
    placed_network,
    space_assignment,
)

CHAIN = load_system("jmsnas-chain").topology
MESH = load_system("jmsnas-mesh").topology


def narrowest(layers):
    return [layer.candidates[0] for layer in layers]


def test_thirteen_candidates_where_the_shape_stays_and_six_where_it_changes():
    layers = mixed_layers(load_layered_space("mec-chain"), CHAIN)
    for layer in layers:
        keeps = layer.stride == 1 and layer.in_channels == layer.out_channels
        assert len(layer.candidates) == len(set(layer.candidates)) == (13 if keeps else 6)
        assert (IDENTITY in layer.candidates) == keeps
        assert all(keeps or not candidate.shortcut for candidate in layer.candidates)
    blocks = {(c.kernel, c.expansion) for c in layers[1].candidates if c != IDENTITY}
    assert blocks == {(3, 3), (3, 6), (5, 3), (5, 6), (7, 3), (7, 6)}


def test_parallel_devices_read_the_roots_output_and_the_cloud_reads_all_of_theirs():
    space = load_layered_space("mec-mesh")
    layers = mixed_layers(space, MESH)
    first = {layer.device: layer for layer in reversed(layers)}
    assert [first[name].in_channels for name in ("mbs-3", "mbs-4", "mbs-5")] == [32, 32, 32]
    assert first["cloud"].in_channels == 96
    assert first["cloud"].size == 4
    assert [layer.number for layer in layers] == list(range(1, len(layers) + 1))
    assert space_assignment(space, MESH).received_layers("cloud") == (8, 11, 14)


def test_graph_of_the_mesh_follows_the_devices():
    space = load_layered_space("mec-mesh")
    layers = mixed_layers(space, MESH)
    network = placed_network(space, MESH, narrowest(layers), 34)
    graph, ranges = placed_graph(network)
    assert list(ranges) == ["ue", "sbs", "mbs-3", "mbs-4", "mbs-5", "cloud"]
    bounds = list(ranges.values())
    assert bounds[0][0] == 0
    assert bounds[-1][1] == len(graph.operations)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(bounds))
    assert graph.operations[ranges["cloud"][0]].kind == "concat"
    for layer in layers:
        last = [op for op in graph.operations if op.name.startswith(f"layer{layer.number}_")][-1]
        assert graph.tensor(last.outputs[0]).elements == layer.out_elements


def test_identity_removes_a_layer_and_an_empty_device_is_no_source():
    space = LayeredSpace(
        name="t",
        resolution=32,
        stem_width=8,
        head_width=16,
        devices=tuple((LayerRow(width=8, stride=1, layers=1),) for _ in range(4)),
    )
    layers = mixed_layers(space, CHAIN)
    block = OperationChoice(kernel=3, expansion=3, shortcut=True)
    network = placed_network(space, CHAIN, [block, IDENTITY, block, block], 5)
    assert [(part.device, part.sources) for part in network.parts] == [
        ("ue", ()),
        ("mbs", ("ue",)),
        ("cloud", ("mbs",)),
    ]
    shorter, _ = placed_graph(network)
    full, _ = placed_graph(placed_network(space, CHAIN, [block] * 4, 5))
    one = 16 * 16 * (8 * 24 + 9 * 24 + 24 * 8)
    assert total_macs(full) - total_macs(shorter) == one
    assert len(layers) == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kernels": (4,)}, "kernels must be odd"),
        ({"stem_width": 0}, "at least 1"),
        ({"activation": "tanh"}, "activation"),
        ({"devices": ((LayerRow(width=8, stride=3, layers=1),),)}, "stride"),
    ],
)
def test_wrong_values_are_refused(change, message):
    with pytest.raises(UserError, match=message):
        dataclasses.replace(load_layered_space("mec-chain"), **change)


def test_space_and_system_must_belong_together(tmp_path):
    space = load_layered_space("mec-chain")
    with pytest.raises(UserError, match=r"4 steps.*has 2"):
        mixed_layers(space, load_system("hmd").topology)
    with pytest.raises(UserError, match="layer 1 cannot be identity"):
        placed_network(space, CHAIN, [IDENTITY] * 11, 5)
    path = tmp_path / "space.yaml"
    path.write_text("name: x\nresolution: 64\nstem_width: 8\nhead_width: 8\ndevices: [[{width: 8, strid: 2}]]\n")
    with pytest.raises(UserError, match=r"space.yaml: unknown key 'devices\[0\]\[0\].strid'"):
        load_layered_space(str(path))
