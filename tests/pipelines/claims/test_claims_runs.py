"""The runs: each variant changes what it says and nothing else, and a killed command goes on."""

import dataclasses
import functools
import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from pipelines.reproduce import main
from pipelines.reproduction.claims import CONFIGURATIONS, STUDIES, VARIANTS, training_runs
from splitnets_tf.errors import UserError
from splitnets_tf.space import NO_SPLIT, sample, space_from_dict
from splitnets_tf.supernet import sandwich_vectors


@pytest.fixture(scope="module")
def supernet_of(tiny_settings):
    @functools.cache
    def build(name):
        return training_runs.new_supernet(tiny_settings, VARIANTS[name], 3, 3)

    return build


def kernels(supernet):
    """First kernels: (of splitting modules, of all other layers)."""
    splitting = [
        np.asarray(conv.conv.kernel) for module in supernet.splitting for conv in (module.reduce, module.recover)
    ]
    others = [supernet.stem, *supernet.blocks, supernet.head]
    return splitting, [weight for layer in others for weight in layer.get_weights()]


@pytest.mark.parametrize(
    ("name", "factor"),
    [
        ("fan_in", lambda c_in, c_out: (c_out / c_in) ** 0.25),
        ("fan_out", lambda c_in, c_out: (c_in / c_out) ** 0.25),
        ("xavier", lambda c_in, c_out: ((c_in * c_out) ** 0.5 / ((c_in + c_out) / 2)) ** 0.5),
    ],
)
def test_an_initialisation_scales_the_splitting_modules_alone(supernet_of, name, factor):
    splitting, others = kernels(supernet_of(name))
    base_splitting, base_others = kernels(supernet_of("base"))
    for kernel, base in zip(splitting, base_splitting, strict=True):
        c_in, c_out = kernel.shape[2:]
        assert c_in != c_out
        np.testing.assert_allclose(kernel, base * factor(c_in, c_out), rtol=1e-5)
    for weight, base in zip(others, base_others, strict=True):
        np.testing.assert_array_equal(weight, base)


def test_separate_weights_start_as_the_shared_ones(supernet_of):
    """Both sides: before the first step the two kinds of supernet are the same function."""
    separate, shared = supernet_of("separate_weights"), supernet_of("base")
    assert separate.count_params() > shared.count_params() == supernet_of("fan_in").count_params()
    images = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype(np.uint8)
    rng = np.random.default_rng(1)
    for architecture in (shared.space.largest(), *(sample(shared.space, rng) for _ in range(3))):
        inputs = (images, shared.space.encode(architecture))
        np.testing.assert_allclose(separate(inputs, training=True), shared(inputs, training=True), atol=1e-5)


def test_only_distillation_changes_what_the_smaller_networks_learn_from(supernet_of, tiny_settings):
    space = space_from_dict(tiny_settings.space)
    vectors = tf.constant(sandwich_vectors(space, VARIANTS["base"].sandwich, seed=0, step=0))
    images = tf.constant(np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3)).astype(np.uint8))
    losses = {
        name: supernet_of(name)._sandwich(images, vectors, tf.constant([0, 1, 2, 0, 1, 2, 0, 1]), [])[1].numpy()
        for name in ("base", "hard_labels")
    }
    assert losses["base"][0] == pytest.approx(losses["hard_labels"][0])
    assert np.all(np.abs(losses["base"][1:] - losses["hard_labels"][1:]) > 1e-3)


def test_samplings_differ_in_networks_with_several_splits_only(tiny_settings):
    space = space_from_dict(tiny_settings.space)

    def most_splits(name):
        vectors = [sandwich_vectors(space, VARIANTS[name].sandwich, seed=0, step=step) for step in range(20)]
        return {len(each) for each in vectors}, max(
            np.count_nonzero(np.stack(vectors)[:, :, len(space.genes) :: 2] != NO_SPLIT, axis=-1).ravel()
        )

    assert most_splits("base") == most_splits("hard_labels") == ({5}, 2)
    assert most_splits("single_split") == most_splits("single_split_hard_labels") == ({5}, 1)


def test_every_study_begins_with_the_papers_recipe():
    assert all(study.variants[0] == "base" and set(study.variants) <= set(VARIANTS) for study in STUDIES.values())
    assert {name for study in STUDIES.values() for name in study.variants} == set(VARIANTS)
    for settings in CONFIGURATIONS.values():
        space = space_from_dict(settings.space)
        probes = training_runs.probe_networks(space, settings)
        assert probes["largest"].split is None
        assert all(len(network.splits) == 1 for name, network in probes.items() if name != "largest")
        assert len(set(probes.values())) == 2 + settings.split_networks


class Killed(BaseException):
    """Stands for a signal."""


def read(path):
    return json.loads(path.read_text("utf-8"))


def test_a_killed_command_goes_on_and_shares_its_runs(tiny_claims, monkeypatch, tmp_path, capsys):
    arguments = ["--configuration", "tiny", "--output-dir", str(tmp_path / "runs")]
    monkeypatch.setattr("pipelines.reproduce._CONFIGURATIONS", ("tiny",))
    monkeypatch.setitem(STUDIES, "sharing", dataclasses.replace(STUDIES["sharing"], variants=("base",)))
    seen = []
    stepping = training_runs.StepHistory.on_train_batch_end

    def killed_at_the_third_step(self, batch, logs=None):
        seen.append(batch)
        if len(seen) == 3:
            raise Killed
        stepping(self, batch, logs)

    monkeypatch.setattr(training_runs.StepHistory, "on_train_batch_end", killed_at_the_third_step)
    home = tmp_path / "runs" / "runs" / "base-0"
    with pytest.raises(Killed):
        main(["sharing", *arguments])
    assert not (home / "result.json").exists()
    first_epoch = read(home / "history.json")
    assert main(["sharing", *arguments]) == 0
    assert len(seen) == 3 + 2  # the first epoch was not trained again
    result = read(home / "result.json")
    assert len(result["history"]["loss"]) == 4
    assert {name: values[:2] for name, values in result["history"].items()} == first_epoch
    assert not (home / "checkpoints").exists()

    monkeypatch.setattr(training_runs, "train_and_evaluate", None)  # whatever trains now fails
    monkeypatch.setitem(STUDIES, "sampling", STUDIES["sharing"])
    assert main(["sampling", *arguments]) == 0
    record = read(tmp_path / "runs" / "sampling.json")
    assert record["configuration"]["train"]["epochs"] == 2
    assert record["split"] == "validation"
    assert record["variants"]["base"]["accuracy"]["largest"]["mean"]["value"] == pytest.approx(
        result["networks"]["largest"]["accuracy"]
    )
    assert (tmp_path / "runs" / "sampling.png").read_bytes().startswith(b"\x89PNG")
    assert "epochs: 2" in capsys.readouterr().out

    tiny_claims(split_networks=3)
    with pytest.raises(UserError, match=r"split_networks \(run: 2, now: 3\)"):
        main(["sampling", *arguments])
    tiny_claims(fingerprint="others")
    with pytest.raises(UserError, match="data changed"):
        main(["sampling", *arguments])


def test_a_history_that_lags_behind_its_checkpoint_is_refused(tmp_path):
    history = training_runs.StepHistory(tmp_path / "history.json")
    history.set_params({"steps": 2})
    (tmp_path / "history.json").write_text('{"loss": [1.0, 2.0]}', "utf-8")
    history.on_epoch_begin(1)
    history.on_train_batch_end(0, {"loss": float("nan")})
    history.on_epoch_end(1)
    assert history.read() == {"loss": [1.0, 2.0, None]}
    late = training_runs.StepHistory(tmp_path / "history.json")
    late.set_params({"steps": 2})
    with pytest.raises(UserError, match="lacks steps"):
        late.on_epoch_begin(2)


def test_foreign_directory_is_refused_before_tensorflow_is_imported(tmp_path):
    (tmp_path / "letter.txt").write_text("mine", "utf-8")
    code = (
        "import sys; from pipelines.reproduce import main; from pipelines.cli import run_command\n"
        f"code = run_command(main, ['initialization', '--output-dir', {str(tmp_path)!r}])\n"
        "sys.exit(code if 'tensorflow' not in sys.modules else 3)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "holds files that are not a run" in done.stderr
