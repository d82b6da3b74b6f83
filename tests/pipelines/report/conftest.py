"""A run directory with invented figures (fixture numbers, not results) and a reader of the page that is made of it."""

import copy
import csv
import dataclasses
import html.parser
import json
import shutil
from pathlib import Path

import pytest

from pipelines.report import write_report

FIXTURE_RUN = Path(__file__).with_name("fixture_run")


@dataclasses.dataclass
class PageContent:
    """What a reader finds in an HTML page."""

    text: str
    tags: list[tuple[str, dict[str, str]]]
    tables: dict[str, list[list[str]]]
    """Rows of cell texts by caption."""


class _Reader(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.parts, self.tables = [], [], []
        self._sink = None
        self._skipped = 0

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, {key: value or "" for key, value in attrs}))
        if tag == "style":
            self._skipped += 1
        if tag == "table":
            self.tables.append({"caption": [], "rows": []})
        elif tag == "tr" and self.tables:
            self.tables[-1]["rows"].append([])
        elif tag in ("td", "th"):
            self._sink = []
            self.tables[-1]["rows"][-1].append(self._sink)
        elif tag == "caption":
            self._sink = self.tables[-1]["caption"]

    def handle_endtag(self, tag):
        if tag == "style":
            self._skipped -= 1
        if tag in ("td", "th", "caption"):
            self._sink = None

    def handle_data(self, data):
        if self._skipped:
            return
        self.parts.append(data)
        if self._sink is not None:
            self._sink.append(data)


_TYPED = str.maketrans({"\N{NARROW NO-BREAK SPACE}": " ", "\N{MINUS SIGN}": "-", "\N{EN DASH}": "-"})


def _plain(parts):
    """Text with single spaces, and with the signs that a keyboard has."""
    return " ".join("".join(parts).translate(_TYPED).split())


def _read(path):
    reader = _Reader()
    reader.feed(path.read_text("utf-8"))
    reader.close()
    tables = {_plain(t["caption"]): [[_plain(c) for c in row] for row in t["rows"]] for t in reader.tables}
    return PageContent(text=_plain(reader.parts), tags=reader.tags, tables=tables)


@pytest.fixture
def read_page():
    return _read


@pytest.fixture(scope="session")
def report_path(tmp_path_factory):
    """The report of the unchanged fixture, made once."""
    return write_report(Path(shutil.copytree(FIXTURE_RUN, tmp_path_factory.mktemp("report") / "run")))


@pytest.fixture(scope="session")
def report_page(report_path):
    """Its content."""
    return _read(report_path)


@pytest.fixture
def run_directory(tmp_path):
    """A complete run directory, to be changed at will."""
    return Path(shutil.copytree(FIXTURE_RUN, tmp_path / "run"))


@pytest.fixture
def summary():
    """Content of the fixture's summary, to be changed at will."""
    return copy.deepcopy(json.loads((FIXTURE_RUN / "summary.json").read_text("utf-8")))


@pytest.fixture
def front_rows():
    """Rows of the fixture's front."""
    with (FIXTURE_RUN / "search" / "pareto.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def store(run_directory):
    """Write changed content into the run directory."""

    def write(*, summary=None, memory=None, front_rows=None):
        if summary is not None:
            (run_directory / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
        if memory is not None:
            (run_directory / "memory.json").write_text(json.dumps(memory), encoding="utf-8")
        if front_rows is not None:
            with (run_directory / "search" / "pareto.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, list(front_rows[0]))
                writer.writeheader()
                writer.writerows(front_rows)
        return run_directory

    return write


@pytest.fixture
def memory():
    """Content of the fixture's memory profile, to be changed at will."""
    return json.loads((FIXTURE_RUN / "memory.json").read_text("utf-8"))
