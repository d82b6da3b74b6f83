"""What a command line changes of a configuration: the YAML file behind `--config`, and the options."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from splitnets_tf.errors import UserError
from splitnets_tf.yaml_files import read_yaml_file

__all__ = ["option_overrides", "read_config_file"]


def read_config_file(path: Path) -> dict[str, Any]:
    """Keys of a configuration, dotted or nested.

    Raises:
        UserError: There is no such file, or it holds no mapping.
    """
    if not path.is_file():
        raise UserError(f"--config {path}: no such file")
    data = read_yaml_file(path, origin=f"--config {path}")
    if not isinstance(data, dict):
        received = "nothing" if data is None else type(data).__name__
        raise UserError(f"--config {path}: expected a mapping of keys, received {received}")
    return {str(key): value for key, value in data.items()}


def option_overrides(
    arguments: argparse.Namespace,
    file: Mapping[str, Any],
    *,
    options: Mapping[str, str],
    flags: Sequence[str],
    seeds: Sequence[str],
    batch_sizes: Sequence[str],
    folder_dataset: str | None,
) -> dict[str, Any]:
    """Dotted keys that a configuration takes from a file and from options, which overrule it.

    Args:
        arguments: The parsed command line, with `seed`, `batch_size`, `dataset` and `data_dir` besides these.
        file: Keys of the file; a `seed` there, as `--seed`, is that of every part that the file does not name.
        options: Option -> key.
        flags: Options that are true where given, and keys of the same name.
        seeds: Keys of all seeds.
        batch_sizes: Keys of all numbers of images per step.
        folder_dataset: Data set of `--data-dir` where neither file nor option names one.
    """
    overrides = dict(file)
    if "seed" in overrides:
        overrides = dict.fromkeys(seeds, overrides["seed"]) | overrides
    for option, key in options.items():
        value = getattr(arguments, option)
        if value is not None:
            overrides[key] = value
    overrides |= {flag: True for flag in flags if getattr(arguments, flag)}
    if arguments.seed is not None:
        overrides |= dict.fromkeys(seeds, arguments.seed)
    if arguments.batch_size is not None:
        overrides |= dict.fromkeys(batch_sizes, arguments.batch_size)
    if arguments.data_dir is not None:
        overrides["data.data_dir"] = str(Path(arguments.data_dir).expanduser())
        if arguments.dataset is None and "dataset" not in overrides.get("data", {}):
            overrides.setdefault("data.dataset", folder_dataset)
    return overrides
