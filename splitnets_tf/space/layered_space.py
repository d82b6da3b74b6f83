"""JMSNAS's search space: for each device a list of layers, and for each layer the operations that it may become.

The layers of the devices (D^m and d(m)) are fixed before the search; a layer that becomes the identity shortens the
network. Stem and head are no layers: the first device always has the one, the last the other.
"""

from __future__ import annotations

import dataclasses
from importlib import resources
from itertools import product
from typing import Any

from splitnets_tf.errors import UserError
from splitnets_tf.hardware import Assignment, Topology, device_order
from splitnets_tf.hardware.section import Section
from splitnets_tf.space.blueprint import MBBlock
from splitnets_tf.space.stage_row import ACTIVATIONS
from splitnets_tf.yaml_files import read_preset_or_file

__all__ = [
    "IDENTITY",
    "LAYERED_PRESETS",
    "LayerRow",
    "LayeredSpace",
    "MixedLayer",
    "OperationChoice",
    "head_input",
    "layered_space_from_dict",
    "layered_space_to_dict",
    "load_layered_space",
    "mixed_layers",
    "space_assignment",
]

LAYERED_PRESETS = ("mec-chain", "mec-mesh")
"""Names of the spaces that ship with the package: one for each topology of the paper."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, order=True)
class OperationChoice:
    """One candidate operation: an inverted residual (MBConv), or the identity, which has kernel 0."""

    kernel: int
    """Side of the depthwise kernel."""
    expansion: int
    """Hidden channels for each input channel."""
    shortcut: bool
    """Whether the input is added to the output."""

    @property
    def name(self) -> str:
        """Short name, such as `k5e3+` (with shortcut) or `identity`."""
        return f"k{self.kernel}e{self.expansion}{'+' if self.shortcut else ''}" if self.kernel else "identity"


IDENTITY = OperationChoice(kernel=0, expansion=0, shortcut=False)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class LayerRow:
    """Layers of equal width; the first of them has the stride."""

    width: int
    """Output channels."""
    stride: int
    """1 or 2."""
    layers: int
    """How many."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class LayeredSpace:
    """The rows of all devices, and what all layers share."""

    name: str
    """Name of the space."""
    resolution: int
    """Side of the image in pixels."""
    stem_width: int
    """Channels behind the stem, a 3x3 convolution of stride 2."""
    head_width: int
    """Channels of the 1x1 convolution before the classifier."""
    devices: tuple[tuple[LayerRow, ...], ...]
    """Rows of each step of the topology's path; parallel devices have equal rows each."""
    kernels: tuple[int, ...] = (3, 5, 7)
    """Kernel sizes of the candidates."""
    expansions: tuple[int, ...] = (3, 6)
    """Expansion ratios of the candidates."""
    activation: str = "relu6"
    """Activation function of the blocks."""

    def __post_init__(self) -> None:
        """Checks every value; UserError."""
        rows = [row for device in self.devices for row in device]
        sizes = [self.resolution, self.stem_width, self.head_width, *self.expansions, *(row.width for row in rows)]
        if min([*sizes, *(row.layers for row in rows)], default=0) < 1 or not rows:
            raise UserError(f"space {self.name}: sizes, expansions and numbers of layers must be at least 1")
        if any(row.stride not in (1, 2) for row in rows):
            raise UserError(f"space {self.name}: a row's stride must be 1 or 2")
        if not all(self.devices[-1:]):
            raise UserError(f"space {self.name}: the last device needs at least one row")
        if not self.kernels or not self.expansions or any(kernel < 1 or kernel % 2 == 0 for kernel in self.kernels):
            raise UserError(f"space {self.name}: kernels must be odd and positive, received {list(self.kernels)}")
        if self.activation not in ACTIVATIONS:
            raise UserError(f"space {self.name}: activation must be one of {list(ACTIVATIONS)}")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class MixedLayer:
    """One layer of the network, with its candidates."""

    number: int
    """n, from 1 on."""
    device: str
    """Device that computes it."""
    in_channels: int
    """Channels that it reads."""
    out_channels: int
    """Channels that it makes; all candidates agree."""
    stride: int
    """1 or 2."""
    size: int
    """Side of its input in pixels."""
    activation: str
    """Activation function of its blocks."""
    candidates: tuple[OperationChoice, ...]
    """What it may become."""

    @property
    def out_size(self) -> int:
        """Side of its output in pixels."""
        return -(-self.size // self.stride)

    @property
    def out_elements(self) -> int:
        """Elements of its output."""
        return self.out_size**2 * self.out_channels

    def block(self, choice: OperationChoice) -> MBBlock | None:
        """The inverted residual of a choice; None for the identity."""
        if choice == IDENTITY:
            return None
        return MBBlock(
            name=f"layer{self.number}",
            in_channels=self.in_channels,
            hidden=self.in_channels * choice.expansion,
            out_channels=self.out_channels,
            kernel=choice.kernel,
            stride=self.stride,
            expand=choice.expansion > 1,
            residual=choice.shortcut,
            activation=self.activation,
        )


def mixed_layers(space: LayeredSpace, topology: Topology) -> tuple[MixedLayer, ...]:
    """The layers in the order of the devices; those of parallel devices follow one another.

    A device behind parallel ones reads their outputs side by side.

    Raises:
        UserError: The space has not as many devices as the topology has steps.
    """
    _check_steps(space, topology)
    layers: list[MixedLayer] = []
    channels, size = space.stem_width, -(-space.resolution // 2)
    for step, rows in zip(topology.path, space.devices, strict=True):
        names = (step,) if isinstance(step, str) else step
        ends = []
        for name in names:
            made, end = _device_layers(space, name, rows, channels, size, len(layers))
            layers += made
            ends.append(end)
        channels, size = sum(width for width, _ in ends), ends[0][1]
    return tuple(layers)


def head_input(space: LayeredSpace, topology: Topology) -> tuple[int, int]:
    """Channels and side in pixels of what the head reads."""
    last = mixed_layers(space, topology)[-1]
    return last.out_channels, last.out_size


def _device_layers(
    space: LayeredSpace, device: str, rows: tuple[LayerRow, ...], channels: int, size: int, before: int
) -> tuple[list[MixedLayer], tuple[int, int]]:
    layers: list[MixedLayer] = []
    for row in rows:
        for index in range(row.layers):
            stride = row.stride if index == 0 else 1
            layers.append(
                MixedLayer(
                    number=before + len(layers) + 1,
                    device=device,
                    in_channels=channels,
                    out_channels=row.width,
                    stride=stride,
                    size=size,
                    activation=space.activation,
                    candidates=_candidates(space, keeps_shape=stride == 1 and channels == row.width),
                )
            )
            channels, size = row.width, layers[-1].out_size
    return layers, (channels, size)


def _candidates(space: LayeredSpace, *, keeps_shape: bool) -> tuple[OperationChoice, ...]:
    """Section IV-A's 13 operations; where input and output differ in shape, those without shortcut alone."""
    shortcuts = (False, True) if keeps_shape else (False,)
    blocks = [
        OperationChoice(kernel=kernel, expansion=expansion, shortcut=shortcut)
        for kernel, expansion, shortcut in product(space.kernels, space.expansions, shortcuts)
    ]
    return (*blocks, IDENTITY) if keeps_shape else tuple(blocks)


def space_assignment(space: LayeredSpace, topology: Topology) -> Assignment:
    """D^m and d(m) of every device."""
    _check_steps(space, topology)
    counts: dict[str, int] = {}
    for step, rows in zip(topology.path, space.devices, strict=True):
        counts |= dict.fromkeys((step,) if isinstance(step, str) else step, sum(row.layers for row in rows))
    return Assignment(topology=topology, counts={name: counts[name] for name in device_order(topology)})


def _check_steps(space: LayeredSpace, topology: Topology) -> None:
    if len(space.devices) != len(topology.path):
        raise UserError(
            f"space {space.name} has layers for {len(space.devices)} steps, but the system's path has "
            f"{len(topology.path)}: {list(topology.path)}; name a space and a system that belong together"
        )


def load_layered_space(name_or_path: str) -> LayeredSpace:
    """Read a preset by its name, or a YAML file by its path.

    Raises:
        UserError: There is no such preset or file, or the file is not a valid space.
    """
    data, origin = read_preset_or_file(
        name_or_path, kind="space", folder=resources.files(__package__) / "layered_presets", presets=LAYERED_PRESETS
    )
    return layered_space_from_dict(data, origin=origin)


def layered_space_from_dict(data: Any, *, origin: str) -> LayeredSpace:
    """Build a space from plain data, as YAML or JSON gives it.

    Args:
        data: The fields of `LayeredSpace`; each device is a list of mappings with the fields of `LayerRow`.
        origin: Where it comes from, for messages.

    Raises:
        UserError: A key is unknown or missing, or a value is wrong.
    """
    root = Section(origin, "", data)
    root.allow(*(field.name for field in dataclasses.fields(LayeredSpace)))
    steps = root.items("devices")
    rows = []
    for step, given in enumerate(steps):
        if not isinstance(given, list):
            raise root.error(f"devices[{step}]", f"a list of rows, not {given!r}")
        rows.append(tuple(_row(Section(origin, f"devices[{step}][{i}]", row)) for i, row in enumerate(given)))
    optional = {name: tuple(root.items(name)) for name in ("kernels", "expansions") if root.has(name)}
    for name, values in optional.items():
        if not all(isinstance(value, int) and not isinstance(value, bool) for value in values):
            raise root.error(name, f"a list of integers, not {list(values)!r}")
    return LayeredSpace(
        name=root.text("name"),
        resolution=root.whole("resolution"),
        stem_width=root.whole("stem_width"),
        head_width=root.whole("head_width"),
        devices=tuple(rows),
        activation=root.text("activation", "relu6"),
        **optional,
    )


def _row(section: Section) -> LayerRow:
    section.allow("width", "stride", "layers")
    return LayerRow(width=section.whole("width"), stride=section.whole("stride", 1), layers=section.whole("layers", 1))


def layered_space_to_dict(space: LayeredSpace) -> dict[str, Any]:
    """Plain data for fingerprints and files."""
    data = dataclasses.asdict(space)
    data["devices"] = [[dict(row) for row in rows] for rows in data["devices"]]
    return data | {name: list(data[name]) for name in ("kernels", "expansions")}
