"""Exports that several tests look at; each is made once."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def split_job(tmp_path_factory):
    """The job behind `split_export`."""
    from tiny_job import SPLIT, write_job

    return write_job(tmp_path_factory.mktemp("split"), SPLIT, epochs=2)


@pytest.fixture(scope="session")
def split_export(split_job):
    """A split network after two epochs of quantisation-aware fine-tuning."""
    from tflite_export import run_export

    return run_export(split_job)


@pytest.fixture(scope="session")
def whole_job(tmp_path_factory):
    """The job behind `whole_export`."""
    from tiny_job import GATED_SPACE, WHOLE, write_job

    return write_job(tmp_path_factory.mktemp("whole"), WHOLE, GATED_SPACE, method="ptq")


@pytest.fixture(scope="session")
def whole_export(whole_job):
    """A network in one piece with every kind of block, quantised without training."""
    from tflite_export import run_export

    return run_export(whole_job)
