"""An architecture spelled out block by block: the one description that every builder follows.

The graph of the cost model, the materialised Keras network and the tests all walk this list, so that what is
priced, trained and exported is the same network.
"""

import dataclasses

from splitnets_tf.space.architecture import Architecture, Split, StageChoice
from splitnets_tf.space.search_space import SearchSpace
from splitnets_tf.space.stage_row import StageRow
from splitnets_tf.space.widths import squeeze_width

__all__ = ["Block", "Blueprint", "ClassifierBlock", "ConvBlock", "MBBlock", "PooledBlock", "SqueezeExcite", "blueprint"]


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


Block = ConvBlock | MBBlock | PooledBlock | ClassifierBlock


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Blueprint:
    """The network as segments, cut behind each Conv-Reduce."""

    resolution: int
    """Side of the input image in pixels; three channels."""
    segments: tuple[tuple[Block, ...], ...]
    """One segment without a split; (sensor, aggregator) with one."""

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
    walker.conv("stem", architecture.stem_width, kernel=3, stride=2, activation=space.activation)
    walker.enter_phase()
    for row, choice in zip(space.stages, architecture.stages, strict=True):
        for index in range(choice.depth):
            block = _mb_block(space, row, choice, index, walker.channels)
            walker.add(block)
            if block.stride == 2:
                walker.enter_phase()
            else:
                walker.boundary()
    _add_head(walker, space, architecture.head_width, num_classes)
    return Blueprint(resolution=architecture.resolution, segments=walker.segments())


def _mb_block(space: SearchSpace, row: StageRow, choice: StageChoice, index: int, in_channels: int) -> MBBlock:
    hidden = in_channels * choice.expansion
    squeeze = None
    if row.squeeze_excite:
        squeeze = SqueezeExcite(
            channels=squeeze_width(hidden if space.squeeze_base == "hidden" else in_channels),
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


def _add_head(walker: "_Walker", space: SearchSpace, width: int, num_classes: int) -> None:
    if space.head_expansion:
        expanded = walker.channels * space.head_expansion
        walker.conv("head_expand", expanded, kernel=1, stride=1, activation=space.activation)
        walker.add(PooledBlock(name="head", in_channels=expanded, out_channels=width, activation=space.activation))
    else:
        walker.conv("head", width, kernel=1, stride=1, activation=space.activation)
    walker.add(
        ClassifierBlock(name="classifier", in_channels=width, classes=num_classes, pooled=bool(space.head_expansion))
    )


class _Walker:
    """Collects blocks and puts the splitting modules at their places."""

    def __init__(self, space: SearchSpace, architecture: Architecture) -> None:
        self.channels = 3
        self._kernel = space.split_kernel
        self._splits: dict[int, Split] = {split.phase: split for split in architecture.splits}
        self._segments: list[list[Block]] = [[]]
        self._phase = -1
        self._position = 0

    def add(self, block: Block) -> None:
        self._segments[-1].append(block)
        if not isinstance(block, ClassifierBlock):
            self.channels = block.out_channels

    def conv(self, name: str, out_channels: int, *, kernel: int, stride: int, activation: str | None) -> None:
        self.add(
            ConvBlock(
                name=name,
                in_channels=self.channels,
                out_channels=out_channels,
                kernel=kernel,
                stride=stride,
                activation=activation,
            )
        )

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
        restored = self.channels
        self.conv(f"reduce_{self._phase}", split.width, kernel=self._kernel, stride=1, activation=None)
        self._segments.append([])
        self.conv(f"recover_{self._phase}", restored, kernel=self._kernel, stride=1, activation=None)

    def segments(self) -> tuple[tuple[Block, ...], ...]:
        return tuple(tuple(segment) for segment in self._segments)
