"""One mapping of a YAML file, read strictly: each error names file, key, what was expected and what was found."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

from splitnets_tf.errors import UserError

__all__ = ["Section"]

_NUMBER = re.compile(r"[+-]?(\d[\d_]*)(\.\d*)?([eE][+-]?\d+)?")
_REQUIRED: Any = object()


class Section:
    """A mapping with the path by which messages name it."""

    def __init__(self, origin: str, path: str, data: Any) -> None:
        """Wraps a mapping.

        Args:
            origin: File that it comes from.
            path: Keys that lead to it, joined by dots; empty for the whole file.
            data: What YAML gave.

        Raises:
            UserError: If `data` is no mapping with text keys.
        """
        self.origin = origin
        self.path = path
        if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
            raise UserError(f"{origin}: {path or 'the file'} must be a mapping of keys to values, not {data!r:.80}")
        self.data: dict[str, Any] = data

    def error(self, key: str, expected: str) -> UserError:
        """Returns the error that says what `key` must be."""
        return UserError(f"{self.origin}: {self._name(key)} must be {expected}")

    def allow(self, *keys: str) -> None:
        """Refuses every key that is not named here; UserError names it and the nearest allowed one."""
        for key in self.data:
            if key not in keys:
                near = difflib.get_close_matches(key, keys, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"allowed keys: {', '.join(keys)}"
                raise UserError(f"{self.origin}: unknown key {self._name(key)!r}; {hint}")

    def has(self, key: str) -> bool:
        """Returns whether the key is given."""
        return key in self.data

    def given(self, key: str) -> Any:
        """Returns the raw value, None if there is none; UserError if the key is missing."""
        if key not in self.data:
            raise UserError(f"{self.origin}: key {self._name(key)!r} is missing; add it")
        return self.data[key]

    def section(self, key: str) -> Section:
        """Returns the mapping under a key."""
        return Section(self.origin, self._name(key), self.given(key))

    def sections(self, key: str, *, empty: bool = False) -> Iterator[tuple[str, Section]]:
        """Yields name and mapping of each entry under a key, which must not be empty unless `empty`."""
        entries = self.section(key)
        if not entries.data and not empty:
            raise self.error(key, "a mapping with at least one entry")
        for name in entries.data:
            yield name, entries.section(name)

    def items(self, key: str) -> list[Any]:
        """Returns the list under a key."""
        value = self.given(key)
        if not isinstance(value, list):
            raise self.error(key, f"a list, not {value!r}")
        return value

    def text(self, key: str, default: str = _REQUIRED) -> str:
        """Returns the text under a key."""
        value = self._value(key, default)
        if not isinstance(value, str):
            raise self.error(key, f"text, not {value!r}")
        return value

    def choice(self, key: str, choices: Sequence[str]) -> str:
        """Returns the text under a key, one of `choices`."""
        value = self.text(key)
        if value not in choices:
            raise self.error(key, f"one of {', '.join(choices)}, not {value!r}")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """Returns the truth value under a key."""
        value = self._value(key, default)
        if not isinstance(value, bool):
            raise self.error(key, f"true or false, not {value!r}")
        return value

    def positive(self, key: str) -> float:
        """Returns the number above zero under a key."""
        number = self._number(key, self.given(key))
        if number <= 0:
            raise self.error(key, f"a number above 0, not {self.data[key]!r}")
        return number

    def not_negative(self, key: str) -> float:
        """Returns the number of at least zero under a key."""
        number = self._number(key, self.given(key))
        if number < 0:
            raise self.error(key, f"a number of at least 0, not {self.data[key]!r}")
        return number

    def whole(self, key: str, default: int = _REQUIRED) -> int:
        """Returns the whole number of at least one under a key."""
        value = self._value(key, default)
        number = self._number(key, value)
        if number < 1 or number != int(number):
            raise self.error(key, f"a whole number of at least 1, not {value!r}")
        return int(number)

    def _value(self, key: str, default: Any) -> Any:
        return self.given(key) if default is _REQUIRED else self.data.get(key, default)

    def _number(self, key: str, value: Any) -> float:
        # YAML 1.1 reads 125e9 (no point, no sign) as text; users write it all the same.
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.error(key, f"a number, not {value!r}")
        return float(value)

    def _name(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key
