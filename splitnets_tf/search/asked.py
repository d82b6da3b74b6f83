"""What a search was asked, as plain data: a search in a folder goes on only if it is asked the same again."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from splitnets_tf.errors import UserError
from splitnets_tf.search.problem import FeasibilityProblem
from splitnets_tf.search.settings import SearchSettings
from splitnets_tf.space import space_to_dict

__all__ = ["asked", "refuse_other"]


def asked(problem: FeasibilityProblem, settings: SearchSettings) -> dict[str, Any]:
    """Settings, constraints and space in JSON's types."""
    plain = {
        key: list(value) if isinstance(value, tuple) else value for key, value in dataclasses.asdict(settings).items()
    }
    return plain | {
        "constraints": [constraint.text for constraint in problem.constraints],
        "space": space_to_dict(problem.space),
        "fixed_split": None if problem.fixed_split is None else list(problem.fixed_split),
    }


def refuse_other(folder: str, before: Any, now: Mapping[str, Any]) -> None:
    """Compare what a folder's search was asked with what is asked now.

    Raises:
        UserError: The differing settings are named.
        ValueError: The folder's search does not say what it was asked.
    """
    if not isinstance(before, Mapping):
        raise ValueError("it does not say what was asked")
    differing = sorted(key for key in now.keys() | before.keys() if now.get(key) != before.get(key))
    if differing:
        raise UserError(
            f"{folder} holds a search with other settings ({', '.join(differing)}); "
            "repeat them, choose another folder or remove this one"
        )
