"""The split-aware initialiser and the conventional ones that it is compared with.

Source: SplitNets, section 3.1.3 and Table 3.
"""

import math

import keras

__all__ = ["INITIALIZATIONS", "ConvInitializer", "SplitAwareInitializer", "initial_variance", "split_aware_variance"]

INITIALIZATIONS = ("split_aware", "fan_in", "fan_out", "xavier")
"""The rows of Table 3: ours, both modes of Kaiming's, and Xavier's."""


def initial_variance(method: str, kernel_size: int, in_channels: int, out_channels: int) -> float:
    """Variance 2 / (k^2 c) of a convolution's first weights (Table 3).

    Args:
        method: One of `INITIALIZATIONS`; c is c_in (`fan_in`), c_out (`fan_out`), their arithmetic mean (`xavier`) or
            their geometric mean (`split_aware`).
        kernel_size: Side of the kernel.
        in_channels: c_in.
        out_channels: c_out.

    Raises:
        ValueError: There is no such method.
    """
    channels = {
        "split_aware": math.sqrt(in_channels * out_channels),
        "fan_in": in_channels,
        "fan_out": out_channels,
        "xavier": (in_channels + out_channels) / 2,
    }
    if method not in channels:
        raise ValueError(f"expected one of {INITIALIZATIONS}, received {method!r}")
    return 2.0 / (kernel_size**2 * channels[method])


def split_aware_variance(kernel_size: int, in_channels: int, out_channels: int) -> float:
    """Variance 2 / (k^2 sqrt(c_in c_out)): the geometric mean of Kaiming's fan-in and fan-out (Table 3)."""
    return initial_variance("split_aware", kernel_size, in_channels, out_channels)


@keras.saving.register_keras_serializable(package="splitnets_tf")
class ConvInitializer(keras.initializers.Initializer):
    """Zero-mean normal with the variance of a row of Table 3.

    All methods draw the same numbers from the same state of the random generator and differ in their scale only, so
    that networks with differing methods can be compared in pairs.

    Args:
        method: One of `INITIALIZATIONS`.
        seed: Integer seed or `keras.random.SeedGenerator`.

    Reference:
        SplitNets, section 3.1.3, Table 3.
    """

    def __init__(self, method: str, seed: int | None = None) -> None:
        initial_variance(method, 1, 1, 1)
        self.method = method
        self.seed = seed

    def __call__(self, shape, dtype=None):
        """Draw a kernel of shape `[k, k, c_in, c_out]`."""
        if len(shape) != 4 or shape[0] != shape[1]:
            raise ValueError(f"expected a square convolution kernel [k, k, c_in, c_out], received shape {tuple(shape)}")
        stddev = math.sqrt(initial_variance(self.method, shape[0], shape[2], shape[3]))
        return keras.random.normal(shape, stddev=stddev, dtype=dtype, seed=self.seed)

    def get_config(self) -> dict:
        """Arguments of the constructor."""
        return {"method": self.method, "seed": self.seed}


@keras.saving.register_keras_serializable(package="splitnets_tf")
class SplitAwareInitializer(ConvInitializer):
    """Zero-mean normal with variance 2 / (k^2 sqrt(c_in c_out)).

    Conv-Reduce and Conv-Recover have very different numbers of input and output channels, so that neither fan-in nor
    fan-out keeps both the activations and the gradients in range; their geometric mean is the compromise.

    Args:
        seed: Integer seed or `keras.random.SeedGenerator`.

    Reference:
        SplitNets, section 3.1.3, Table 3.
    """

    def __init__(self, seed: int | None = None) -> None:
        super().__init__("split_aware", seed)

    def get_config(self) -> dict:
        """Arguments of the constructor."""
        return {"seed": self.seed}
