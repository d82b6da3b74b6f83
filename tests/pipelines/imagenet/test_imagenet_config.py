"""Configuration by dotted keys."""

import pytest
import yaml

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
        ({"export.qat_epochs": -1}, "qat_epochs"),
        ({"export.batch_size": 0}, "batch_size"),
        ({"export.method": "int4"}, "method must be one of"),
        ({"export.bit_exact_inputs": 0}, "bit_exact_inputs"),
        ({"selection": {"rerank": "oracle"}}, "rerank"),
        ({"data.max_images": 0}, "max_images"),
        ({"calibration_images": 0}, "calibration_images"),
        ({"seed": 2**31}, "seed"),
        ({"strategy": "mirored"}, "known are single, mirrored, multi-worker, tpu"),
        ({"train.learning_rate": float("nan")}, "learning_rate"),
        ({"constraints": [3]}, "constraints"),
        ({"sandwich": {"randm": 1}}, "sandwich.randm"),
    ],
)
def test_wrong_values_are_named(overrides, named):
    with pytest.raises(UserError, match=named):
        with_overrides(DEMO, overrides)


def test_fields_of_one_record_are_checked_together():
    config = with_overrides(DEMO, {"sandwich": {"random": 0, "multi_split": 1}})
    assert config.sandwich.multi_split == 1
    assert with_overrides(DEMO, config.to_dict()) == config


def test_an_earlier_limit_is_taken_back(tmp_path):
    from pipelines.imagenet.__main__ import _APPLICATION
    from pipelines.imagenet.application import application_parser
    from pipelines.imagenet.command import _resolve

    parser, options = application_parser(_APPLICATION)

    def resolve(*arguments):
        return _resolve(_APPLICATION, parser.parse_args(["--output-dir", str(run), *arguments]), options)

    run = tmp_path / "run"
    limited = resolve("--min-accuracy", "0.1")
    assert limited.config.selection.min_accuracy == 0.1
    run.mkdir()
    (run / "config.yaml").write_text(yaml.safe_dump(limited.config.to_dict()))
    kept = resolve()
    assert kept.config.selection.min_accuracy == 0.1
    free = resolve("--min-accuracy", "none")
    assert free.config.selection.min_accuracy is None
