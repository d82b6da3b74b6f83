"""Constraints that share a warm-up, runs that share baselines: what of another run's directory a run may use."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.mec.config import MecConfig
from pipelines.other_run import differing_settings, other_config
from pipelines.run_directory import RunDirectory
from splitnets_tf.errors import UserError

__all__ = ["WARM_WEIGHTS", "check_baselines", "check_warmup"]

WARM_WEIGHTS = ("search", "warmup.weights.h5")
"""Where a run directory has the state behind the warm-up."""
_OF_THE_WARMUP = (
    "smoke",
    "seed",
    "data",
    "topology",
    "space",
    "system",
    "bits",
    "times",
    "outer_search",
    "search",
    "calibration_images",
    "validation_images",
)
_OF_THE_BASELINES = ("smoke", "seed", "data", "train", "baselines")


def check_warmup(config: MecConfig, inputs: Mapping[str, str]) -> None:
    """Refuse a warm-up that is not finished, or was made with other settings.

    Args:
        config: The resolved configuration; without `warmup_run` there is nothing to check.
        inputs: Fingerprints of data, space and times, as a search records them.

    Raises:
        UserError: What does not agree is named.
    """
    if config.warmup_run is None:
        return
    path, option = Path(config.warmup_run), "--warmup-run"
    if not config.search.warmup_epochs:
        raise UserError(
            f"{option} {path}: with search.warmup_epochs at 0 there is no warm-up to take over; leave it out"
        )
    stored = other_config(path, option, "a run that has warmed up")
    _refuse_second_hand(path, option, "warmup_run", stored)
    record = RunDirectory(path).provenance()["stages"].get("search", {})
    if not path.joinpath(*WARM_WEIGHTS).is_file():
        raise UserError(f"{option} {path}: its warm-up is not finished; let that run get beyond it first")
    names = differing_settings(stored, config, _OF_THE_WARMUP, record.get("inputs", {}), inputs)
    if names:
        raise UserError(
            f"{option} {path} was warmed up with another setting of {names}; set that alike, or warm up anew"
        )


def check_baselines(config: MecConfig, names: tuple[str, ...], inputs: Mapping[str, str]) -> None:
    """Refuse baselines that are not trained, or not on these data or not for as long.

    Args:
        config: The resolved configuration; without `baselines_run` there is nothing to check.
        names: The baselines that are compared.
        inputs: Fingerprints that the training of a baseline records.

    Raises:
        UserError: What does not agree is named.
    """
    if config.baselines_run is None:
        return
    path, option = Path(config.baselines_run), "--baselines-run"
    stored = other_config(path, option, "a run with trained baselines")
    _refuse_second_hand(path, option, "baselines_run", stored)
    stages = RunDirectory(path).provenance()["stages"]
    for name in names:
        record = stages.get(name, {})
        if not record.get("done"):
            raise UserError(f"{option} {path}: its {name} is not trained; finish that run's baselines first")
        differing = differing_settings(stored, config, _OF_THE_BASELINES, record.get("inputs", {}), inputs)
        if differing:
            raise UserError(
                f"{option} {path}: its {name} was trained with another setting of {differing}; set that alike"
            )


def _refuse_second_hand(path: Path, option: str, key: str, stored: Mapping[str, Any]) -> None:
    if stored.get(key) is not None:
        raise UserError(f"{option} {path} took what is wanted from {stored[key]} itself; name that run instead")
