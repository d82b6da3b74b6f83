"""YAML from users and from the package: one reading, and one way to name a preset or a file."""

import difflib
from collections.abc import Sequence
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml

from splitnets_tf.errors import UserError

__all__ = ["preset_names", "read_preset_or_file", "read_yaml_file", "yaml_data"]


class _DoubleKey(yaml.YAMLError):
    """A mapping gives a key twice."""


def yaml_data(text: str, *, origin: str) -> Any:
    """Plain data of a YAML document.

    Args:
        text: The document.
        origin: Where it comes from, for messages.

    Raises:
        UserError: The text is no YAML, asks for Python objects, gives a key twice, is nested without end, or has a
            value that is not what its form says, such as a date in a thirteenth month.
    """
    try:
        _refuse_duplicate_keys(yaml.compose(text, Loader=yaml.SafeLoader), set())
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        text = " ".join(str(error).split()).replace('in "<unicode string>", ', "in ")
        raise UserError(f"{origin}: is not valid YAML: {text}") from error
    except RecursionError as error:
        raise UserError(f"{origin}: is nested too deeply; give a plain YAML file") from error
    except (ValueError, ArithmeticError, LookupError, AttributeError) as error:
        # What PyYAML makes of a value's form (a date, a number, a tag) fails with whatever Python's own types raise.
        raise UserError(
            f"{origin}: has a value that is not the date, number or character that its form says ({error}); write text "
            "in quotes"
        ) from error


def read_yaml_file(path: Path, *, origin: str | None = None) -> Any:
    """Plain data of a YAML file that is there.

    Args:
        path: The file.
        origin: What messages call it; None for the path.

    Raises:
        UserError: As `yaml_data`, or the file cannot be read as text.
    """
    origin = origin or str(path)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{origin}: cannot be read as text ({error}); give a YAML file") from error
    return yaml_data(text, origin=origin)


def preset_names(folder: Traversable) -> tuple[str, ...]:
    """Names of the YAML files of a folder of the package, in alphabetical order."""
    return tuple(sorted(entry.name[: -len(".yaml")] for entry in folder.iterdir() if entry.name.endswith(".yaml")))


def read_preset_or_file(
    name_or_path: str, *, kind: str, folder: Traversable, presets: Sequence[str]
) -> tuple[Any, str]:
    """Plain data of a preset by its name, or of a YAML file by its path, and what messages call it.

    Args:
        name_or_path: What the user gave.
        kind: What it describes, such as `system`, for messages.
        folder: Where the presets are.
        presets: Their names.

    Raises:
        UserError: There is no such preset or file (the nearest name is proposed), or as `yaml_data`.
    """
    if name_or_path in presets:
        origin = f"preset {name_or_path}"
        return yaml_data((folder / f"{name_or_path}.yaml").read_text("utf-8"), origin=origin), origin
    path = Path(name_or_path)
    if not path.is_file():
        near = difflib.get_close_matches(name_or_path, presets, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UserError(f"{kind} {name_or_path!r} is neither a file nor a preset; {hint}presets: {', '.join(presets)}")
    return read_yaml_file(path), str(path)


def _refuse_duplicate_keys(node: yaml.Node | None, seen_nodes: set[int]) -> None:
    # YAML itself silently keeps the last of two equal keys. A node that aliases repeat is looked at once.
    if node is None or id(node) in seen_nodes:
        return
    seen_nodes.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_duplicate_keys(item, seen_nodes)
    if not isinstance(node, yaml.MappingNode):
        return
    keys: set[str] = set()
    for key, value in node.value:
        if isinstance(key, yaml.ScalarNode):
            if key.value in keys:
                raise _DoubleKey(f"key {key.value!r} is given twice, in line {key.start_mark.line + 1} again")
            keys.add(key.value)
        _refuse_duplicate_keys(value, seen_nodes)
