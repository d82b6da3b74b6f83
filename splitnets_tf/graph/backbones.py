"""Well-known classifiers as rows of data, built directly as graphs: no framework and no weights are needed.

They are the backbones of the tables that the project reproduces. Names of operations follow the blocks, so that a cut
reads `block4_0_project_bn`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from splitnets_tf.errors import UserError
from splitnets_tf.hardware import Graph, GraphBuilder

__all__ = ["BACKBONES", "build_backbone"]


@dataclass(frozen=True, slots=True)
class _Stage:
    """A row of inverted residual blocks."""

    expansion: int
    channels: int
    repeats: int
    stride: int
    kernel: int = 3


MOBILENET_V2 = (
    _Stage(1, 16, 1, 1),
    _Stage(6, 24, 2, 2),
    _Stage(6, 32, 3, 2),
    _Stage(6, 64, 4, 2),
    _Stage(6, 96, 3, 1),
    _Stage(6, 160, 3, 2),
    _Stage(6, 320, 1, 1),
)
MNASNET_1_0 = (
    _Stage(1, 16, 1, 1),
    _Stage(3, 24, 3, 2),
    _Stage(3, 40, 3, 2, 5),
    _Stage(6, 80, 3, 2, 5),
    _Stage(6, 96, 2, 1),
    _Stage(6, 192, 4, 2, 5),
    _Stage(6, 320, 1, 1),
)
# Half the channels of MNASNet 1.0, rounded to multiples of 8.
MNASNET_0_5 = (
    _Stage(1, 8, 1, 1),
    _Stage(3, 16, 3, 2),
    _Stage(3, 24, 3, 2, 5),
    _Stage(6, 40, 3, 2, 5),
    _Stage(6, 48, 2, 1),
    _Stage(6, 96, 4, 2, 5),
    _Stage(6, 160, 1, 1),
)
EFFICIENTNET_B0 = (
    _Stage(1, 16, 1, 1),
    _Stage(6, 24, 2, 2),
    _Stage(6, 40, 2, 2, 5),
    _Stage(6, 80, 3, 2),
    _Stage(6, 112, 3, 1, 5),
    _Stage(6, 192, 4, 2, 5),
    _Stage(6, 320, 1, 1),
)
# kernel, expanded channels, channels, squeeze-and-excitation, activation, stride
MOBILENET_V3_SMALL = (
    (3, 16, 16, True, "relu", 2),
    (3, 72, 24, False, "relu", 2),
    (3, 88, 24, False, "relu", 1),
    (5, 96, 40, True, "hard_swish", 2),
    (5, 240, 40, True, "hard_swish", 1),
    (5, 240, 40, True, "hard_swish", 1),
    (5, 120, 48, True, "hard_swish", 1),
    (5, 144, 48, True, "hard_swish", 1),
    (5, 288, 96, True, "hard_swish", 2),
    (5, 576, 96, True, "hard_swish", 1),
    (5, 576, 96, True, "hard_swish", 1),
)
VGG_11 = ((64,), (128,), (256, 256), (512, 512), (512, 512))
REGNETX_3_2GF = ((96, 2), (192, 6), (432, 15), (1008, 2))
REGNETX_GROUP_WIDTH = 48


class _Net:
    """A builder that knows the few patterns all backbones are made of."""

    def __init__(self, name: str, resolution: int, views: int) -> None:
        self.builder = GraphBuilder(name)
        self.views = views
        self.image = self.builder.input("image", (resolution, resolution, 3))

    def conv(
        self,
        name: str,
        x: str,
        filters: int,
        kernel: int = 1,
        stride: int = 1,
        act: str | None = "relu",
        groups: int = 1,
    ) -> str:
        x = self.builder.conv2d(f"{name}_conv", x, filters, kernel, strides=stride, groups=groups)
        return self.norm(name, x, act)

    def depthwise(self, name: str, x: str, kernel: int, stride: int, act: str) -> str:
        x = self.builder.depthwise_conv2d(f"{name}_conv", x, kernel, strides=stride)
        return self.norm(name, x, act)

    def norm(self, name: str, x: str, act: str | None) -> str:
        x = self.builder.batch_norm(f"{name}_bn", x)
        return self.builder.activation(f"{name}_act", x, act) if act else x

    def squeeze(self, name: str, x: str, channels: int, act: str, gate: str) -> str:
        s = self.builder.global_average_pool(f"{name}_pool", x, keepdims=True)
        s = self.builder.conv2d(f"{name}_reduce", s, channels, 1, use_bias=True)
        s = self.builder.activation(f"{name}_act", s, act)
        s = self.builder.conv2d(f"{name}_expand", s, self.channels(x), 1, use_bias=True)
        s = self.builder.activation(f"{name}_gate", s, gate)
        return self.builder.multiply(f"{name}_scale", x, s)

    def inverted_residual(
        self, name: str, x: str, hidden: int, channels: int, kernel: int, stride: int, act: str, se: int, gate: str
    ) -> str:
        y = x
        if hidden != self.channels(x):
            y = self.conv(f"{name}_expand", y, hidden, act=act)
        y = self.depthwise(f"{name}_depthwise", y, kernel, stride, act)
        if se:
            y = self.squeeze(f"{name}_se", y, se, "relu" if gate == "hard_sigmoid" else act, gate)
        y = self.conv(f"{name}_project", y, channels, act=None)
        residual = stride == 1 and self.channels(x) == channels
        return self.builder.add(f"{name}_add", x, y) if residual else y

    def channels(self, x: str) -> int:
        return self.builder.shape(x)[-1]

    def fuse(self, x: str) -> str:
        return self.builder.view_fuse("view_pool", x, self.views, "max") if self.views > 1 else x

    def classify(self, x: str, units: Sequence[int], act: str = "relu") -> Graph:
        x = self.builder.global_average_pool("pool", self.fuse(x))
        return self.dense(x, units, act)

    def dense(self, x: str, units: Sequence[int], act: str) -> Graph:
        for i, size in enumerate(units):
            x = self.builder.dense(f"dense{i}", x, size)
            if i + 1 < len(units):
                x = self.builder.activation(f"dense{i}_act", x, act)
        return self.builder.build((x,))


def _mobile(
    stages: Sequence[_Stage], *, stem: int = 32, act: str = "relu", se: bool = False
) -> Callable[[_Net, int], Graph]:
    def build(net: _Net, classes: int) -> Graph:
        x = net.conv("stem", net.image, stem, 3, 2, act)
        for i, stage in enumerate(stages):
            for j in range(stage.repeats):
                channels = net.channels(x)
                hidden = channels * stage.expansion
                squeeze = max(1, channels // 4) if se else 0
                stride = stage.stride if j == 0 else 1
                x = net.inverted_residual(
                    f"block{i}_{j}", x, hidden, stage.channels, stage.kernel, stride, act, squeeze, "sigmoid"
                )
        x = net.conv("head", x, 1280, act=act)
        return net.classify(x, (classes,))

    return build


def _mobilenet_v3_small(net: _Net, classes: int) -> Graph:
    x = net.conv("stem", net.image, 16, 3, 2, "hard_swish")
    for i, (kernel, hidden, channels, se, act, stride) in enumerate(MOBILENET_V3_SMALL):
        squeeze = _divisible(hidden / 4) if se else 0
        x = net.inverted_residual(f"block{i}", x, hidden, channels, kernel, stride, act, squeeze, "hard_sigmoid")
    x = net.conv("head", x, 576, act="hard_swish")
    return net.classify(x, (1024, classes), "hard_swish")


def _vgg(net: _Net, classes: int) -> Graph:
    x = net.image
    for i, widths in enumerate(VGG_11):
        for j, width in enumerate(widths):
            x = net.builder.conv2d(f"conv{i}_{j}", x, width, 3, use_bias=True)
            x = net.builder.activation(f"conv{i}_{j}_act", x, "relu")
        x = net.builder.pool(f"pool{i}", x, "max_pool", 2)
    x = net.fuse(x)
    height, width, channels = net.builder.shape(x)
    x = net.builder.reshape("flatten", x, (height * width * channels,))
    return net.dense(x, (4096, 4096, classes), "relu")


def _resnet(depths: Sequence[int], *, bottleneck: bool) -> Callable[[_Net, int], Graph]:
    def build(net: _Net, classes: int) -> Graph:
        x = net.conv("stem", net.image, 64, 7, 2)
        x = net.builder.pool("stem_pool", x, "max_pool", 3, 2, "same")
        for i, depth in enumerate(depths):
            for j in range(depth):
                stride = 2 if i > 0 and j == 0 else 1
                x = _residual(net, f"block{i}_{j}", x, 64 * 2**i, stride, bottleneck)
        return net.classify(x, (classes,))

    return build


def _residual(net: _Net, name: str, x: str, width: int, stride: int, bottleneck: bool) -> str:
    if bottleneck:
        y = net.conv(f"{name}_1", x, width)
        y = net.conv(f"{name}_2", y, width, 3, stride)
        y = net.conv(f"{name}_3", y, 4 * width, act=None)
    else:
        y = net.conv(f"{name}_1", x, width, 3, stride)
        y = net.conv(f"{name}_2", y, width, 3, act=None)
    return _join(net, name, x, y, stride)


def _join(net: _Net, name: str, x: str, y: str, stride: int) -> str:
    if stride != 1 or net.channels(x) != net.channels(y):
        x = net.conv(f"{name}_shortcut", x, net.channels(y), 1, stride, None)
    return net.builder.activation(f"{name}_out", net.builder.add(f"{name}_add", x, y), "relu")


def _regnet_x(net: _Net, classes: int) -> Graph:
    x = net.conv("stem", net.image, 32, 3, 2)
    for i, (width, depth) in enumerate(REGNETX_3_2GF):
        for j in range(depth):
            name, stride = f"block{i}_{j}", 2 if j == 0 else 1
            y = net.conv(f"{name}_1", x, width)
            y = net.conv(f"{name}_2", y, width, 3, stride, groups=width // REGNETX_GROUP_WIDTH)
            y = net.conv(f"{name}_3", y, width, act=None)
            x = _join(net, name, x, y, stride)
    return net.classify(x, (classes,))


def _divisible(value: float, divisor: int = 8) -> int:
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


_BUILDERS: dict[str, Callable[[_Net, int], Graph]] = {
    "MobileNet-v2": _mobile(MOBILENET_V2, act="relu6"),
    "MNASNet-1.0": _mobile(MNASNET_1_0),
    "MNASNet-0.5": _mobile(MNASNET_0_5, stem=16),
    "EfficientNet-B0": _mobile(EFFICIENTNET_B0, act="swish", se=True),
    "MobileNet-v3": _mobilenet_v3_small,
    "ResNet-18": _resnet((2, 2, 2, 2), bottleneck=False),
    "ResNet-152": _resnet((3, 8, 36, 3), bottleneck=True),
    "RegNetX-3.2GF": _regnet_x,
    "VGG-11": _vgg,
}
BACKBONES: tuple[str, ...] = tuple(_BUILDERS)
"""Names as the paper's tables print them; `MobileNet-v3` is the small one."""


def build_backbone(name: str, *, resolution: int = 224, classes: int = 1000, views: int = 1) -> Graph:
    """Builds a well-known classifier as a graph.

    Args:
        name: One of `BACKBONES`.
        resolution: Height and width of its RGB input.
        classes: Number of outputs.
        views: With several, their last feature maps are fused by a maximum before the classifier (as MVCNN does).

    Returns:
        The unfused graph; its last operation gives logits.

    Raises:
        UserError: If there is no such backbone.
    """
    if name not in _BUILDERS:
        raise UserError(f"unknown backbone {name!r}; choose one of {', '.join(BACKBONES)}")
    return _BUILDERS[name](_Net(name, resolution, views), classes)
