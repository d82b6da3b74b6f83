"""The split-aware initialiser and the conventional ones that it is compared with.

Source: SplitNets, section 3.1.3 and Table 3.
"""

import math

import keras

__all__ = ["SplitAwareInitializer", "split_aware_variance"]


def split_aware_variance(kernel_size: int, in_channels: int, out_channels: int) -> float:
    """Variance 2 / (k^2 sqrt(c_in c_out)): the geometric mean of Kaiming's fan-in and fan-out (Table 3)."""
    return 2.0 / (kernel_size**2 * math.sqrt(in_channels * out_channels))


@keras.saving.register_keras_serializable(package="splitnets_tf")
class SplitAwareInitializer(keras.initializers.Initializer):
    """Zero-mean normal with variance 2 / (k^2 sqrt(c_in c_out)).

    Conv-Reduce and Conv-Recover have very different numbers of input and output channels, so that neither fan-in nor
    fan-out keeps both the activations and the gradients in range; their geometric mean is the compromise.

    Args:
        seed: Integer seed or `keras.random.SeedGenerator`.

    Reference:
        SplitNets, section 3.1.3, Table 3.
    """

    def __init__(self, seed: int | None = None) -> None:
        self.seed = seed

    def __call__(self, shape, dtype=None):
        """Draw a kernel of shape `[k, k, c_in, c_out]`."""
        if len(shape) != 4 or shape[0] != shape[1]:
            raise ValueError(f"expected a square convolution kernel [k, k, c_in, c_out], received shape {tuple(shape)}")
        stddev = math.sqrt(split_aware_variance(shape[0], shape[2], shape[3]))
        return keras.random.normal(shape, stddev=stddev, dtype=dtype, seed=self.seed)

    def get_config(self) -> dict:
        """Arguments of the constructor."""
        return {"seed": self.seed}
