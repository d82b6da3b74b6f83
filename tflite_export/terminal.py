"""The console on which the folder's commands print."""

from typing import Any

__all__ = ["console"]

_WIDTH = 160
"""Of what is not a terminal: tables that go to a file need not fold names."""


def console() -> Any:
    """Rich's console on standard output; names out of files are no markup for it."""
    from rich.console import Console

    made = Console(highlight=False, soft_wrap=True, markup=False)
    return made if made.is_terminal else Console(highlight=False, soft_wrap=True, markup=False, width=_WIDTH)
