"""Arithmetic over named figures: a small grammar with a parser of its own, so that nothing is ever executed.

The grammar, spaces apart:

    comparison = sum ("<=" | "<" | ">=" | ">") sum
    sum        = product (("+" | "-") product)*
    product    = factor (("*" | "/") factor)*
    factor     = number | figure | "-" factor | "(" sum ")"

A number is written as `2`, `0.5` or `2e6`; a name is one of those that the caller knows. Figures are numbers, or arrays
with one number for each architecture of a population.
"""

import dataclasses
import math
import operator
import re
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from splitnets_tf.errors import UserError

__all__ = ["Comparison", "Expression", "Figure", "Number", "Operation", "parse_comparison"]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![\w.])|(?P<name>[A-Za-z_]\w*)|(?P<symbol><=|>=|[-+*/()<>]))"
)
_COMPARISONS = ("<=", "<", ">=", ">")
_MAX_LENGTH = 200
_EXAMPLE = "write a comparison such as 'peak_bytes <= 2e6'"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Number:
    """A constant."""

    value: float
    """Its value."""

    def evaluate(self, figures: Mapping[str, Any]) -> Any:
        """The constant itself."""
        return self.value

    @property
    def names(self) -> frozenset[str]:
        """No figures."""
        return frozenset()


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A figure, called by its name."""

    name: str
    """Key in the mapping of figures."""

    def evaluate(self, figures: Mapping[str, Any]) -> Any:
        """The figure's value, as float."""
        value = figures[self.name]
        return value.astype(np.float64) if isinstance(value, np.ndarray) else float(value)

    @property
    def names(self) -> frozenset[str]:
        """Its own name."""
        return frozenset((self.name,))


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """Two expressions joined by an arithmetic sign."""

    symbol: str
    """`+`, `-`, `*` or `/`."""
    left: "Expression"
    """First operand."""
    right: "Expression"
    """Second operand."""

    def evaluate(self, figures: Mapping[str, Any]) -> Any:
        """The joined value; NaN where it divides by zero."""
        left, right = self.left.evaluate(figures), self.right.evaluate(figures)
        if self.symbol == "/":
            return _divided(left, right)
        return _ARITHMETIC[self.symbol](left, right)

    @property
    def names(self) -> frozenset[str]:
        """The figures of both operands."""
        return self.left.names | self.right.names


Expression = Number | Figure | Operation
_ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul}


def _divided(left: Any, right: Any) -> Any:
    if isinstance(right, np.ndarray):
        return np.divide(left, right, out=np.full(right.shape, math.nan), where=right != 0)
    return left / right if right else left * math.nan


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Two expressions and the sign between them."""

    left: Expression
    """Left side."""
    left_text: str
    """Left side as written."""
    symbol: str
    """`<=`, `<`, `>=` or `>`."""
    right: Expression
    """Right side."""
    right_text: str
    """Right side as written."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


def parse_comparison(text: str, known: Collection[str]) -> Comparison:
    """Read one comparison.

    Args:
        text: At most 200 characters, such as `peak_bytes + 4 * link_bytes <= 2e6`.
        known: Names that figures may have.

    Raises:
        UserError: The text does not follow the grammar or names an unknown figure; the message quotes it.
    """
    if len(text) > _MAX_LENGTH:
        raise UserError(
            f"a constraint has at most {_MAX_LENGTH} characters, received {len(text)}; split it into several"
        )
    return _Parser(text, known).comparison()


def _tokens(text: str) -> list[_Token]:
    tokens, position = [], 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            rest = text[position:].strip()
            raise UserError(f"constraint {text!r}: cannot read it from {rest!r} on; {_EXAMPLE}")
        kind = match.lastgroup
        tokens.append(_Token(kind=kind, text=match[kind], start=match.start(kind), end=match.end(kind)))
        position = match.end()
    return tokens


class _Parser:
    """Recursive descent over the tokens of one text; its length bounds the depth."""

    def __init__(self, text: str, known: Collection[str]) -> None:
        self._text = text
        self._known = known
        self._tokens = _tokens(text)
        self._next = 0

    def comparison(self) -> Comparison:
        left = self._sum()
        split = self._next
        symbol = self._take(_COMPARISONS)
        if symbol is None:
            raise self._error("one of <=, <, >=, >")
        right = self._sum()
        if self._next < len(self._tokens):
            raise self._error("the end")
        if not left.names and not right.names:
            raise UserError(f"constraint {self._text!r} names no figure; known are {', '.join(self._known)}")
        return Comparison(
            left=left,
            left_text=self._source(0, split),
            symbol=symbol,
            right=right,
            right_text=self._source(split + 1, self._next),
        )

    def _sum(self) -> Expression:
        result = self._product()
        while (symbol := self._take(("+", "-"))) is not None:
            result = Operation(symbol=symbol, left=result, right=self._product())
        return result

    def _product(self) -> Expression:
        result = self._factor()
        while (symbol := self._take(("*", "/"))) is not None:
            result = Operation(symbol=symbol, left=result, right=self._factor())
        return result

    def _factor(self) -> Expression:
        if self._take(("-",)) is not None:
            return Operation(symbol="-", left=Number(value=0.0), right=self._factor())
        if self._take(("(",)) is not None:
            inner = self._sum()
            if self._take((")",)) is None:
                raise self._error("a closing parenthesis")
            return inner
        if self._next == len(self._tokens) or self._tokens[self._next].kind == "symbol":
            raise self._error("a number or a figure")
        token = self._tokens[self._next]
        self._next += 1
        return self._number(token.text) if token.kind == "number" else self._figure(token.text)

    def _number(self, text: str) -> Number:
        value = float(text)
        if not math.isfinite(value):
            raise UserError(f"constraint {self._text!r}: the number {text} is too large")
        return Number(value=value)

    def _figure(self, name: str) -> Figure:
        if name not in self._known:
            raise UserError(
                f"constraint {self._text!r} names the unknown figure {name!r}; known are {', '.join(self._known)}"
            )
        return Figure(name=name)

    def _take(self, symbols: tuple[str, ...]) -> str | None:
        if self._next < len(self._tokens) and self._tokens[self._next].text in symbols:
            self._next += 1
            return self._tokens[self._next - 1].text
        return None

    def _source(self, first: int, last: int) -> str:
        return self._text[self._tokens[first].start : self._tokens[last - 1].end]

    def _error(self, expected: str) -> UserError:
        found = repr(self._tokens[self._next].text) if self._next < len(self._tokens) else "the end of the text"
        return UserError(f"constraint {self._text!r}: expected {expected}, received {found}; {_EXAMPLE}")
