"""Reading Keras models: every layer, nested and shared ones, and clear refusals."""

import math

import keras
import numpy as np
import pytest

from splitnets_tf.errors import UserError
from splitnets_tf.graph import flat_calls, read_keras_model
from splitnets_tf.hardware import total_macs, total_params

L = keras.layers


def model_of(*layers, shape=(12, 10, 6)):
    x = inputs = keras.Input(shape, name="image")
    for layer in layers:
        x = layer(x)
    return keras.Model(inputs, x, name="model")


def trained(model) -> int:
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


@pytest.mark.parametrize(
    ("layer", "macs"),
    [
        (L.Conv2D(8, 3, padding="same"), 12 * 10 * 432),
        (L.Conv2D(8, 3, strides=2, padding="valid", use_bias=False), 5 * 4 * 432),
        (L.Conv2D(8, (1, 5), dilation_rate=2, padding="same"), 12 * 10 * 240),
        (L.Conv2D(9, 3, groups=3), 10 * 8 * 162),
        (L.DepthwiseConv2D(3, strides=2, padding="same"), 6 * 5 * 54),
        (L.DepthwiseConv2D(3, depth_multiplier=2), 10 * 8 * 108),
        (L.SeparableConv2D(8, 3, padding="same", depth_multiplier=2), 12 * 10 * (108 + 96)),
        (L.Conv2DTranspose(8, 3, strides=2, padding="same"), 12 * 10 * 432),
        (L.Dense(7), 12 * 10 * 42),
        (L.BatchNormalization(), 0),
        (L.BatchNormalization(scale=False), 0),
        (L.LayerNormalization(), 0),
        (L.PReLU(), 0),
    ],
)
def test_layers_with_weights(layer, macs):
    model = model_of(layer)
    graph = read_keras_model(model)
    assert total_macs(graph) == macs
    assert total_params(graph) == trained(model)
    assert graph.tensor(graph.outputs[0]).shape == model.output_shape[1:]


@pytest.mark.parametrize(
    ("layer", "kind"),
    [
        (L.ReLU(), "relu"),
        (L.ReLU(6.0), "relu6"),
        (L.ReLU(1.0), "clipped_relu"),
        (L.LeakyReLU(), "leaky_relu"),
        (L.ELU(), "elu"),
        (L.Softmax(), "softmax"),
        (L.Activation("silu"), "swish"),
        (L.Activation("hard_silu"), "hard_swish"),
        (L.Activation("hard_sigmoid"), "hard_sigmoid"),
        (L.Activation("gelu"), "gelu"),
        (L.Activation("relu6"), "relu6"),
        (L.MaxPooling2D(2), "max_pool"),
        (L.AveragePooling2D(3, 2, padding="same"), "average_pool"),
        (L.GlobalAveragePooling2D(), "global_average_pool"),
        (L.GlobalAveragePooling2D(keepdims=True), "global_average_pool"),
        (L.GlobalMaxPooling2D(), "global_max_pool"),
        (L.ZeroPadding2D(((1, 2), (3, 4))), "pad"),
        (L.Cropping2D(1), "crop"),
        (L.Reshape((120, 6)), "reshape"),
        (L.Flatten(), "reshape"),
        (L.Permute((2, 1, 3)), "transpose"),
        (L.UpSampling2D(2), "resize"),
        (L.Rescaling(1 / 255), "scale"),
    ],
)
def test_layers_without_weights(layer, kind):
    model = model_of(L.Conv2D(6, 1), layer)
    graph = read_keras_model(model)
    last = graph.operations[-1]
    assert kind in (last.kind, last.function)
    assert graph.tensor(graph.outputs[0]).shape == model.output_shape[1:]
    assert len(graph.operations) == 2


@pytest.mark.parametrize(
    "layer", [L.Dropout(0.5), L.SpatialDropout2D(0.5), L.GaussianNoise(0.1), L.Activation("linear")]
)
def test_what_does_nothing_at_inference_is_no_operation(layer):
    graph = read_keras_model(model_of(L.Conv2D(6, 1, name="conv"), layer, L.ReLU(name="relu")))
    assert [op.name for op in graph.operations] == ["conv", "relu"]


def test_squeeze_and_excitation_and_a_residual():
    x = inputs = keras.Input((8, 8, 6), name="image")
    x = L.Conv2D(6, 3, padding="same", activation="relu", name="conv")(x)
    gate = L.GlobalAveragePooling2D(keepdims=True, name="pool")(x)
    gate = L.Conv2D(6, 1, activation="sigmoid", name="gate")(gate)
    x = L.Multiply(name="scale")([x, gate])
    x = L.Add(name="sum")([inputs, x])
    graph = read_keras_model(keras.Model(inputs, L.Concatenate(name="both")([x, inputs])))
    assert [op.name for op in graph.operations] == [
        "conv",
        "conv/relu",
        "pool",
        "gate",
        "gate/sigmoid",
        "scale",
        "sum",
        "both",
    ]
    assert [op.layer for op in graph.operations[:2]] == ["conv", "conv"]
    by_name = {op.name: op for op in graph.operations}
    assert by_name["scale"].inputs == ("conv/relu", "gate/sigmoid")
    assert by_name["both"].inputs == ("sum", "image")
    assert graph.tensor("both").shape == (8, 8, 12)


def test_operators_on_tensors():
    inputs = keras.Input((8, 8, 6), name="image")
    x = L.Conv2D(6, 3, padding="same")(inputs)
    x = L.ReLU(6.0)(x + 3.0) * (1.0 / 6.0)
    graph = read_keras_model(keras.Model(inputs, keras.ops.sigmoid(x) * x))
    assert [op.kind for op in graph.operations] == ["conv2d", "add", "activation", "multiply", "activation", "multiply"]


def test_nested_models_are_unfolded():
    inner = keras.Sequential([L.Conv2D(4, 3, name="conv"), L.BatchNormalization(name="norm")], name="inner")
    deeper = keras.Sequential([inner, L.ReLU(name="relu")], name="deeper")
    model = keras.Sequential([keras.Input((8, 8, 3)), deeper, L.GlobalAveragePooling2D(name="pool")])
    graph = read_keras_model(model)
    assert [op.name for op in graph.operations] == ["deeper/inner/conv", "deeper/inner/norm", "deeper/relu", "pool"]
    assert total_params(graph) == trained(model)


def test_a_shared_layer_computes_twice_but_counts_its_weights_once():
    shared = L.Conv2D(6, 3, padding="same", name="shared")
    model = model_of(shared, L.ReLU(), shared)
    graph = read_keras_model(model)
    assert total_macs(graph) == 2 * 12 * 10 * 324
    assert total_params(graph) == trained(model) == 330
    assert [op.name for op in graph.operations if op.kind == "conv2d"] == ["shared", "shared_call2"]


def test_frozen_layers_count_too():
    model = model_of(L.Conv2D(6, 3), L.BatchNormalization())
    everything = trained(model)
    model.trainable = False
    assert total_params(read_keras_model(model)) == everything


def test_several_inputs_and_outputs():
    a, b = keras.Input((4, 4, 2), name="a"), keras.Input((4, 4, 2), name="b")
    x = L.Conv2D(3, 1, name="conv")(L.Subtract(name="difference")([a, b]))
    graph = read_keras_model(keras.Model([a, b], [L.ReLU(name="relu")(x), x]))
    assert graph.inputs == ("a", "b")
    assert graph.outputs == ("relu", "conv")


def test_tf_keras_models_are_read_alike():
    import tf_keras

    def build(namespace):
        layers = namespace.layers
        x = inputs = namespace.Input((16, 16, 3), name="image")
        x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name="stem")(x)
        x = layers.BatchNormalization(name="norm")(x)
        x = layers.ReLU(6.0, name="act")(x)
        y = layers.DepthwiseConv2D(3, padding="same", activation="relu", name="depthwise")(x)
        x = layers.Add(name="sum")([x, layers.SeparableConv2D(8, 3, padding="same", name="separable")(y)])
        inner = namespace.Sequential([layers.Conv2D(4, 1, name="conv"), layers.ReLU(name="relu")], name="inner")
        x = layers.GlobalAveragePooling2D(name="pool")(inner(x))
        return namespace.Model(inputs, layers.Dense(5, name="logits")(x), name="model")

    assert read_keras_model(build(tf_keras)) == read_keras_model(build(keras))


def test_reading_order_is_an_order_in_which_the_model_runs():
    model = keras.applications.MobileNetV3Small(weights=None, input_shape=(32, 32, 3), classes=4)
    calls, results = flat_calls(model)
    known = {("", id(tensor)) for tensor in model.inputs}
    for call in calls:
        assert set(call.inputs) <= known
        known.add(call.output)
    assert set(results) <= known
    assert total_params(read_keras_model(model)) == trained(model)


@keras.saving.register_keras_serializable("tests")
class Unheard(keras.layers.Layer):
    def call(self, x):
        return x + 1.0


class Subclassed(keras.Model):
    def call(self, x):
        return x


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: model_of(Unheard(name="odd one")), "layer 'odd one' of class Unheard is not supported"),
        (lambda: model_of(L.LSTM(3, name="memory"), shape=(5, 6)), "layer 'memory' of class LSTM is not supported"),
        (lambda: model_of(L.Conv2D(4, 3), shape=(None, None, 3)), "layer 'image' has the dynamic shape"),
        (
            lambda: model_of(L.GlobalAveragePooling2D(data_format="channels_first", name="pool")),
            "'pool' works on channels",
        ),
        (Subclassed, "is not a built functional or sequential model"),
        (lambda: keras.Sequential([L.Conv2D(4, 3)]), "is not a built functional or sequential model"),
    ],
)
def test_what_cannot_be_read_is_named_in_one_line(make, message):
    with pytest.raises(UserError) as error:
        read_keras_model(make())
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_layer_with_two_outputs_is_named():
    inputs = keras.Input((4, 4, 6))
    a, b = keras.ops.split(L.Conv2D(6, 1)(inputs), 2, axis=-1)
    with pytest.raises(UserError, match="2 outputs"):
        read_keras_model(keras.Model(inputs, L.Add()([a, b])))


def test_reading_changes_nothing():
    model = model_of(L.Conv2D(6, 3), L.BatchNormalization())
    before = [weight.numpy() for weight in model.weights]
    read_keras_model(model)
    assert all(np.array_equal(a, b.numpy()) for a, b in zip(before, model.weights, strict=True))
