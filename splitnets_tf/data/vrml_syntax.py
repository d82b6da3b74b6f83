"""Reads the text of a VRML 2.0 file into nodes with fields: the grammar, without any meaning.

Files are untrusted: nothing is evaluated or fetched, and size, nesting and the number of nodes are bounded. DEF names
a node, USE repeats it; prototypes, scripts, routes and files in files are refused.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

__all__ = ["MAX_DEPTH", "MAX_NODES", "VrmlError", "VrmlNode", "parse_nodes"]

MAX_DEPTH = 64
"""Deepest nesting that is read."""
MAX_NODES = 300_000
"""Most nodes that are read."""

_MAX_CHARACTERS = 64 * 2**20

_TOKEN = re.compile(
    r"""(?P<space>[\s,]++|\#[^\n]*+)
      | (?P<array>\[[\s0-9eE+.,-]*+\])
      | (?P<number>[+-]?(?:\d++\.?\d*+|\.\d++)(?:[eE][+-]?\d++)?+(?![^\s,\[\]{}\#"]))
      | (?P<word>[^\s\[\]{}\#",.+\-0-9'\\][^\s\[\]{}\#",.'\\]*+)
      | (?P<string>"(?:[^"\\]|\\.)*+")
      | (?P<mark>[\[\]{}])""",
    re.VERBOSE | re.DOTALL,
)

_REFUSED = {"PROTO", "EXTERNPROTO", "ROUTE", "Script", "Inline", "IS"}


class VrmlError(ValueError):
    """The text is not VRML 2.0 that this reader understands; the message says where and why."""


def parse_nodes(text: str) -> list[VrmlNode]:
    """Reads a file's top-level nodes.

    A field's value is a float64 array (one number or many), a list of nodes or strings, a node, a string, a boolean
    or None.

    Args:
        text: The whole file, decoded.

    Returns:
        The nodes in order.

    Raises:
        VrmlError: No VRML 2.0 header, a syntax error, or a limit passed.
    """
    if len(text) > _MAX_CHARACTERS:
        raise VrmlError(f"at most {_MAX_CHARACTERS} characters are read, got {len(text)}")
    if not text.startswith("#VRML V2.0"):
        raise VrmlError(f"expected the header '#VRML V2.0 utf8', got {text[:20]!r}")
    return _Parser(text).nodes()


class VrmlNode(dict[str, Any]):
    """The fields of one node, by name."""

    __slots__ = ("kind",)

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind


class _Parser:
    """Recursive descent over the token stream; each node is parsed once, USE shares it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._named: dict[str, VrmlNode] = {}
        self._count = 0
        self._kind = ""
        self._value = ""
        self._advance()

    def nodes(self) -> list[VrmlNode]:
        """All top-level nodes."""
        nodes = []
        while self._kind:
            nodes.append(self._node(0))
        return nodes

    def _advance(self) -> None:
        while self._position < len(self._text):
            match = _TOKEN.match(self._text, self._position)
            if match is None:
                raise self._error(f"unexpected character {self._text[self._position]!r}")
            self._position = match.end()
            if match.lastgroup != "space":
                self._kind, self._value = str(match.lastgroup), match.group()
                return
        self._kind, self._value = "", ""

    def _take(self, kind: str, value: str | None = None) -> str:
        if self._kind != kind or (value is not None and self._value != value):
            raise self._error(f"expected {value or kind!r}, got {self._value[:20] or 'the end of the file'!r}")
        taken = self._value
        self._advance()
        return taken

    def _error(self, reason: str) -> VrmlError:
        return VrmlError(f"line {self._text.count(chr(10), 0, self._position) + 1}: {reason}")

    def _node(self, depth: int) -> VrmlNode:
        self._count += 1
        if depth > MAX_DEPTH or self._count > MAX_NODES:
            raise self._error(f"more than {MAX_DEPTH} levels or {MAX_NODES} nodes")
        word = self._take("word")
        if word in _REFUSED:
            raise self._error(f"'{word}' is not supported")
        if word == "USE":
            name = self._take("word")
            if name not in self._named:
                raise self._error(f"USE of '{name}', which is not defined before")
            return self._named[name]
        defined = self._take("word") if word == "DEF" else None
        node = VrmlNode(word if defined is None else self._take("word"))
        self._take("mark", "{")
        while not (self._kind == "mark" and self._value == "}"):
            field = self._take("word")
            if field in _REFUSED:
                raise self._error(f"'{field}' is not supported")
            node[field] = self._field_value(depth)
        self._advance()
        if defined is not None:
            self._named[defined] = node
        return node

    def _field_value(self, depth: int) -> Any:
        if self._kind == "array":
            return self._numbers(self._take("array")[1:-1])
        if self._kind == "number":
            numbers = []
            while self._kind == "number":
                numbers.append(self._take("number"))
            return self._numbers(" ".join(numbers))
        if self._kind == "string":
            return self._take("string")
        if self._kind == "mark" and self._value == "[":
            return self._list(depth)
        if self._value in ("TRUE", "FALSE"):
            return self._take("word") == "TRUE"
        if self._value == "NULL":
            self._advance()
            return None
        return self._node(depth + 1)

    def _list(self, depth: int) -> Any:
        """A bracketed list that holds nodes, strings, or numbers with comments between them."""
        self._take("mark", "[")
        items: list[Any] = []
        numbers: list[str] = []
        while not (self._kind == "mark" and self._value == "]"):
            if self._kind == "number":
                numbers.append(self._take("number"))
            elif self._kind == "string":
                items.append(self._take("string"))
            else:
                items.append(self._node(depth + 1))
        self._advance()
        if numbers and items:
            raise self._error("a list mixes numbers with nodes or strings")
        return self._numbers(" ".join(numbers)) if numbers else items

    def _numbers(self, text: str) -> np.ndarray:
        try:
            return np.array(text.replace(",", " ").split(), dtype=np.float64)
        except ValueError:
            raise self._error("a list of numbers holds something else") from None
