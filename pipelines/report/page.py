"""A report as data - sections of text, tables and figures - and its rendering as one self-contained HTML page."""

import dataclasses
from typing import Literal

from pipelines.report.shortfalls import SHORTFALL_LABEL

__all__ = ["Cell", "Column", "Fact", "Figure", "Page", "Paragraph", "Row", "Section", "Table", "Tone", "render_page"]

Tone = Literal["", "bad", "good", "muted"]


@dataclasses.dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table."""

    text: str
    """What it shows."""
    detail: str = ""
    """A second, smaller line."""
    tone: Tone = ""
    """Colour; the text says the same, so that no meaning hangs on colour alone."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column of a table."""

    title: str
    """Heading."""
    group: str = ""
    """Heading shared with neighbours of the same group."""
    number: bool = True
    """Whether it holds figures (right-aligned) or words."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One row of a table; the first cell is its heading."""

    cells: tuple[Cell, ...]
    """One for each column."""
    strong: bool = False
    """Whether it stands out."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table with its caption."""

    kind: str = dataclasses.field(default="table", init=False)
    caption: str
    """What it shows, with the units' meaning."""
    columns: tuple[Column, ...]
    """Its columns."""
    rows: tuple[Row, ...]
    """Its rows."""
    folded: bool = False
    """Whether it opens on a click only; folded tables are not printed."""

    def __post_init__(self) -> None:
        """Check that every row has a cell for each column.

        Raises:
            ValueError: A row is too short or too long.
        """
        for row in self.rows:
            if len(row.cells) != len(self.columns):
                raise ValueError(f"{self.caption}: a row has {len(row.cells)} cells for {len(self.columns)} columns")

    @property
    def groups(self) -> tuple[tuple[str, int], ...]:
        """Shared headings with the number of columns that each spans, in order."""
        spans: list[tuple[str, int]] = []
        for column in self.columns:
            if spans and spans[-1][0] == column.group:
                spans[-1] = (column.group, spans[-1][1] + 1)
            else:
                spans.append((column.group, 1))
        return tuple(spans)

    @property
    def group_starts(self) -> tuple[bool, ...]:
        """For each column whether a group begins with it."""
        groups = [column.group for column in self.columns]
        return tuple(index > 0 and group != groups[index - 1] for index, group in enumerate(groups))


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A drawing with its caption."""

    kind: str = dataclasses.field(default="figure", init=False)
    svg: str
    """Text of an `<svg>` element, made by `figures.inline_svg` (which escapes all text in it)."""
    caption: str
    """What it shows."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Paragraph:
    """A few sentences."""

    kind: str = dataclasses.field(default="paragraph", init=False)
    text: str
    """The sentences."""
    tone: Tone = ""
    """Colour."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A part of the report with its own heading."""

    identifier: str
    """Anchor within the page."""
    title: str
    """Heading."""
    blocks: tuple[Paragraph | Table | Figure, ...]
    """Its content, in order."""


@dataclasses.dataclass(frozen=True, slots=True)
class Fact:
    """A labelled value in the head of the page."""

    label: str
    """What it is."""
    value: str
    """Its value."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A whole report."""

    title: str
    """Heading of the page."""
    headline: str
    """The result in one sentence."""
    shortfalls: tuple[str, ...]
    """What falls short of the goal; where there is any, the page says so before anything else."""
    facts: tuple[Fact, ...]
    """Data, seed, system and the like."""
    sections: tuple[Section, ...]
    """The content."""


def render_page(page: Page) -> str:
    """Render a page as HTML that refers to nothing outside itself.

    Args:
        page: The report. All its text is escaped, but for the figures' SVG.

    Returns:
        The HTML text; equal pages give equal text.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pipelines.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html").render(page=page, shortfall_label=SHORTFALL_LABEL)
