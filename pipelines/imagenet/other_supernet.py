"""Searching again without training: a run that takes its trained supernet from another run's directory."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.imagenet.config import ImagenetConfig
from pipelines.other_run import differing_settings, other_config
from pipelines.run_directory import RunDirectory
from splitnets_tf.errors import UserError

__all__ = ["check_supernet", "inherited_config"]

_OF_THE_SUPERNET = ("smoke", "data", "space", "train", "supernet", "sandwich", "distill")
"""Settings that the trained supernet has settled."""


def _stored(path: Path, option: str = "--supernet") -> dict[str, Any]:
    return other_config(path, option, "a trained run")


def inherited_config(path: Path, *, option: str = "--supernet") -> dict[str, Any]:
    """What a new run takes over from the one whose supernet it uses: everything but what was chosen there.

    Args:
        path: The run with the supernet.
        option: What names it on the command line.

    Raises:
        UserError: There is no run.
    """
    stored = _stored(path, option)
    return {key: value for key, value in stored.items() if key not in ("selection", "full", "supernet_run")}


def check_supernet(config: ImagenetConfig, inputs: Mapping[str, str]) -> None:
    """Refuse a supernet that is not trained, or not on these data, this space and these settings.

    Args:
        config: The resolved configuration; without `supernet_run` there is nothing to check.
        inputs: Fingerprints of data and space, as a training stage records them.

    Raises:
        UserError: What does not agree is named.
    """
    if config.supernet_run is None:
        return
    path = Path(config.supernet_run)
    stored, record = _stored(path), RunDirectory(path).provenance()["stages"].get("train", {})
    if stored.get("supernet_run") is not None:
        raise UserError(f"{path} took its own supernet from {stored['supernet_run']}; name that run instead")
    if not record.get("done"):
        raise UserError(f"{path}: its supernet is not trained yet; finish that run's training first")
    names = differing_settings(stored, config, _OF_THE_SUPERNET, record.get("inputs", {}), inputs)
    if names:
        raise UserError(
            f"{path}: its supernet was trained with another setting of {names}; a search takes that over, so leave it "
            "out"
        )
