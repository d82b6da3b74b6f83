"""The event files of a short training hold every named scalar, the graph and the hyperparameters."""

import pytest
import tensorflow as tf
import tiny_training
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from splitnets_tf.supernet import SubnetworkEvaluator, ValidationCallback, train_supernet

EPOCHS = 3  # of two steps
BY_STEP = [
    "loss/largest",
    "loss/smallest",
    "loss/random",
    "accuracy/largest",
    "accuracy/smallest",
    "accuracy/random",
    "gradients/splitting_over_regular",
    "learning_rate",
]


@pytest.fixture(scope="module")
def events(tiny_space, tmp_path_factory):
    from pipelines.training_board import TrainingBoard, flat_hyperparameters

    directory = tmp_path_factory.mktemp("logs")
    settings = tiny_training.training_settings(EPOCHS)
    config = {"space": "tiny", "train": {"epochs": EPOCHS, "seed": None}, "constraints": ["a", "b"], "smoke": True}
    board = TrainingBoard(directory, batch_size=48, hyperparameters=flat_hyperparameters(config), every_s=0.0)
    supernet = tiny_training.new_supernet(tiny_space)
    images, labels = tiny_training.blob_images()
    evaluator = SubnetworkEvaluator(supernet, images[:32], images[:32], labels[:32], batch_size=32)
    train_supernet(
        supernet,
        images,
        labels,
        settings=settings,
        sandwich=tiny_training.sandwich_settings(),
        callbacks=[ValidationCallback(evaluator, {"largest": tiny_space.largest()}), board],
        on_graph=board.write_graph,
    )
    accumulator = EventAccumulator(str(directory))
    accumulator.Reload()
    return accumulator


def values(events, tag):
    return {event.step: float(tf.make_ndarray(event.tensor_proto)) for event in events.Tensors(tag)}


def test_every_scalar_of_every_step(events):
    for tag in BY_STEP:
        assert sorted(values(events, tag)) == list(range(1, 2 * EPOCHS + 1)), tag
    assert sorted(values(events, "images_per_s")) == [2, 4, 6]  # the second step of each epoch
    assert all(value > 0 for value in values(events, "images_per_s").values())


def test_values_are_plausible(events):
    for kind in ("largest", "smallest", "random"):
        assert 0.5 < values(events, f"loss/{kind}")[1] < 3
        assert all(0 <= value <= 1 for value in values(events, f"accuracy/{kind}").values())
    assert all(0 < value < 100 for value in values(events, "gradients/splitting_over_regular").values())
    rates = values(events, "learning_rate")
    peak = tiny_training.training_settings(EPOCHS).learning_rate
    assert rates[1] == rates[2] == pytest.approx(peak)  # behind a warm-up of half an epoch
    assert rates[6] < rates[4] < rates[3] < rates[2]


def test_epochs_hold_means_and_validation(events):
    by_step = values(events, "loss/largest")
    assert values(events, "epoch/loss/largest")[4] == pytest.approx((by_step[3] + by_step[4]) / 2, rel=1e-5)
    assert sorted(values(events, "validation/accuracy_largest")) == [2, 4, 6]


def test_graph_holds_the_loop_over_networks(events):
    graph = events.Graph()
    names = {node.op for function in graph.library.function for node in function.node_def}
    assert "Conv2D" in names | {node.op for node in graph.node}
    assert {"While", "StatelessWhile"} & ({node.op for node in graph.node} | names)


def test_hyperparameters(events):
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    recorded = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams
    assert recorded["space"].string_value == "tiny"
    assert recorded["train.epochs"].number_value == EPOCHS
    assert recorded["train.seed"].string_value == "None"
    assert recorded["smoke"].bool_value is True
    assert recorded["constraints"].string_value == "['a', 'b']"
