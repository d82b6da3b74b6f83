"""Equations (1) and (2) of JMSNAS on hand-computed cases and against a walk through every path."""

import dataclasses
import itertools

import numpy as np
import pytest

from splitnets_tf.hardware import Assignment, Topology, completion_ms, device_order, load_system, sending_ms

CHAIN = Topology(kind="chain", path=("ue", "sbs", "mbs", "cloud"))
MESH = Topology(kind="mesh", path=("1", "2", ("3", "4", "5"), "6"))


def test_equation_1_is_the_sum_of_all_layers_and_links():
    compute = {"ue": 1.0 + 2.0, "sbs": 3.0, "mbs": 0.0, "cloud": 5.0}
    sent = {"ue": 0.5, "sbs": 0.25, "mbs": 0.125, "cloud": 0.0}
    assert completion_ms(CHAIN, compute, sent) == 11.875


def test_equation_2_takes_the_slowest_branch_with_its_own_link():
    compute = {"1": 1.0, "2": 2.0, "3": 4.0, "4": 1.0, "5": 3.0, "6": 8.0}
    sent = {"1": 0.1, "2": 0.2, "3": 0.3, "4": 3.5, "5": 0.4, "6": 0.0}
    # (1 + 0.1) + (8 + 0) + (2 + 0.2) + max(4.3, 4.5, 3.4)
    assert completion_ms(MESH, compute, sent) == pytest.approx(15.8, abs=1e-12)


@pytest.mark.parametrize("topology", [CHAIN, MESH])
def test_completion_is_the_longest_path_through_the_devices(topology):
    rng = np.random.default_rng(1)
    steps = [(step,) if isinstance(step, str) else step for step in topology.path]
    for _ in range(20):
        compute = {name: rng.uniform(0, 5) for name in device_order(topology)}
        sent = {name: rng.uniform(0, 5) for name in device_order(topology)}
        sent[steps[-1][0]] = 0.0
        paths = [sum(compute[n] + sent[n] for n in path) for path in itertools.product(*steps)]
        assert completion_ms(topology, compute, sent) == pytest.approx(max(paths), rel=1e-12)


def test_arrays_price_many_networks_at_once():
    compute = {name: np.array([1.0, 10.0]) for name in device_order(MESH)}
    compute["4"] = np.array([2.0, 3.0])
    sent = dict.fromkeys(device_order(MESH), 0.0)
    np.testing.assert_allclose(completion_ms(MESH, compute, sent), [1 + 1 + 2 + 1, 10 + 10 + 10 + 10])


def test_layers_and_last_layers_of_devices():
    counts = {"1": 2, "2": 1, "3": 1, "4": 0, "5": 2, "6": 0}
    assignment = Assignment(topology=MESH, counts=counts)
    assert assignment.layers("1") == (1, 2)
    assert assignment.layers("5") == (5, 6)
    assert assignment.sent_layers("1") == (2,)
    assert assignment.sent_layers("4") == (3,), "a device without layers relays the root's tensor"
    assert assignment.received_layers("6") == (4, 3, 6)
    assert assignment.received_layers("1") == (0,), "the image"
    relays = Assignment(topology=CHAIN, counts={"ue": 0, "sbs": 0, "mbs": 3, "cloud": 1})
    assert relays.sent_layers("sbs") == (0,)


def test_links_of_table_one():
    system = load_system("jmsnas-chain")
    # 25, 50 and 200 Mb/s: 1 000 bytes take 0.32, 0.16 and 0.04 ms
    assert [sending_ms(system, name, 1000) for name in ("ue", "sbs", "mbs", "cloud")] == [0.32, 0.16, 0.04, 0.0]


def test_root_broadcasts_once_or_sends_to_each():
    system = load_system("jmsnas-mesh")
    assert sending_ms(system, "sbs", 1000) == pytest.approx(0.16)
    unicast = dataclasses.replace(system, topology=dataclasses.replace(system.topology, broadcast=False))
    assert sending_ms(unicast, "sbs", 1000) == pytest.approx(0.48)
    slow = [dataclasses.replace(link, shared_by=2) if link.name == "sbs-mbs-4" else link for link in system.links]
    assert sending_ms(dataclasses.replace(system, links=tuple(slow)), "sbs", 1000) == pytest.approx(0.32)
