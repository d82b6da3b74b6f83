"""Gradients of splitting layers over those of regular ones, on tensors whose norms are known."""

import numpy as np
import pytest

from splitnets_tf.supernet.gradient_ratio import gradient_ratios


def kernel(*values):
    """A 1x1 kernel of 3 x 4 channels with these elements and zeros."""
    elements = np.zeros(12, np.float32)
    elements[: len(values)] = values
    return elements.reshape(1, 1, 3, 4)


def test_ratios_are_those_of_the_means_over_active_kernels():
    vector = np.full(4, 100, np.float32)  # no kernel: does not count
    gradients = [kernel(3), kernel(4), kernel(1), kernel(), kernel(5), vector, vector]
    groups = ["reduce", "regular", "regular", "reduce", "recover", "reduce", "regular"]
    ratios = gradient_ratios(gradients, groups)
    assert float(ratios["gradient_ratio"]) == pytest.approx(4 / 2.5)
    assert float(ratios["gradient_ratio_reduce"]) == pytest.approx(3 / 2.5)  # the inactive kernel does not count either
    assert float(ratios["gradient_ratio_recover"]) == pytest.approx(5 / 2.5)


def test_root_mean_square_is_over_the_elements_in_use():
    ratios = gradient_ratios([kernel(2, 2, 2, 2), kernel(3), kernel(1)], ["reduce", "recover", "regular"])
    assert float(ratios["gradient_ratio_reduce"]) == pytest.approx(4)
    assert float(ratios["gradient_rms_ratio_reduce"]) == pytest.approx(2)
    assert float(ratios["gradient_rms_ratio_recover"]) == pytest.approx(3)


def test_without_a_split_the_ratios_are_zero():
    ratios = gradient_ratios([kernel(1), kernel()], ["regular", "reduce"])
    assert {float(ratio) for ratio in ratios.values()} == {0.0}
