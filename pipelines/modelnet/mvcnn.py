"""MVCNN for comparison: a known backbone whose views are pooled behind its last convolution.

Source: Su et al., "Multi-view convolutional neural networks for 3D shape recognition", 2015; SplitNets, Tables 5 and 6.
"""

from typing import Any

from splitnets_tf.graph import build_backbone
from splitnets_tf.hardware import Graph, System
from splitnets_tf.partition import Partition, all_on_aggregator, partition_at
from splitnets_tf.space import SearchSpace

__all__ = ["MVCNN_FUSION", "mvcnn_graph", "mvcnn_placements", "network_name", "train_mvcnn"]

MVCNN_FUSION = "max"
"""How MVCNN fuses: element by element the largest of all views, as `build_backbone` does."""


def network_name(backbone: str) -> str:
    """Under which its predictions are kept."""
    return f"mvcnn_{backbone.lower().replace('-', '_').replace('.', '_')}"


def mvcnn_graph(backbone: str, space: SearchSpace, num_classes: int) -> Graph:
    """The backbone at the space's largest resolution with as many views as the space has."""
    return build_backbone(backbone, resolution=space.resolutions[-1], classes=num_classes, views=space.views)


def mvcnn_placements(backbone: str, space: SearchSpace, num_classes: int, system: System) -> tuple[Partition, ...]:
    """The network on the aggregator, and split in front of the pooling, as in Table 6."""
    graph = mvcnn_graph(backbone, space, num_classes)
    pooling = [operation.kind for operation in graph.operations].index("view_fuse")
    return (
        all_on_aggregator(graph, system, views=space.views),
        partition_at("split-at-fusion", graph, (pooling,), system, views=space.views),
    )


def train_mvcnn(context: Any) -> None:
    """Stages `mvcnn_*`: train each backbone on labels for as many epochs as supernet training and fine-tuning take.

    Args:
        context: The run, a `ViewContext`.
    """
    import keras

    from pipelines.imagenet.networks import equal_budget, train_and_predict
    from splitnets_tf.graph import build_keras_model

    config, inputs = context.config, context.inputs()
    for backbone in config.backbones:
        name = network_name(backbone)
        if context.run.is_done(name, inputs):
            continue
        with context.run.stage(name, inputs, config.seed):
            keras.utils.set_random_seed(config.seed)
            model = build_keras_model(mvcnn_graph(backbone, context.space, context.num_classes))
            train_and_predict(context, model, equal_budget(config), name)
