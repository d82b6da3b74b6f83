"""A tiny layered space on a chain and on a mesh, its mixed network, and times of its candidates."""

import numpy as np

from splitnets_tf.hardware import Topology, device_order
from splitnets_tf.search.differentiable import PlacedLatency
from splitnets_tf.space import LayeredSpace, LayerRow, mixed_layers

CLASSES = 3
CHAIN = Topology(kind="chain", path=("ue", "sbs", "cloud"))
MESH = Topology(kind="mesh", path=("ue", "sbs", ("a", "b"), "cloud"))


def tiny_space(topology):
    """One or two layers a device, 16 pixels, candidates of two kernels and two expansions."""
    rows = {
        "ue": (LayerRow(width=4, stride=2, layers=2),),
        "sbs": (LayerRow(width=4, stride=1, layers=1),),
        "branch": (LayerRow(width=6, stride=1, layers=1),),
        "cloud": (LayerRow(width=12, stride=1, layers=1),),
    }
    return LayeredSpace(
        name="tiny",
        resolution=16,
        stem_width=4,
        head_width=8,
        devices=tuple(rows[step if isinstance(step, str) else "branch"] for step in topology.path),
        kernels=(3, 5),
        expansions=(2, 3),
    )


def new_network(topology, seed=1):
    """A built mixed network, the same at each call."""
    import keras

    from splitnets_tf.supernet.mixed_network import MixedNetwork

    keras.utils.set_random_seed(seed)
    network = MixedNetwork(tiny_space(topology), topology, CLASSES)
    network.build()
    return network


def tiny_latency(topology):
    """Larger kernels and expansions take longer; the identity takes no time."""
    layers = mixed_layers(tiny_space(topology), topology)
    return PlacedLatency(
        topology=topology,
        layer_devices=tuple(layer.device for layer in layers),
        operation_ms=tuple(np.array([0.1 * c.kernel * c.expansion for c in layer.candidates]) for layer in layers),
        fixed_ms={},
        sent_ms=dict.fromkeys(device_order(topology), 0.1) | {"cloud": 0.0},
    )
