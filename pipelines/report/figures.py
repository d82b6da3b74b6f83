"""Matplotlib without global state: the house's look, and figures as SVG or PNG with the same bytes every time."""

import contextlib
import html
import io
import re
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "BAD",
    "CHOSEN",
    "DEVICE_COLOURS",
    "INK",
    "LINK_COLOUR",
    "MUTED",
    "SERIES_COLOURS",
    "bare",
    "device_colour",
    "figure_png",
    "figure_svg",
    "inline_svg",
    "readable_on",
    "shorten",
]

INK = "#1b1f24"
MUTED = "#57606a"
BAD = "#b3261e"
CHOSEN = "#d55e00"
LINK_COLOUR = "#e69f00"
DEVICE_COLOURS = ("#0072b2", "#009e73", "#cc79a7", "#56b4e9", "#8c6d31", "#7a7a7a")
"""Okabe and Ito's palette, which people of any colour vision tell apart; a device keeps its colour in all figures."""
SERIES_COLOURS = ("#0072b2", "#009e73", "#cc79a7", "#56b4e9", "#8c6d31", "#7a7a7a", "#000000")

_STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Helvetica", "Arial", "sans-serif"],
    "font.size": 9.0,
    "text.color": INK,
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#e4e8ec",
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "svg.fonttype": "none",  # text stays text: it can be read aloud, searched and copied
    "figure.dpi": 72,
}
_PNG_DPI = 144


def device_colour(index: int) -> str:
    """Colour of a device by its place in the chain."""
    return DEVICE_COLOURS[index % len(DEVICE_COLOURS)]


def readable_on(colour: str) -> str:
    """Black or white, whichever stands out more on a colour.

    Args:
        colour: `#rrggbb`.

    Reference:
        Relative luminance and contrast of the Web Content Accessibility Guidelines 2.1.
    """
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#ffffff" if 1.05 / (luminance + 0.05) >= (luminance + 0.05) / 0.05 else "#000000"


def shorten(text: str, length: int) -> str:
    """A text of at most `length` characters, an ellipsis in place of what is left out."""
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def bare(axes: "Axes") -> None:
    """Remove everything but what is drawn."""
    axes.set_axis_off()
    axes.grid(visible=False)


def figure_svg(draw: Callable[[], "Figure"]) -> str:
    """Draw a figure as a stand-alone SVG document.

    Args:
        draw: Makes the figure; it is called under the house's look.

    Returns:
        SVG text without date or other metadata; equal figures give equal text.
    """
    buffer = io.StringIO()
    with _house_look():
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        draw().savefig(buffer, format="svg", metadata=nothing)
    return buffer.getvalue()


def figure_png(draw: Callable[[], "Figure"]) -> bytes:
    """Draw a figure as a PNG image at twice the size that it has in the report.

    Args:
        draw: Makes the figure; it is called under the house's look.
    """
    buffer = io.BytesIO()
    with _house_look():
        draw().savefig(buffer, format="png", dpi=_PNG_DPI, metadata={"Software": None})
    return buffer.getvalue()


def inline_svg(svg: str, *, identifier: str, alternative: str) -> str:
    """Make a stand-alone SVG document fit for the inside of an HTML page.

    Args:
        svg: What `figure_svg` returns.
        identifier: Prefix of all ids in it, so that the figures of a page do not disturb one another.
        alternative: What a screen reader says in its place.

    Returns:
        An `<svg>` element without prolog and namespaces (HTML implies them).
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r'\s+xmlns(:\w+)?="[^"]*"', "", body)
    body = re.sub(r'\bid="', f'id="{identifier}-', body)
    body = re.sub(r'(xlink:href="#|url\(#)', rf"\1{identifier}-", body)
    label = html.escape(alternative, quote=True)
    return body.replace("<svg", f'<svg role="img" aria-label="{label}"', 1).strip()


@contextlib.contextmanager
def _house_look() -> Iterator[None]:
    """Matplotlib's defaults and the house's look, whatever the user's own settings are."""
    import matplotlib.style

    with warnings.catch_warnings(), matplotlib.style.context(["default", {**_STYLE, "svg.hashsalt": "splitnets_tf"}]):
        # A name in a script that the bundled font lacks is shown by the reader's own font.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield
