"""Progress bars with time left, on the terminal or as plain lines where there is none."""

import contextlib
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

__all__ = ["console", "progress_bar"]

_LINE_INTERVAL_S = 20.0

Advance = Callable[[int, str], None]
"""Call with the amount done so far and a short note."""


def console(*, width: int | None = None) -> Console:
    """The console that pipelines print on; names out of files and of folders are no markup for it.

    Args:
        width: Columns where it is no terminal; a wide table that goes to a file need not fold names.
    """
    made = Console(highlight=False, markup=False)
    return made if made.is_terminal or width is None else Console(highlight=False, markup=False, width=width)


@contextlib.contextmanager
def progress_bar(title: str, total: int, *, done: int = 0) -> Iterator[Advance]:
    """A bar for one long stage.

    Args:
        title: What is being done.
        total: Amount at the end.
        done: Amount that an earlier run has done already.

    Yields:
        A function `(done, note)` to call as the work goes on.
    """
    out = console()
    if not out.is_terminal:
        yield _line_printer(out, title, total)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=out) as bar:
        task = bar.add_task(title, total=total, completed=done, note="")
        yield lambda amount, note: bar.update(task, completed=amount, note=note)


def _line_printer(out: Console, title: str, total: int) -> Advance:
    """At most one line every twenty seconds, and one at the end.

    The time left follows from what was done since the first call: before it lies tracing, which happens once.
    """
    start = time.monotonic()
    last = start - _LINE_INTERVAL_S
    first: tuple[float, int] | None = None

    def advance(amount: int, note: str) -> None:
        nonlocal first, last
        now = time.monotonic()
        first = first or (now, amount)
        if amount < total and now - last < _LINE_INTERVAL_S:
            return
        last = now
        since, before = first
        fresh = amount - before
        remaining = f"{(now - since) / fresh * (total - amount):.0f} s left" if fresh > 0 else "time left unknown"
        out.print(f"{title}: {amount}/{total}, {now - start:.0f} s so far, {remaining} {note}".rstrip())

    return advance
