"""Fixtures that several folders share."""

import os

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "agg")


@pytest.fixture(scope="session")
def tiny_space():
    """Two stages, two phases, 16 or 24 pixels: small enough to trace in a second."""
    from splitnets_tf.space import space_from_dict

    return space_from_dict(
        {
            "name": "tiny",
            "resolutions": [16, 24],
            "stem_widths": [8, 12],
            "stages": [
                {"name": "a", "widths": [8, 12], "depths": [1, 2], "kernels": [3], "expansions": [1], "stride": 1},
                {
                    "name": "b",
                    "widths": [8, 16],
                    "depths": [1, 2, 3],
                    "kernels": [3, 5],
                    "expansions": [2, 3],
                    "stride": 2,
                },
                {"name": "c", "widths": [16], "depths": [1, 2], "kernels": [3], "expansions": [2], "stride": 2},
            ],
            "head_widths": [16, 24],
            "split_widths": [2, 4],
            "split_kernel": 3,
        }
    )
