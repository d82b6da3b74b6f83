"""The split-aware initialiser: SplitNets, section 3.1.3 and Table 3."""

import math

import keras
import numpy as np
import pytest

from splitnets_tf.layers import SplitAwareInitializer, split_aware_variance


@pytest.mark.parametrize(("kernel", "c_in", "c_out"), [(1, 128, 6), (3, 6, 128), (3, 64, 64)])
def test_variance_is_the_geometric_mean_of_fan_in_and_fan_out(kernel, c_in, c_out):
    fan_in, fan_out = 2 / (kernel**2 * c_in), 2 / (kernel**2 * c_out)
    assert split_aware_variance(kernel, c_in, c_out) == pytest.approx(math.sqrt(fan_in * fan_out))


def test_drawn_kernel_has_that_variance():
    kernel = np.asarray(SplitAwareInitializer(seed=1)((3, 3, 200, 50)))
    assert np.mean(kernel) == pytest.approx(0, abs=5e-3)
    assert np.var(kernel) == pytest.approx(split_aware_variance(3, 200, 50), rel=0.05)


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
