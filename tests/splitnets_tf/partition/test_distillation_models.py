"""Head Distillation's models: they cost what the graph says, and only what should learn learns."""

import keras
import numpy as np
import pytest

from splitnets_tf.graph import read_keras_model
from splitnets_tf.hardware import load_system, split_cost
from splitnets_tf.partition import build_distillation, feature_loss, head_student, student_graph
from splitnets_tf.supernet import TrainingSettings, train_network

L = keras.layers
SIZE, CLASSES = 32, 3


def make_teacher():
    """Three halvings, a residual block at stride 8, a tail."""
    keras.utils.set_random_seed(3)
    x = inputs = keras.Input((SIZE, SIZE, 3), name="image")
    for i, filters in enumerate((4, 6, 8)):
        x = L.Conv2D(filters, 3, 2, "same", use_bias=False, name=f"conv{i}")(x)
        x = L.BatchNormalization(momentum=0.5, name=f"bn{i}")(x)
        x = L.ReLU(name=f"relu{i}")(x)
    x = L.Add(name="sum")([x, L.Conv2D(8, 3, padding="same", name="inner")(x)])
    x = L.Conv2D(16, 3, 2, "same", name="tail")(x)
    x = L.BatchNormalization(name="tail_bn")(x)
    return keras.Model(inputs, L.Dense(CLASSES, name="logits")(L.GlobalAveragePooling2D()(x)), name="teacher")


@pytest.fixture
def built():
    teacher = make_teacher()
    graph = read_keras_model(teacher)
    student = head_student(graph, width=8)
    return teacher, graph, student, build_distillation(teacher, graph, student)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, 64)
    images = rng.integers(0, 120, (64, SIZE, SIZE, 3))
    images[np.arange(64), :, :, labels] += 100
    return images.astype(np.uint8), labels


def weights_by_layer(model, names):
    return {name: [w.copy() for w in model.get_layer(name).get_weights()] for name in names}


def assert_same(before, after, *, same):
    for name in before:
        equal = all(np.array_equal(a, b) for a, b in zip(before[name], after[name], strict=True))
        assert equal == same, name


def test_built_network_costs_what_the_graph_says(built):
    _, graph, student, models = built
    system = load_system("hmd-demo")
    pure, n = student_graph(graph, student)
    read = read_keras_model(models.network)
    assert len(read.operations) == len(pure.operations)
    expected, actual = split_cost(pure, n, system), split_cost(read, n, system)
    assert actual == expected
    assert models.encoder.output_shape[1:] == (4, 4, student.encoder[-1].filters)


def test_matcher_is_student_minus_frozen_teacher(built):
    teacher, _, _, models = built
    x = np.random.default_rng(1).random((4, SIZE, SIZE, 3), dtype=np.float32)
    feature = keras.Model(teacher.input, teacher.get_layer("sum").output)(x, training=False)
    trained = {w.path.split("/")[0] for w in models.matcher.trainable_weights}
    assert not trained & ({layer.name for layer in teacher.layers})
    assert {w.path for w in models.network.trainable_weights} > {w.path for w in models.matcher.trainable_weights}
    decoded = np.asarray(models.matcher(x, training=False)) + np.asarray(feature)
    answer = decoded
    for layer in teacher.layers[[layer.name for layer in teacher.layers].index("sum") + 1 :]:
        answer = layer(answer, training=False) if "bn" in layer.name else layer(answer)
    np.testing.assert_allclose(models.network(x, training=False), answer, rtol=1e-4, atol=1e-5)


def test_feature_loss_sums_channels_and_averages_positions():
    difference = np.zeros((2, 2, 2, 3), np.float32)
    difference[1, 0, 0] = 2.0
    np.testing.assert_allclose(feature_loss(None, difference), [0.0, 3 * 4 / 4])


def test_first_the_student_alone_learns_then_the_tail_too(built, data):
    teacher, _, _, models = built
    head, tail = ("conv0", "bn0", "conv2", "bn2", "inner"), ("tail", "logits")
    before = weights_by_layer(teacher, (*head, *tail))
    settings = TrainingSettings(epochs=10, batch_size=16, max_shift=0)
    losses = []
    record = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: losses.append(logs["loss"]))
    train_network(models.matcher, *data, settings=settings, loss=feature_loss, callbacks=[record])
    assert losses[-1] < 0.5 * losses[0]
    assert_same(before, weights_by_layer(teacher, before), same=True)
    train_network(models.network, *data, settings=TrainingSettings(epochs=1, batch_size=16))
    assert_same({n: before[n] for n in head}, weights_by_layer(teacher, head), same=True)
    assert_same({n: before[n] for n in tail}, weights_by_layer(teacher, tail), same=False)
