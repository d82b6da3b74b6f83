"""The search space as rows of data, and the two vector forms of an architecture.

Sources: SplitNets, sections 3.1.1 and 3.1.2 and Figure 3; the table of rows follows AttentiveNAS.
"""

import dataclasses
import functools
import itertools
from collections.abc import Sequence

import numpy as np

from splitnets_tf.errors import UserError
from splitnets_tf.space.architecture import Architecture, Split, StageChoice
from splitnets_tf.space.stage_row import (
    ACTIVATIONS,
    ADDED_LATER,
    GATES,
    SQUEEZE_BASES,
    VIEW_FUSIONS,
    StageRow,
    check_candidates,
)

__all__ = ["NO_SPLIT", "Gene", "Phase", "SearchSpace"]

NO_SPLIT = -1
"""Value of a phase's position in the value vector where the phase has no splitting module."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Phase:
    """The blocks between two stride-2 blocks, which share one splitting module."""

    index: int
    """Position among the phases."""
    stride: int
    """Input pixels per element of the phase's tensors: 2, 4, 8 ..."""
    blocks: tuple[tuple[int, int], ...]
    """(stage, block) of each block after the one that enters the resolution, in order."""
    widths: tuple[int, ...]
    """Every channel count that the splitting module may meet."""

    def active_blocks(self, depths: Sequence[int]) -> int:
        """How many of the phase's blocks an architecture with these stage depths has."""
        return sum(block < depths[stage] for stage, block in self.blocks)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Gene:
    """One searchable choice."""

    name: str
    """Field of the architecture, such as `mb2.depth`."""
    choices: tuple[int, ...]
    """Its candidates in increasing order."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchSpace:
    """Every architecture that one supernet contains."""

    name: str
    """Name of the preset, or of the user's file."""
    resolutions: tuple[int, ...]
    """Candidates for the side of the input image in pixels."""
    stem_widths: tuple[int, ...]
    """Candidates for the stem's output channels; the stem is a 3x3 convolution of stride 2."""
    stages: tuple[StageRow, ...]
    """The rows of the table, in order of depth."""
    head_widths: tuple[int, ...]
    """Candidates for the width of the last 1x1 convolution."""
    split_widths: tuple[int, ...]
    """Candidates for d, the channels that Conv-Reduce leaves."""
    split_kernel: int = 1
    """Kernel of Conv-Reduce and Conv-Recover, 1 or 3."""
    split_last_phase: bool = False
    """Whether the network may also be split behind its last stride-2 block."""
    activation: str = "relu6"
    """Activation function of every convolution that has one."""
    squeeze_base: str = dataclasses.field(default="hidden", metadata=ADDED_LATER)
    """What squeeze-and-excitation reduces to a quarter: the block's `hidden` channels, or those of its `input`."""
    squeeze_activation: str = dataclasses.field(default="relu", metadata=ADDED_LATER)
    """Activation function between the two convolutions of a squeeze-and-excitation."""
    squeeze_gate: str = dataclasses.field(default="hard_sigmoid", metadata=ADDED_LATER)
    """Function that makes factors in [0, 1] of a squeeze-and-excitation's output."""
    head_expansion: int = dataclasses.field(default=0, metadata=ADDED_LATER)
    """0: the head is one 1x1 convolution. Above: a 1x1 convolution to so many times the last stage's width, global
    pooling, then a dense layer of the head's width (MobileNetV3)."""
    views: int = dataclasses.field(default=1, metadata=ADDED_LATER)
    """Sensors whose images belong to one answer. With several, the split is also where their features are fused, so
    that every network has exactly one."""
    view_fusion: str = dataclasses.field(default="concat", metadata=ADDED_LATER)
    """How the views' features are fused: `concat` over the channels (the paper's), `mean`, `max` or `sum`."""

    def __post_init__(self) -> None:
        for field in ("resolutions", "stem_widths", "head_widths", "split_widths"):
            check_candidates(f"space {self.name}", field, getattr(self, field))
        if not self.stages:
            raise UserError(f"space {self.name}: stages is empty; give at least one row")
        names = [row.name for row in self.stages]
        if len(set(names)) != len(names):
            raise UserError(f"space {self.name}: two stages share a name in {names}")
        if self.split_kernel not in (1, 3):
            raise UserError(f"space {self.name}: split_kernel must be 1 or 3, received {self.split_kernel}")
        for field, known in (
            ("activation", ACTIVATIONS),
            ("squeeze_base", SQUEEZE_BASES),
            ("squeeze_activation", ACTIVATIONS),
            ("squeeze_gate", GATES),
            ("view_fusion", VIEW_FUSIONS),
        ):
            if getattr(self, field) not in known:
                raise UserError(f"space {self.name}: {field} must be one of {known}, received {getattr(self, field)!r}")
        if self.head_expansion < 0:
            raise UserError(f"space {self.name}: head_expansion must not be negative, received {self.head_expansion}")
        if self.views < 1:
            raise UserError(f"space {self.name}: views must be at least 1, received {self.views}")
        if not self.phases:
            raise UserError(f"space {self.name}: no stage has stride 2, so there is no phase to split; give one")

    @functools.cached_property
    def phases(self) -> tuple[Phase, ...]:
        """The N phases of the N stride-2 blocks (and one more where `split_last_phase` is set)."""
        phases: list[Phase] = []
        blocks: list[tuple[int, int]] = []
        widths = set(self.stem_widths)
        stride = 2

        def close() -> None:
            phases.append(Phase(index=len(phases), stride=stride, blocks=tuple(blocks), widths=tuple(sorted(widths))))

        for stage, row in enumerate(self.stages):
            first = 0
            if row.stride == 2:
                close()
                blocks, widths, stride, first = [], set(), stride * 2, 1
            blocks += [(stage, block) for block in range(first, row.depths[-1])]
            widths |= set(row.widths)
        if self.split_last_phase:
            close()
        return tuple(phases)

    @functools.cached_property
    def genes(self) -> tuple[Gene, ...]:
        """The choices apart from the split, in the order of `encode`."""
        genes = [Gene(name="resolution", choices=self.resolutions), Gene(name="stem_width", choices=self.stem_widths)]
        for row in self.stages:
            for field in ("width", "depth", "kernel", "expansion"):
                genes.append(Gene(name=f"{row.name}.{field}", choices=getattr(row, f"{field}s")))
        genes.append(Gene(name="head_width", choices=self.head_widths))
        return tuple(genes)

    @property
    def vector_length(self) -> int:
        """Length of the value vector that `encode` makes."""
        return len(self.genes) + 2 * len(self.phases)

    def split_choices(self, depths: Sequence[int]) -> list[tuple[int, int]]:
        """Every (phase, M) at which a network of these stage depths can be split."""
        return [(phase.index, position) for phase in self.phases for position in range(phase.active_blocks(depths) + 1)]

    @property
    def fused_channels(self) -> int:
        """Channels behind the fusion of the views for each channel that one of them sends."""
        return self.views if self.view_fusion == "concat" else 1

    def count(self, *, with_none: bool = True) -> int:
        """Number of distinct architectures with exactly one split, and with none if asked and possible."""
        with_none = with_none and self.views == 1
        other = 1
        for gene in self.genes:
            if not gene.name.endswith(".depth"):
                other *= len(gene.choices)
        total = 0
        for depths in itertools.product(*(row.depths for row in self.stages)):
            total += len(self.split_choices(depths)) * len(self.split_widths) + int(with_none)
        return other * total

    def encode(self, architecture: Architecture) -> np.ndarray:
        """The value vector: actual widths, depths, kernels, not choice indices.

        Returns:
            int32 `[vector_length]`: the values of `genes` in order, then (M, d) of every phase; M is `NO_SPLIT`
            (and d the smallest split width) where a phase has no splitting module.
        """
        values = [architecture.resolution, architecture.stem_width]
        for choice in architecture.stages:
            values += [choice.width, choice.depth, choice.kernel, choice.expansion]
        values.append(architecture.head_width)
        by_phase = {split.phase: split for split in architecture.splits}
        for phase in self.phases:
            split = by_phase.get(phase.index)
            values += [split.position, split.width] if split else [NO_SPLIT, self.split_widths[0]]
        return np.asarray(values, dtype=np.int32)

    def decode(self, vector: Sequence[int] | np.ndarray) -> Architecture:
        """Inverse of `encode`.

        Raises:
            UserError: The vector's length or one of its values is not of this space.
        """
        values = [int(value) for value in vector]
        if len(values) != self.vector_length:
            raise UserError(f"space {self.name}: a vector has {self.vector_length} values, received {len(values)}")
        stages = tuple(
            StageChoice(**dict(zip(("width", "depth", "kernel", "expansion"), values[start : start + 4], strict=True)))
            for start in range(2, 2 + 4 * len(self.stages), 4)
        )
        tail = values[len(self.genes) :]
        splits = tuple(
            Split(phase=phase.index, position=tail[2 * phase.index], width=tail[2 * phase.index + 1])
            for phase in self.phases
            if tail[2 * phase.index] != NO_SPLIT
        )
        architecture = Architecture(
            resolution=values[0],
            stem_width=values[1],
            stages=stages,
            head_width=values[len(self.genes) - 1],
            splits=splits,
        )
        self.check(architecture)
        return architecture

    def check(self, architecture: Architecture) -> None:
        """Refuse an architecture that is not of this space.

        Raises:
            UserError: A value is not among its candidates, or a split lies at no block boundary.
        """
        if len(architecture.stages) != len(self.stages):
            raise UserError(
                f"the architecture has {len(architecture.stages)} stages, space {self.name} has {len(self.stages)}"
            )
        values = self.encode(architecture)
        for gene, value in zip(self.genes, values, strict=False):
            if value not in gene.choices:
                raise UserError(f"space {self.name}: {gene.name} must be one of {list(gene.choices)}, received {value}")
        depths = [choice.depth for choice in architecture.stages]
        allowed = set(self.split_choices(depths))
        if self.views > 1 and not architecture.is_split:
            raise UserError(
                f"space {self.name}: {self.views} views are fused at the split, so a network needs exactly one; "
                f"received {len(architecture.splits)}"
            )
        for split in architecture.splits:
            if (split.phase, split.position) not in allowed or split.width not in self.split_widths:
                raise UserError(f"space {self.name}: {split} is no legal split of a network with depths {depths}")
        phases = [split.phase for split in architecture.splits]
        if phases != sorted(set(phases)):
            raise UserError(f"space {self.name}: splits must lie in increasing, distinct phases, received {phases}")

    def largest(self) -> Architecture:
        """The network with every choice at its maximum and no split: the teacher.

        Several views have to be fused somewhere: they are behind the last block at which that can be.
        """
        return self._extreme(-1)

    def smallest(self) -> Architecture:
        """The network with every choice at its minimum and no split; several views are fused behind the stem."""
        return self._extreme(0)

    def _extreme(self, index: int) -> Architecture:
        splits: tuple[Split, ...] = ()
        if self.views > 1:
            phase, position = self.split_choices([row.depths[index] for row in self.stages])[index]
            splits = (Split(phase=phase, position=position, width=self.split_widths[index]),)
        return Architecture(
            resolution=self.resolutions[index],
            stem_width=self.stem_widths[index],
            stages=tuple(
                StageChoice(
                    width=row.widths[index],
                    depth=row.depths[index],
                    kernel=row.kernels[index],
                    expansion=row.expansions[index],
                )
                for row in self.stages
            ),
            head_width=self.head_widths[index],
            splits=splits,
        )
