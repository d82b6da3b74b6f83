"""The YAML file behind `--config`."""

from pathlib import Path
from typing import Any

import yaml

from splitnets_tf.errors import UserError

__all__ = ["read_config_file"]


def read_config_file(path: Path) -> dict[str, Any]:
    """Keys of a configuration, dotted or nested.

    Raises:
        UserError: There is no such file, or it holds no mapping.
    """
    if not path.is_file():
        raise UserError(f"--config {path}: no such file")
    try:
        data = yaml.safe_load(path.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"--config {path}: not valid YAML: {error}") from error
    if not isinstance(data, dict):
        received = "nothing" if data is None else type(data).__name__
        raise UserError(f"--config {path}: expected a mapping of keys, received {received}")
    return {str(key): value for key, value in data.items()}
