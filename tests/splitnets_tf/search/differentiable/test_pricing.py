"""A space's price on a system by hand, cloud computing, and the outer search over d(m)."""

import dataclasses

import numpy as np
import pytest

from splitnets_tf.hardware import load_system
from splitnets_tf.search.differentiable import cloud_computing_ms, placed_latency, sent_bytes
from splitnets_tf.search.differentiable.outer_search import neighbouring_spaces, uniform_expected_ms
from splitnets_tf.space import (
    IDENTITY,
    OperationTimes,
    TimeModel,
    load_layered_space,
    mixed_layers,
    needed_shapes,
    system_times,
)


def constant_models(system, space, time_ms):
    """Every operation takes as long as its device says."""
    rows = dict.fromkeys(needed_shapes(space, system.topology, 34), 1.0)
    table = OperationTimes(device="made up", rows=rows)
    return {name: TimeModel(times=table, factor=factor) for name, factor in time_ms.items()}


@pytest.fixture(scope="module")
def chain():
    return load_system("jmsnas-chain"), load_layered_space("mec-chain")


@pytest.fixture(scope="module")
def mesh():
    return load_system("jmsnas-mesh"), load_layered_space("mec-mesh")


def test_chain_by_hand(chain):
    system, space = chain
    models = constant_models(system, space, {"ue": 8.0, "sbs": 4.0, "mbs": 2.0, "cloud": 1.0})
    latency = placed_latency(space, system, models, 34)
    assert sent_bytes(space, system) == {"ue": 16 * 16 * 16, "sbs": 8 * 8 * 32, "mbs": 4 * 4 * 64, "cloud": 0}
    links_ms = 4096 / 3.125e6 * 1e3 + 2048 / 6.25e6 * 1e3 + 1024 / 25e6 * 1e3
    # stem and 2 layers, 3 layers, 3 layers, 3 layers with head and classifier
    computing_ms = 3 * 8 + 3 * 4 + 3 * 2 + 5 * 1
    assert latency.network_ms([0] * 11) == pytest.approx(links_ms + computing_ms)
    layers = mixed_layers(space, system.topology)
    identities = [row.candidates.index(IDENTITY) if IDENTITY in row.candidates else 0 for row in layers]
    # one layer of the phone, two of each base station, two of the cloud's three vanish
    assert latency.network_ms(identities) == pytest.approx(links_ms + computing_ms - (8 + 2 * 4 + 2 * 2 + 2 * 1))
    wide = placed_latency(space, system, models, 34, bits=32)
    assert wide.network_ms([0] * 11) == pytest.approx(4 * links_ms + computing_ms)


def test_mesh_by_hand(mesh):
    system, space = mesh
    times = {"ue": 8.0, "sbs": 4.0, "mbs-3": 2.0, "mbs-4": 3.0, "mbs-5": 2.0, "cloud": 1.0}
    models = constant_models(system, space, times)
    latency = placed_latency(space, system, models, 34)
    links_ms = 4096 / 3.125e6 * 1e3 + 2048 / 6.25e6 * 1e3 + 512 / 25e6 * 1e3
    assert latency.network_ms([0] * 17) == pytest.approx(links_ms + 3 * 8 + 3 * 4 + 3 * 3 + 5)


def test_cloud_computing_sends_the_image_over_every_hop(chain):
    system, space = chain
    models = constant_models(system, space, {"ue": 8.0, "sbs": 4.0, "mbs": 2.0, "cloud": 1.0})
    image_ms = 64 * 64 * 3 * (1 / 3.125e6 + 1 / 6.25e6 + 1 / 25e6) * 1e3
    assert cloud_computing_ms(space, system, models, 34, [0] * 11) == pytest.approx(image_ms + 11 + 3)


def test_outer_search_deals_the_same_layers_out(chain):
    system, space = chain
    spaces = list(neighbouring_spaces(space))
    # 11 layers among 4 devices, at least one each: 10 choose 3
    assert len(spaces) == len({repr(s.devices) for s in spaces}) == 120
    original = mixed_layers(space, system.topology)
    for other in spaces[::17]:
        layers = mixed_layers(other, system.topology)
        assert [dataclasses.replace(row, device="") for row in layers] == [
            dataclasses.replace(row, device="") for row in original
        ]


def test_outer_search_finds_what_slow_devices_should_not_compute(chain):
    system, space = chain
    models = constant_models(system, space, {"ue": 100.0, "sbs": 100.0, "mbs": 100.0, "cloud": 1.0})

    def expected(candidate):
        return uniform_expected_ms(placed_latency(candidate, system, models, 34))

    best = min(neighbouring_spaces(space), key=expected)
    assert [sum(row.layers for row in rows) for rows in best.devices] == [1, 1, 1, 8]


def test_parallel_devices_keep_their_layers(mesh):
    _, space = mesh
    spaces = list(neighbouring_spaces(space, parallel_step=2))
    assert len(spaces) == 4
    assert all(candidate.devices[2:] == space.devices[2:] for candidate in spaces)


def test_default_spaces_and_systems_can_be_priced(chain, mesh):
    for system, space in (chain, mesh):
        rows = dict.fromkeys(needed_shapes(space, system.topology, 34), 0.01)
        table = OperationTimes(device="made up", rows=rows)
        latency = placed_latency(space, system, system_times(system, table), 34)
        assert np.isfinite(uniform_expected_ms(latency))
