"""Reading of JSON whose form is not trusted: every complaint names the file and the key."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from splitnets_tf.errors import UserError

__all__ = ["Node", "read_node"]


class Node:
    """A value inside a JSON file that knows where it stands.

    Args:
        value: The value as `json.loads` gives it.
        source: Name of the file, for messages.
        path: Keys that lead to the value, such as `baselines[0].latency_ms`; empty for the whole file.
    """

    def __init__(self, value: Any, *, source: str, path: str = "") -> None:
        self.value = value
        self.source = source
        self.path = path

    def __getitem__(self, key: str) -> "Node":
        """The value of a key that must be there.

        Raises:
            UserError: This is no object, or it lacks the key.
        """
        found = self.get(key)
        if found is None:
            where = f"{self.path}.{key}" if self.path else key
            raise UserError(
                f"{self.source}: the key {where!r} is missing or null; repeat the stage that writes this file"
            )
        return found

    def get(self, key: str) -> "Node | None":
        """The value of a key, or None where it is absent or null.

        Raises:
            UserError: This is no object.
        """
        if not isinstance(self.value, dict):
            raise self._error("an object")
        value = self.value.get(key)
        return None if value is None else self._child(value, f".{key}" if self.path else key)

    def items(self) -> Iterator[tuple[str, "Node"]]:
        """Keys and values of an object, in the file's order.

        Raises:
            UserError: This is no object.
        """
        if not isinstance(self.value, dict):
            raise self._error("an object")
        for key, value in self.value.items():
            yield _printable(key), self._child(value, f".{key}" if self.path else key)

    def elements(self) -> list["Node"]:
        """The elements of a list.

        Raises:
            UserError: This is no list.
        """
        if not isinstance(self.value, list):
            raise self._error("a list")
        return [self._child(value, f"[{index}]") for index, value in enumerate(self.value)]

    def text(self) -> str:
        """The value as text, control characters replaced by spaces.

        Raises:
            UserError: It is no string.
        """
        if not isinstance(self.value, str):
            raise self._error("a string")
        return _printable(self.value)

    def number(self) -> float:
        """The value as a finite number.

        Raises:
            UserError: It is no number, or not finite.
        """
        if isinstance(self.value, bool) or not isinstance(self.value, int | float) or not math.isfinite(self.value):
            raise self._error("a finite number")
        return self.value

    def amount(self) -> float:
        """The value as a finite number of at least 0.

        Raises:
            UserError: It is no number, not finite, or negative.
        """
        value = self.number()
        if value < 0:
            raise self._error("a number of at least 0")
        return value

    def flag(self) -> bool:
        """The value as a truth value.

        Raises:
            UserError: It is neither true nor false.
        """
        if not isinstance(self.value, bool):
            raise self._error("true or false")
        return self.value

    def one_of(self, choices: tuple[str, ...]) -> str:
        """The value as one of a few words.

        Raises:
            UserError: It is another one.
        """
        if self.value not in choices:
            raise self._error(f"one of {list(choices)}")
        return str(self.value)

    def _child(self, value: Any, step: str) -> "Node":
        return Node(value, source=self.source, path=f"{self.path}{step}")

    def _error(self, expected: str) -> UserError:
        received = json.dumps(self.value)
        shown = received if len(received) <= 60 else f"{received[:57]}..."
        return UserError(
            f"{self.source}: {self.path or 'the whole file'} should be {expected}, received {shown}; "
            "repeat the stage that writes this file"
        )


def read_node(path: Path) -> Node | None:
    """Read a JSON file, or None where there is no such file.

    Raises:
        UserError: The file is not JSON.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as UTF-8 text ({error}); repeat the stage that writes it") from error
    try:
        return Node(json.loads(text), source=str(path))
    except json.JSONDecodeError as error:
        raise UserError(f"{path}: not valid JSON ({error}); repeat the stage that writes it") from error


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
