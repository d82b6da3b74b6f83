"""What a run may take over from another run's directory: that run exists, and made it with the same settings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.imagenet.config import with_overrides
from pipelines.run_directory import RunDirectory
from splitnets_tf.errors import UserError

__all__ = ["differing_settings", "other_config"]


def other_config(path: Path, option: str, wanted: str) -> dict[str, Any]:
    """The configuration of another run.

    Args:
        path: Its directory.
        option: The option that named it, for the message.
        wanted: What should be named instead, for the message.

    Raises:
        UserError: There is no run.
    """
    stored = RunDirectory(path).stored_config()
    if stored is None:
        raise UserError(f"{option} {path}: no run is there; name the output directory of {wanted}")
    return stored


def differing_settings(
    stored: Mapping[str, Any],
    config: Any,
    keys: tuple[str, ...],
    recorded: Mapping[str, str],
    inputs: Mapping[str, str],
) -> str:
    """Names of the settings and inputs in which another run differs, separated by commas; empty where it does not.

    Args:
        stored: Its configuration; where a run of an earlier version lacks a setting, it had the default.
        config: This run's, a dataclass of the same pipeline.
        keys: Keys of the configuration that must be equal.
        recorded: The inputs that its stage recorded.
        inputs: This run's; those of them that the stage has to have read.
    """
    settled = with_overrides(type(config)(), {key: stored[key] for key in keys if key in stored}).to_dict()
    wanted = config.to_dict()
    for settings in (settled, wanted):
        settings["data"].pop("cache_dir", None)  # where views are kept decides nothing of the outcome
    differing = [key for key in keys if settled[key] != wanted[key]]
    differing += [key for key, value in inputs.items() if recorded.get(key) != value]
    return ", ".join(dict.fromkeys(differing))
