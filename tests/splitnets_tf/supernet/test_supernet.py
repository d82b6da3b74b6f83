"""One traced graph for every architecture, with the values and gradients of static networks."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from splitnets_tf.data.spread import spread_order
from splitnets_tf.space import Split, blueprint, sample, sample_multi_split
from splitnets_tf.supernet import (
    SandwichSettings,
    SubnetworkEvaluator,
    Supernet,
    build_network,
    resize_batch,
    sandwich_vectors,
    set_network_weights,
    subnetwork_weights,
)


def static_twin(supernet, architecture):
    models = build_network(keras, blueprint(supernet.space, architecture, supernet.num_classes))
    set_network_weights(models, subnetwork_weights(supernet, architecture))
    return models


def test_logits_equal_the_materialised_network(make_supernet, tiny_space, blobs):
    images, labels = blobs
    supernet = make_supernet()
    rng = np.random.default_rng(0)
    for variable in supernet.trainable_variables:  # a fresh gamma of 1 would hide a wrong slice
        if variable.name in ("gamma", "beta"):
            variable.assign(variable + rng.normal(0, 0.3, variable.shape))
    evaluator = SubnetworkEvaluator(supernet, images[:64], images, labels, batch_size=32)
    architectures = [tiny_space.largest(), tiny_space.smallest()]
    architectures += [sample(tiny_space, rng) for _ in range(8)] + [sample_multi_split(tiny_space, rng)]
    for architecture in architectures:
        logits = evaluator.logits(architecture)
        models = static_twin(supernet, architecture)
        expected = models.whole(resize_batch(tf.constant(images), architecture.resolution), training=False)
        scale = np.max(np.abs(expected))
        np.testing.assert_allclose(logits, expected, atol=1e-5 * scale, rtol=0)
        assert len(models.segments) == len(architecture.splits) + 1


def test_counting_in_parts_counts_each_image_once_and_only_what_is_asked_for(make_supernet, tiny_space, blobs):
    images, labels = blobs
    evaluator = SubnetworkEvaluator(make_supernet(), images[:64], images, labels, batch_size=32)
    architecture = sample(tiny_space, np.random.default_rng(0))
    correct, infer, asked = evaluator.correct(architecture), evaluator._infer, []

    def counting(batch, vector):
        asked.append(len(batch))
        return infer(batch, vector)

    evaluator._infer = counting
    parts = evaluator.correct_in_parts(architecture, (0.3, 0.55))
    first = next(parts)
    sizes = [round(0.3 * len(images)), round(0.55 * len(images)), len(images)]
    assert len(first) == sum(asked) == sizes[0]
    np.testing.assert_array_equal(first, correct[spread_order(len(images))[: sizes[0]]])
    rest = list(parts)
    assert [len(part) for part in rest] == np.diff(sizes).tolist() and sum(asked) == len(images)
    np.testing.assert_array_equal(np.concatenate([first, *rest]), correct[spread_order(len(images))])


def test_every_place_of_the_split_changes_the_output(make_supernet, tiny_space, blobs):
    images, _ = blobs
    supernet = make_supernet()
    largest = tiny_space.largest()
    depths = [choice.depth for choice in largest.stages]
    outputs = [
        supernet((images[:8], tiny_space.encode(architecture)), training=True)
        for architecture in [
            largest,
            *(
                dataclasses.replace(largest, splits=(Split(phase=phase, position=position, width=4),))
                for phase, position in tiny_space.split_choices(depths)
            ),
        ]
    ]
    for i, first in enumerate(outputs):
        for second in outputs[i + 1 :]:
            assert np.max(np.abs(first - second)) > 1e-3


def test_one_trace_serves_every_architecture(make_supernet, tiny_space, blobs):
    images, _ = blobs
    supernet = make_supernet()
    traces = []

    @tf.function(input_signature=[tf.TensorSpec([tiny_space.vector_length], tf.int32)])
    def run(vector):
        traces.append(1)
        return supernet((images[:8], vector), training=True)

    rng = np.random.default_rng(1)
    for _ in range(6):
        vector = tiny_space.encode(sample(tiny_space, rng))
        # The normalisation of a few pixels amplifies rounding.
        np.testing.assert_allclose(run(tf.constant(vector)), supernet((images[:8], vector), training=True), atol=2e-3)
    assert len(traces) == 1


def test_sandwich_gradient_is_the_sum_over_static_networks(make_supernet, tiny_space, blobs):
    """The loop's gradient against one eager tape per network: hard labels first, then the largest's probabilities."""
    images, labels = blobs
    images, labels = tf.constant(images[:16]), tf.constant(labels[:16], tf.int32)
    supernet = make_supernet(label_smoothing=0.1)
    vectors = sandwich_vectors(tiny_space, SandwichSettings(random=1, multi_split=1), seed=3, step=5)
    variables = [variable.value for variable in supernet.trainable_variables]
    actual, losses, _ = tf.function(supernet._sandwich)(images, tf.constant(vectors), labels, variables)

    goal = tf.one_hot(labels, supernet.num_classes) * 0.9 + 0.1 / supernet.num_classes
    expected = [np.zeros(v.shape, np.float32) for v in variables]
    for index, vector in enumerate(vectors):
        with tf.GradientTape() as tape:
            logits = supernet((images, vector), training=True)
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(goal, logits))
        np.testing.assert_allclose(losses[index], loss, rtol=1e-3)
        step = tape.gradient(loss, variables, unconnected_gradients="zero")
        expected = [e + tf.convert_to_tensor(g).numpy() for e, g in zip(expected, step, strict=True)]
        if index == 0:
            goal = tf.nn.softmax(logits)
    for e, a, variable in zip(expected, actual, supernet.trainable_variables, strict=True):
        np.testing.assert_allclose(a, e, atol=2e-3 * max(1.0, np.max(np.abs(e))), err_msg=variable.path)


def test_without_distillation_all_learn_from_the_labels(make_supernet, tiny_space, blobs):
    images, labels = blobs
    supernet = make_supernet(distill=False, label_smoothing=0.0)
    vectors = sandwich_vectors(tiny_space, SandwichSettings(), seed=0, step=0)
    variables = [variable.value for variable in supernet.trainable_variables]
    arguments = (tf.constant(images[:16]), tf.constant(vectors), tf.constant(labels[:16], tf.int32), variables)
    _, losses, _ = supernet._sandwich(*arguments)
    for vector, loss in zip(vectors, losses, strict=True):
        logits = supernet((images[:16], vector), training=True)
        expected = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels[:16], logits))
        np.testing.assert_allclose(loss, expected, rtol=1e-3)


def test_keras_saving_round_trip(make_supernet, tiny_space, blobs, tmp_path):
    images, _ = blobs
    supernet, other = make_supernet(seed=1), make_supernet(seed=2)
    vector = tiny_space.encode(tiny_space.largest())
    expected = supernet((images[:4], vector), training=True)
    assert np.max(np.abs(other((images[:4], vector), training=True) - expected)) > 1e-3
    supernet.save_weights(tmp_path / "net.weights.h5")
    other.load_weights(tmp_path / "net.weights.h5")
    np.testing.assert_array_equal(other((images[:4], vector), training=True), expected)
    again = Supernet.from_config(supernet.get_config())
    assert again.space == tiny_space
    assert again.num_classes == supernet.num_classes


def test_resize_scales_bytes_and_keeps_constant_images():
    images = tf.fill([2, 24, 24, 3], tf.constant(51, tf.uint8))
    for size in (24, 16, 20):
        resized = resize_batch(images, tf.constant(size))
        assert resized.shape == (2, size, size, 3)
        np.testing.assert_allclose(resized, 0.2, rtol=1e-5)
