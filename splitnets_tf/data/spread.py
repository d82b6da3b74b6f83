"""An order in which every beginning of a data set stands for all of it."""

import numpy as np
import numpy.typing as npt

__all__ = ["spread_order"]


def spread_order(count: int) -> npt.NDArray[np.intp]:
    """An order of rows of which every beginning is spread evenly over all rows.

    Row i comes at the place of the fractional part of i times the golden ratio (a Kronecker sequence).

    Returns:
        int `[count]`, a permutation.
    """
    return np.argsort(np.modf(np.arange(count) * (np.sqrt(5) + 1) / 2)[0], kind="stable")
