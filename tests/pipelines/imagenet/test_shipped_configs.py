"""The shipped configurations: what they resolve to, and ImageNet's by command on tiny archives."""

import dataclasses
import subprocess
import sys

import pytest
import yaml
from imagenet_archives import write_archives
from reduced_spaces import minimal_space

from pipelines.imagenet.__main__ import main
from pipelines.imagenet.config import DEMO, named_config, with_overrides
from splitnets_tf.errors import UserError
from splitnets_tf.space import space_to_dict

NAMES = ("components", "imagenet")


def resolved(name):
    return with_overrides(DEMO, yaml.safe_load(named_config(name).read_text("utf-8")))


@pytest.mark.parametrize("name", NAMES)
def test_page_says_command_time_and_result(name):
    header = [line for line in named_config(name).read_text("utf-8").splitlines() if line.startswith("#")]
    text = " ".join(line.strip("# ") for line in header)
    for words in (f"--config {name}", "Expected time", "Expected result"):
        assert words in text


def test_components_page_is_the_default():
    assert resolved("components") == DEMO


def test_imagenet_page_is_the_recipe_of_the_paper():
    config = resolved("imagenet")
    train = config.train
    assert (train.epochs, train.batch_size, train.momentum, train.weight_decay) == (360, 4096, 0.9, 1e-5)
    assert train.learning_rate == pytest.approx(0.1 * train.batch_size / 256)
    assert (train.warmup_epochs, train.gradient_clip, train.label_smoothing) == (5.0, 1.0, 0.1)
    assert dataclasses.astuple(config.supernet) == (True, 0.2, 0.2)
    assert config.sandwich.networks == 5
    assert (config.search.population, config.search.generations) == (512, 20)
    assert (config.data.dataset, config.space, config.calibration_images) == (
        "imagenet2012",
        "attentive_nas_split",
        8192,
    )


def test_imagenet_by_one_command(tmp_path):
    """Everything but the size of images, space and batch as shipped; three steps, augmented by Keras's layers."""
    write_archives(tmp_path)
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(space_to_dict(minimal_space())))
    run = tmp_path / "run"
    arguments = ["train", "--config", "imagenet", "--data-dir", tmp_path, "--output-dir", run]
    arguments += ["--image-size", 24, "--space", tmp_path / "tiny.yaml", "--batch-size", 16, "--epochs", 1]
    assert main([str(argument) for argument in arguments]) == 0
    stored = with_overrides(DEMO, yaml.safe_load((run / "config.yaml").read_text("utf-8")))
    shipped = resolved("imagenet")
    assert stored.train == dataclasses.replace(shipped.train, batch_size=16, epochs=1)
    assert (stored.supernet, stored.sandwich, stored.strategy) == (shipped.supernet, shipped.sandwich, "mirrored")
    assert stored.data.dataset == "imagenet2012"
    assert (run / "supernet" / "final.weights.h5").is_file()


def test_a_folder_without_archives_is_named(tmp_path):
    with pytest.raises(UserError, match=r"ILSVRC2012_img_train\.tar"):
        main(["train", "--config", "imagenet", "--data-dir", str(tmp_path), "--output-dir", str(tmp_path / "run")])


def test_unknown_configuration_ends_in_one_line():
    command = [sys.executable, "-m", "pipelines.imagenet", "--config", "imagnet"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "imagenet, components" in result.stderr
