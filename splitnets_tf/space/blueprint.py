"""An architecture spelled out block by block: the one description that every builder follows.

The graph of the cost model, the materialised Keras network and the tests all walk this list, so that what is
priced, trained and exported is the same network.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

from splitnets_tf.space.architecture import Architecture, Split, StageChoice
from splitnets_tf.space.search_space import SearchSpace
from splitnets_tf.space.stage_row import StageRow
from splitnets_tf.space.widths import squeeze_width

__all__ = [
    "Block",
    "Blueprint",
    "ClassifierBlock",
    "ConvBlock",
    "MBBlock",
    "PooledBlock",
    "SqueezeExcite",
    "ViewFuseBlock",
    "blueprint",
    "head_blocks",
    "mb_block",
    "splitting_module",
    "stem_block",
]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ConvBlock:
    """Convolution without bias, batch normalisation and, where named, an activation."""

    name: str
    in_channels: int
    out_channels: int
    kernel: int
    stride: int
    activation: str | None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SqueezeExcite:
    """Channels scaled by a function of their means: global pooling, two 1x1 convolutions with bias, a product."""

    channels: int
    """Channels between the two convolutions."""
    activation: str
    """Activation function between them."""
    gate: str
    """Function that makes the factors of the second one's output."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class MBBlock:
    """Inverted residual (MobileNetV2): expand 1x1, depthwise kxk, project 1x1, each with batch normalisation.

    `hidden == in_channels` with `expand` False means that the block has no expansion convolution. The projection is
    linear. Where `residual` is set, a shortcut adds the block's input: averaged over 2x2 where `stride` is 2, and
    through a linear 1x1 convolution (without normalisation) where `in_channels` and `out_channels` differ.
    """

    name: str
    in_channels: int
    hidden: int
    out_channels: int
    kernel: int
    stride: int
    expand: bool
    residual: bool
    activation: str
    squeeze: SqueezeExcite | None = None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class PooledBlock:
    """Global average pooling, a dense layer without bias, and an activation: the end of a MobileNetV3 head."""

    name: str
    in_channels: int
    out_channels: int
    activation: str


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ClassifierBlock:
    """Global average pooling and a dense layer that yields logits."""

    name: str
    in_channels: int
    classes: int
    pooled: bool = False
    """Whether its input has been pooled already."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ViewFuseBlock:
    """The views' tensors become one: the first thing that the aggregator does (SplitNets, section 3.1.3)."""

    name: str
    in_channels: int
    """Channels of one view."""
    out_channels: int
    views: int
    how: str
    """`concat` over the channels, view 0 first, or element by element `mean`, `max` or `sum`."""


Block = ConvBlock | MBBlock | PooledBlock | ClassifierBlock | ViewFuseBlock


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Blueprint:
    """The network as segments, cut behind each Conv-Reduce."""

    resolution: int
    """Side of the input image in pixels; three channels."""
    segments: tuple[tuple[Block, ...], ...]
    """One segment without a split; (sensor, aggregator) with one."""
    views: int = 1
    """Images that belong to one answer; the sensor's segment works on each of them."""

    @property
    def blocks(self) -> tuple[Block, ...]:
        """All blocks in order."""
        return tuple(block for segment in self.segments for block in segment)


def blueprint(space: SearchSpace, architecture: Architecture, num_classes: int) -> Blueprint:
    """Spell an architecture out.

    The first block of a stage has a shortcut only where its row says so; the others do. Conv-Reduce and Conv-Recover
    are linear (block outputs are linear bottlenecks) and belong to the phase: every place within it uses the same pair.

    Raises:
        UserError: The architecture is not of this space.
    """
    space.check(architecture)
    walker = _Walker(space, architecture)
    walker.add(stem_block(space, architecture.stem_width))
    walker.enter_phase()
    for row, choice in zip(space.stages, architecture.stages, strict=True):
        for index in range(choice.depth):
            walker.add(mb_block(space, row, choice, index, walker.channels))
            if index == 0 and row.stride == 2:
                walker.enter_phase()
            else:
                walker.boundary()
    for block in head_blocks(space, walker.channels, architecture.head_width, num_classes):
        walker.add(block)
    return Blueprint(resolution=architecture.resolution, views=space.views, segments=walker.segments())


def mb_block(
    space: SearchSpace,
    row: StageRow,
    choice: StageChoice,
    index: int,
    in_channels: int,
    *,
    larger: Callable[[Any, Any], Any] = max,
) -> MBBlock:
    """One block of a stage.

    Args:
        space: Gives the functions.
        row: The stage.
        choice: What the architecture takes from the row.
        index: Number of the block in its stage.
        in_channels: Channels that arrive.
        larger: Maximum of two widths; where they are arrays, that of arrays.
    """
    hidden = in_channels * choice.expansion
    squeeze = None
    if row.squeeze_excite:
        squeeze = SqueezeExcite(
            channels=squeeze_width(hidden if space.squeeze_base == "hidden" else in_channels, larger=larger),
            activation=space.squeeze_activation,
            gate=space.squeeze_gate,
        )
    return MBBlock(
        name=f"{row.name}_{index}",
        in_channels=in_channels,
        hidden=hidden,
        out_channels=choice.width,
        kernel=choice.kernel,
        stride=row.stride if index == 0 else 1,
        expand=row.expansions != (1,),
        residual=index > 0 or row.project_shortcut,
        activation=space.activation,
        squeeze=squeeze,
    )


def stem_block(space: SearchSpace, width: int) -> ConvBlock:
    """The first convolution, on three colours."""
    return ConvBlock(name="stem", in_channels=3, out_channels=width, kernel=3, stride=2, activation=space.activation)


def splitting_module(space: SearchSpace, phase: int, channels: int, width: int) -> tuple[Block, ...]:
    """Conv-Reduce, from a phase's channels to d, on the sensor; then, on the aggregator, Conv-Recover back.

    With several views, View-Fuse lies between the two, and Conv-Recover reads what is fused.
    """
    reduce = ConvBlock(
        name=f"reduce_{phase}",
        in_channels=channels,
        out_channels=width,
        kernel=space.split_kernel,
        stride=1,
        activation=None,
    )
    fused = width * space.fused_channels
    recover = dataclasses.replace(reduce, name=f"recover_{phase}", in_channels=fused, out_channels=channels)
    if space.views == 1:
        return reduce, recover
    fuse = ViewFuseBlock(
        name=f"fuse_{phase}", in_channels=width, out_channels=fused, views=space.views, how=space.view_fusion
    )
    return reduce, fuse, recover


def head_blocks(space: SearchSpace, in_channels: int, width: int, num_classes: int) -> tuple[Block, ...]:
    """What follows the last stage: one of the two heads (see `SearchSpace.head_expansion`), then the classifier."""
    pooled = bool(space.head_expansion)
    first = ConvBlock(
        name="head_expand" if pooled else "head",
        in_channels=in_channels,
        out_channels=in_channels * space.head_expansion if pooled else width,
        kernel=1,
        stride=1,
        activation=space.activation,
    )
    classifier = ClassifierBlock(name="classifier", in_channels=width, classes=num_classes, pooled=pooled)
    if not pooled:
        return first, classifier
    dense = PooledBlock(name="head", in_channels=first.out_channels, out_channels=width, activation=space.activation)
    return first, dense, classifier


class _Walker:
    """Collects blocks and puts the splitting modules at their places."""

    def __init__(self, space: SearchSpace, architecture: Architecture) -> None:
        self.channels = 3
        self._space = space
        self._splits: dict[int, Split] = {split.phase: split for split in architecture.splits}
        self._segments: list[list[Block]] = [[]]
        self._phase = -1
        self._position = 0

    def add(self, block: Block) -> None:
        self._segments[-1].append(block)
        if not isinstance(block, ClassifierBlock):
            self.channels = block.out_channels

    def enter_phase(self) -> None:
        """A stride-2 layer has just been added: position 0 of the next phase."""
        self._phase += 1
        self._position = -1
        self.boundary()

    def boundary(self) -> None:
        """A block boundary: the splitting module goes here if the phase's M says so."""
        self._position += 1
        split = self._splits.get(self._phase)
        if split is None or split.position != self._position:
            return
        on_sensor, *on_aggregator = splitting_module(self._space, self._phase, self.channels, split.width)
        self.add(on_sensor)
        self._segments.append([])
        for block in on_aggregator:
            self.add(block)

    def segments(self) -> tuple[tuple[Block, ...], ...]:
        return tuple(tuple(segment) for segment in self._segments)
