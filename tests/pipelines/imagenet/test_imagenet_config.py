"""Configuration by dotted keys."""

import pytest

from pipelines.imagenet.config import DEMO, SMOKE, with_overrides
from splitnets_tf.errors import UserError


def test_round_trip():
    for config in (DEMO, SMOKE):
        assert with_overrides(DEMO, config.to_dict()) == config


def test_dotted_and_nested_overrides_agree():
    assert with_overrides(DEMO, {"train.epochs": 2}) == with_overrides(DEMO, {"train": {"epochs": 2}})
    assert with_overrides(DEMO, {"constraints": ["latency_ms <= 1"]}).constraints == ("latency_ms <= 1",)
    assert with_overrides(DEMO, {"selection.max_latency_ms": 1}).selection.max_latency_ms == 1.0


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        ({"epochs": 1}, "epochs"),
        ({"train.epoch": 1}, "train.epoch"),
        ({"train.epochs": "many"}, "train.epochs"),
        ({"train.epochs": 0}, "epochs"),
        ({"train": 3}, "train"),
        ({"seed": True}, "seed"),
        ({"seed.x": 1}, "seed"),
        ({"data.max_images": 1.5}, "max_images"),
        ({"search.population": 1}, "population"),
    ],
)
def test_wrong_values_are_named(overrides, named):
    with pytest.raises(UserError, match=named):
        with_overrides(DEMO, overrides)
