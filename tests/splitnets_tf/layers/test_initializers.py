"""The split-aware initialiser: SplitNets, section 3.1.3 and Table 3."""

import math

import keras
import numpy as np
import pytest

from splitnets_tf.layers import INITIALIZATIONS, ConvInitializer, SplitAwareInitializer, split_aware_variance


@pytest.mark.parametrize(("kernel", "c_in", "c_out"), [(1, 128, 6), (3, 6, 128), (3, 64, 64)])
def test_variance_is_the_geometric_mean_of_fan_in_and_fan_out(kernel, c_in, c_out):
    fan_in, fan_out = 2 / (kernel**2 * c_in), 2 / (kernel**2 * c_out)
    assert split_aware_variance(kernel, c_in, c_out) == pytest.approx(math.sqrt(fan_in * fan_out))


def test_drawn_kernel_has_that_variance():
    kernel = np.asarray(SplitAwareInitializer(seed=1)((3, 3, 200, 50)))
    assert np.mean(kernel) == pytest.approx(0, abs=5e-3)
    assert np.var(kernel) == pytest.approx(split_aware_variance(3, 200, 50), rel=0.05)


@pytest.mark.parametrize(
    ("method", "variance"),
    [("fan_in", 2 / (9 * 200)), ("fan_out", 2 / (9 * 50)), ("xavier", 2 / (9 * 125)), ("split_aware", 2 / (9 * 100))],
)
def test_each_row_of_table_3(method, variance):
    kernel = np.asarray(ConvInitializer(method, seed=1)((3, 3, 200, 50)))
    assert np.var(kernel) == pytest.approx(variance, rel=0.05)
    copy = keras.initializers.get(keras.saving.serialize_keras_object(ConvInitializer(method, seed=1)))
    np.testing.assert_array_equal(copy((3, 3, 200, 50)), kernel)


def test_methods_differ_in_scale_only():
    kernels = {}
    for method in INITIALIZATIONS:
        keras.utils.set_random_seed(5)
        kernels[method] = np.asarray(ConvInitializer(method)((1, 1, 40, 4)))
    ours = kernels["split_aware"]
    np.testing.assert_allclose(kernels["fan_in"], ours * 10**-0.25, rtol=1e-5)
    np.testing.assert_allclose(kernels["fan_out"], ours * 10**0.25, rtol=1e-5)


def test_unknown_method_is_refused():
    with pytest.raises(ValueError, match=r"split_aware.*received 'he'"):
        ConvInitializer("he")


def test_forward_and_backward_errors_balance():
    """Relu-less: forward gain c_in var k^2 and backward gain c_out var k^2 are reciprocal around 2."""
    c_in, c_out = 128, 8
    variance = split_aware_variance(1, c_in, c_out)
    assert (c_in * variance) * (c_out * variance) == pytest.approx(4.0)


def test_round_trip_and_wrong_shape():
    initializer = keras.initializers.get(keras.saving.serialize_keras_object(SplitAwareInitializer(seed=3)))
    assert isinstance(initializer, SplitAwareInitializer)
    with pytest.raises(ValueError, match="square convolution kernel"):
        initializer((3, 4))
