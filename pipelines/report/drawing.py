"""The drawing of a network with its split, as in Figure 9 (right) of SplitNets."""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipelines.report.drawn_blocks import DrawnBlock
from pipelines.report.figures import INK, LINK_COLOUR, MUTED, bare, device_colour, shorten
from pipelines.report.units import TIMES, bytes_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["network_figure"]

# All lengths are in points of the finished drawing.
_PITCH = 48.0
_BOX_WIDTH = 31.0
_CUT_GAP = 52.0
_TALLEST = 92.0
_SHORTEST = 22.0
_MARGIN = 12.0
_ROW_HEIGHT = 186.0
_PANEL_TOP = 14.0
_PANEL_BOTTOM = 172.0
_MIDDLE = 88.0
_PER_ROW = 18


@dataclasses.dataclass(frozen=True, slots=True)
class _Placed:
    """An element at its place: the image (block None) or a block."""

    block: DrawnBlock | None
    row: int
    x: float
    """Left edge."""
    device: int


def network_figure(
    resolution: int, blocks: Sequence[DrawnBlock], device_names: Sequence[str], cut_bytes: Sequence[float | None]
) -> "Figure":
    """Draw a network as shapes in a row, the higher the more channels, with the device of each and every cut.

    Args:
        resolution: Side of the input image in pixels.
        blocks: Shapes in order; at least one.
        device_names: Name of each device in the chain.
        cut_bytes: Bytes that pass each cut, in order; None where unknown.

    Returns:
        A figure; long networks go on in further rows.
    """
    from matplotlib.figure import Figure

    elements = _place(blocks)
    rows = elements[-1].row + 1
    width = max(e.x for e in elements) + _BOX_WIDTH + 2 * _MARGIN
    height = rows * _ROW_HEIGHT
    figure = Figure(figsize=(width / 72, height / 72))
    axes = figure.add_axes((0, 0, 1, 1))
    bare(axes)
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)  # y runs downwards
    most = max((b.out_channels for b in blocks if b.shape == "mb"), default=max(b.out_channels for b in blocks))
    for _, run in itertools.groupby(elements, key=lambda e: (e.row, e.device)):
        _draw_panel(axes, list(run), device_names)
    for before, after in itertools.pairwise(elements):
        _draw_connection(axes, before, after, cut_bytes)
    for element in elements:
        _draw_element(axes, element, resolution, most)
    return figure


def _place(blocks: Sequence[DrawnBlock]) -> list[_Placed]:
    x = _MARGIN + 6
    first = blocks[0].device
    placed = [_Placed(None, 0, x, first)]
    device = first
    for index, block in enumerate(blocks, start=1):
        row, column = divmod(index, _PER_ROW)
        x = _MARGIN + 6 if column == 0 else x + _PITCH
        if block.device != device:
            x += _CUT_GAP if column else _CUT_GAP / 2
            device = block.device
        placed.append(_Placed(block, row, x, device))
    return placed


def _draw_panel(axes: "Axes", run: Sequence[_Placed], device_names: Sequence[str]) -> None:
    """The tinted ground behind what runs on one device."""
    from matplotlib.patches import Rectangle

    top = run[0].row * _ROW_HEIGHT
    colour = device_colour(run[0].device)
    left = run[0].x - 8
    width = run[-1].x + _BOX_WIDTH + 8 - left
    height = _PANEL_BOTTOM - _PANEL_TOP
    axes.add_patch(Rectangle((left, top + _PANEL_TOP), width, height, color=colour, alpha=0.09, linewidth=0))
    name = device_names[run[0].device] if run[0].device < len(device_names) else f"device {run[0].device + 1}"
    longest = max(6, int(width / 5.2))
    axes.text(left, top + _PANEL_TOP - 4, shorten(name, longest), color=INK, weight="bold", fontsize=8.5)


def _draw_connection(axes: "Axes", before: _Placed, after: _Placed, cut_bytes: Sequence[float | None]) -> None:
    """The line from one element to the next; a cut with its bytes where the device changes."""
    middle = after.row * _ROW_HEIGHT + _MIDDLE
    same_row = before.row == after.row
    start = before.x + _BOX_WIDTH if same_row else after.x - 8
    stride = after.block is not None and after.block.stride > 1
    if before.device == after.device:
        axes.plot([start, after.x], [middle, middle], color=MUTED, linewidth=1)
        if stride:
            x = (after.x - (_PITCH - _BOX_WIDTH) / 2) if same_row else after.x - 5
            _draw_dash(axes, x, middle)
        return
    centre = after.x - _CUT_GAP / 2 - 8 if same_row else after.x - _CUT_GAP / 2 + 4
    top = after.row * _ROW_HEIGHT
    axes.plot([centre, centre], [top + _PANEL_TOP, top + _PANEL_BOTTOM], color=LINK_COLOUR, linewidth=2.2)
    sent = cut_bytes[before.device] if before.device < len(cut_bytes) else None
    axes.text(centre, top + _PANEL_TOP - 4, bytes_text(sent), ha="center", weight="bold", fontsize=8.5)
    axes.annotate(
        "",
        xy=(after.x, middle),
        xytext=(start if same_row else centre, middle),
        arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 1.1, "shrinkA": 0, "shrinkB": 0},
    )
    if stride:
        _draw_dash(axes, after.x - 4, middle)


def _draw_dash(axes: "Axes", x: float, middle: float) -> None:
    axes.plot([x, x], [middle - 40, middle + 40], color=INK, linewidth=1.2, linestyle=(0, (3, 2)))


def _draw_element(axes: "Axes", element: _Placed, resolution: int, most: int) -> None:
    top = element.row * _ROW_HEIGHT
    middle = top + _MIDDLE
    centre = element.x + _BOX_WIDTH / 2
    block = element.block
    if block is None:
        _draw_shape(axes, element, middle, (_BOX_WIDTH, _BOX_WIDTH), "#ffffff", MUTED)
        _label(axes, centre, middle, "image", top, f"{resolution}²", "3", _BOX_WIDTH)
        return
    heights = (_height(block.in_channels, most), _height(block.out_channels, most))
    split_part = block.shape in ("reduce", "recover", "fuse")
    if not split_part:
        heights = (heights[1], heights[1])
    face = "#fbe3b0" if split_part else "#ffffff"
    _draw_shape(axes, element, middle, heights, face, device_colour(element.device))
    _label(axes, centre, middle, block.name, top, f"{block.side_pixels}²", str(block.out_channels), max(heights))
    axes.text(centre, middle, _inside(block), ha="center", va="center", fontsize=7, linespacing=1.15)


def _draw_shape(
    axes: "Axes", element: _Placed, middle: float, heights: tuple[float, float], face: str, edge: str
) -> None:
    """A box, or a trapezoid where the heights of its left and right side differ."""
    from matplotlib.patches import Polygon

    left, right = element.x, element.x + _BOX_WIDTH
    entry, leave = heights[0] / 2, heights[1] / 2
    corners = [(left, middle - entry), (right, middle - leave), (right, middle + leave), (left, middle + entry)]
    axes.add_patch(Polygon(corners, closed=True, facecolor=face, edgecolor=edge, linewidth=1.4, zorder=3))


def _label(
    axes: "Axes", centre: float, middle: float, name: str, top: float, side: str, channels: str, height: float
) -> None:
    """Channels above the shape, its name and the side of its output at the foot of the panel."""
    axes.text(centre, middle - height / 2 - 3, channels, ha="center", va="bottom", fontsize=8)
    axes.text(centre, top + _PANEL_BOTTOM - 15, shorten(name, 10), ha="center", va="bottom", fontsize=6.5)
    axes.text(centre, top + _PANEL_BOTTOM - 4, side, ha="center", va="bottom", fontsize=7.5, color=MUTED)


def _inside(block: DrawnBlock) -> str:
    if block.kernel is None:
        return "fuse" if block.shape == "fuse" else "fc"
    lines = [f"{block.kernel}{TIMES}{block.kernel}"]
    if block.expansion is not None:
        lines.append(f"e{block.expansion}{'+' if block.residual else ''}")
    return "\n".join(lines)


def _height(channels: int, most: int) -> float:
    """Proportional to the channels but for a least height; the far wider head and classifier are cut off."""
    return max(_SHORTEST, _TALLEST * min(1.0, channels / most))
