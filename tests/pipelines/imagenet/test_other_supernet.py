"""Which supernet of another run a search may use."""

import dataclasses
import json

import pytest
import yaml

from pipelines.imagenet.__main__ import main
from pipelines.imagenet.config import DEMO, with_overrides
from pipelines.imagenet.other_supernet import check_supernet, inherited_config
from splitnets_tf.errors import UserError

INPUTS = {"data": "d", "space": "s"}


@pytest.fixture
def trained(tmp_path):
    """The records of a trained run, without its weights."""
    config = with_overrides(DEMO, {"train.epochs": 9, "selection.min_accuracy": 0.5, "constraints": ["macs <= 1e7"]})
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config.to_dict()))
    stages = {"train": {"inputs": INPUTS, "done": True}}
    (tmp_path / "provenance.json").write_text(json.dumps({"stages": stages}))
    return tmp_path


def searching(run, **overrides):
    return with_overrides(DEMO, inherited_config(run) | {"supernet_run": str(run)} | overrides)


def test_everything_but_the_selection_is_taken_over(trained):
    config = searching(trained)
    assert config.train.epochs == 9 and config.constraints == ("macs <= 1e7",)
    assert config.selection == DEMO.selection
    check_supernet(config, INPUTS)


def test_search_and_system_may_differ(trained):
    changed = {"system": "hmd", "search.population": 7, "constraints": [], "selection.picks": [1]}
    check_supernet(searching(trained, **changed), INPUTS)


def test_views_may_be_kept_elsewhere(trained):
    check_supernet(searching(trained, **{"data.cache_dir": "elsewhere"}), INPUTS)
    with pytest.raises(UserError, match="another setting of data;"):
        check_supernet(searching(trained, **{"data.cache_dir": "elsewhere", "data.image_size": 32}), INPUTS)


@pytest.mark.parametrize(
    ("changes", "inputs", "named"),
    [
        ({"train.epochs": 7}, INPUTS, "another setting of train;"),
        ({"space": "other"}, INPUTS, "another setting of space;"),
        ({}, INPUTS | {"data": "other"}, "another setting of data;"),
    ],
)
def test_what_the_supernet_was_not_trained_for_is_named(trained, changes, inputs, named):
    with pytest.raises(UserError, match=named):
        check_supernet(searching(trained, **changes), inputs)


def test_a_run_without_a_trained_supernet_of_its_own_is_refused(trained, tmp_path):
    with pytest.raises(UserError, match="no run is there"):
        inherited_config(tmp_path / "none")
    config = searching(trained)
    record = {"stages": {"train": {"inputs": INPUTS, "done": False}}}
    (trained / "provenance.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match="not trained yet") as refused:
        check_supernet(config, INPUTS)
    assert "--supernet" not in str(refused.value), "other commands name that run by --run"
    (trained / "config.yaml").write_text(yaml.safe_dump(config.to_dict()))
    with pytest.raises(UserError, match="took its own supernet from"):
        check_supernet(config, INPUTS)


def test_a_run_of_an_earlier_version_lacks_what_was_added_since(trained):
    stored = yaml.safe_load((trained / "config.yaml").read_text())
    del stored["train"]["rand_augment"]
    (trained / "config.yaml").write_text(yaml.safe_dump(stored))
    check_supernet(searching(trained), INPUTS)
    with pytest.raises(UserError, match="another setting of train"):
        check_supernet(searching(trained, **{"train.epochs": 5}), INPUTS)


def test_another_seed_searches_the_same_supernet(trained, tmp_path, monkeypatch):
    """--seed leaves what training and data have settled; a run that trains takes it for everything."""
    resolved = []

    def keep(config, output_dir, **options):
        resolved.append(config)
        check_supernet(config, INPUTS)
        raise UserError("far enough")

    monkeypatch.setattr("pipelines.imagenet.context.open_context", keep)
    for options in (["--supernet", str(trained)], []):
        with pytest.raises(UserError, match="far enough"):
            main([*options, "search", "--seed", "7", "--output-dir", str(tmp_path / "new")])
    searching_only, whole = resolved
    assert searching_only.search.seed == searching_only.fine_tune.seed == 7
    assert searching_only.seed == searching_only.train.seed == 0
    assert whole.seed == whole.train.seed == whole.search.seed == 7


def test_a_run_that_trains_needs_no_other(tmp_path):
    check_supernet(dataclasses.replace(DEMO, supernet_run=None), {})
