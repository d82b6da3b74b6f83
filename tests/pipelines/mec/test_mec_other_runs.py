"""Which warm-up and which baselines of another run a run may use."""

import dataclasses
import json

import pytest
import yaml

from pipelines.imagenet.config import with_overrides
from pipelines.mec.config import DEMO
from pipelines.mec.other_runs import WARM_WEIGHTS, check_baselines, check_warmup
from splitnets_tf.errors import UserError

SEARCHED = {"data": "d", "space": "s", "times": "t"}
TRAINED = {"data": "d", "resolution": "64", "epochs": "12"}
NAMES = DEMO.baselines.names


@pytest.fixture
def other(tmp_path):
    """The records of a run behind its warm-up, with trained baselines."""
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(dataclasses.replace(DEMO, latency_ms=2.5).to_dict()))
    stages = {name: {"inputs": TRAINED, "done": True} for name in NAMES}
    stages["search"] = {"inputs": SEARCHED, "done": False}
    (tmp_path / "provenance.json").write_text(json.dumps({"stages": stages}))
    path = tmp_path.joinpath(*WARM_WEIGHTS)
    path.parent.mkdir()
    path.touch()
    return tmp_path


def taking(other, **overrides):
    return with_overrides(DEMO, {"warmup_run": str(other), "baselines_run": str(other)} | overrides)


def check(config, searched=SEARCHED, trained=TRAINED):
    check_warmup(config, searched)
    check_baselines(config, NAMES, trained)


def test_another_constraint_takes_over_warm_up_and_baselines(other):
    check(taking(other, latency_ms=3.0))
    check(DEMO, {}, {})


def test_a_mesh_takes_over_the_baselines_of_a_chain_but_not_its_warm_up(other):
    config = taking(other, topology="mesh")
    check_baselines(config, NAMES, TRAINED)
    with pytest.raises(UserError, match="warmed up with another setting of topology;"):
        check_warmup(config, SEARCHED)


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        ({"search.batch_size": 32}, "warmed up with another setting of search;"),
        ({"bits": 4}, "warmed up with another setting of bits;"),
        ({"train.learning_rate": 0.05}, "mobilenet_v1 was trained with another setting of train;"),
        ({"baselines.v2_width": 0.5}, "another setting of baselines;"),
        ({"seed": 3}, "another setting of seed;"),
    ],
)
def test_another_setting_is_named(other, overrides, named):
    with pytest.raises(UserError, match=named):
        check(taking(other, **overrides))


def test_other_data_times_and_epochs_are_named(other):
    with pytest.raises(UserError, match="another setting of data, times;"):
        check(taking(other), searched=SEARCHED | {"data": "x", "times": "x"})
    with pytest.raises(UserError, match="another setting of epochs;"):
        check(taking(other), trained=TRAINED | {"epochs": "13"})


def test_what_is_not_there_is_refused(other, tmp_path):
    with pytest.raises(UserError, match="no run is there"):
        check_warmup(taking(tmp_path / "none"), SEARCHED)
    other.joinpath(*WARM_WEIGHTS).unlink()
    with pytest.raises(UserError, match="its warm-up is not finished"):
        check_warmup(taking(other), SEARCHED)
    (other / "provenance.json").write_text(json.dumps({"stages": {}}))
    with pytest.raises(UserError, match="its mobilenet_v1 is not trained"):
        check_baselines(taking(other), NAMES, TRAINED)


def test_what_that_run_took_over_itself_is_refused(other):
    (other / "config.yaml").write_text(yaml.safe_dump(taking("elsewhere").to_dict()))
    with pytest.raises(UserError, match="from elsewhere itself"):
        check_warmup(taking(other), SEARCHED)
    with pytest.raises(UserError, match="from elsewhere itself"):
        check_baselines(taking(other), NAMES, TRAINED)


def test_a_setting_that_an_earlier_version_lacked_had_its_default(other):
    stored = yaml.safe_load((other / "config.yaml").read_text())
    del stored["search"]["unbiased"], stored["bits"]
    (other / "config.yaml").write_text(yaml.safe_dump(stored))
    check(taking(other))
    with pytest.raises(UserError, match="another setting of search;"):
        check(taking(other, **{"search.unbiased": True}))


def test_without_a_warm_up_there_is_none_to_take_over(other):
    with pytest.raises(UserError, match="leave it out"):
        check(taking(other, **{"search.warmup_epochs": 0}))
