"""Head Distillation: a small student head with a bottleneck takes the place of a trained network's head.

The encoder runs on the sensor and ends in the bottleneck, which the link carries; the decoder makes of it, on the
aggregator, the feature that the teacher's head makes, and the teacher's tail follows. What is here is pure: the student
as data, its graph, and the rule by which its size is chosen. `distillation_models.py` builds it.

Reference:
    Matsubara et al., "Head Network Distillation", IEEE Access 2020; SplitNets (arXiv 2204.04705), section 4.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from splitnets_tf.errors import UserError
from splitnets_tf.hardware import Graph, GraphBuilder, System, crossing_tensors, link_bytes, part
from splitnets_tf.partition.positions import legal_cuts
from splitnets_tf.partition.result import Partition, partition_at
from splitnets_tf.partition.two_devices import neurosurgeon

__all__ = [
    "Convolution",
    "HeadStudent",
    "design_student",
    "head_distillation",
    "head_student",
    "student_graph",
    "teacher_cut",
]

STRIDE = 8
"""Stride of the teacher's feature: that of the published students (12 x 29 x 29 of 224 x 224 pixels)."""
LINK_SHARE = 1 / 16
"""The bottleneck's bytes over the image's; theirs is 1/15."""
LATENCY_SHARE = 0.5
"""Latency at most, over that of the teacher's best placement: what a searched network is asked for, too."""
WIDTHS = tuple(range(4, 129, 4))


@dataclass(frozen=True, kw_only=True, slots=True)
class Convolution:
    """A convolution without bias, batch normalisation behind it, and ReLU unless it is linear."""

    name: str
    """Beginning of the names of its layers."""

    filters: int
    """Output channels."""

    kernel: int
    """Side of the kernel."""

    stride: int = 1
    """Stride in both directions."""

    relu: bool = True
    """Whether ReLU follows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HeadStudent:
    """What takes the place of a teacher's head."""

    teacher_operations: int
    """Operations of the teacher's graph that it replaces."""

    feature: tuple[int, ...]
    """Shape of the teacher's tensor that it reproduces."""

    encoder: tuple[Convolution, ...]
    """On the sensor; the last one is the bottleneck."""

    decoder: tuple[Convolution, ...]
    """On the aggregator, before the teacher's tail; the last one gives the feature."""


def teacher_cut(teacher: Graph, stride: int = STRIDE) -> int:
    """Finds where the teacher's head ends: behind its last block that works at a stride.

    Args:
        teacher: Its graph, unfused, with one image `(side, side, channels)` as input.
        stride: Side of the image over that of the feature, rounded up.

    Returns:
        The number of operations before the last legal cut that a single tensor of this stride crosses; where such
        tensors differ in channels, before the last cut with the fewest, which is the end of a block.

    Raises:
        UserError: If no such tensor is the only one to cross a cut.
    """
    side = -(-_image(teacher)[0] // stride)
    found = []
    for n in legal_cuts(teacher)[1:-1]:
        crossing = crossing_tensors(teacher, n)
        shape = teacher.tensor(crossing[0]).shape
        if len(crossing) == 1 and len(shape) == 3 and shape[:2] == (side, side) and crossing[0] not in teacher.inputs:
            found.append((n, shape[-1]))
    if not found:
        raise UserError(
            f"{teacher.name}: no cut sends a single {side}x{side} tensor, so there is no feature of stride {stride} to "
            "distil; choose another stride or network"
        )
    fewest = min(channels for _, channels in found)
    return max(n for n, channels in found if channels == fewest)


def head_student(teacher: Graph, *, width: int, stride: int = STRIDE, link_share: float = LINK_SHARE) -> HeadStudent:
    """Describes a student of a given width.

    The encoder halves the image's side with 3x3 convolutions of `width`, `width`, 2 `width`, 4 `width`, ... channels
    until it has the feature's, and ends in a linear 1x1 convolution to the bottleneck. The decoder has two 3x3
    convolutions and a linear 1x1 one, all with the feature's channels.

    Args:
        teacher: Its graph, unfused.
        width: Channels of the encoder's first convolution.
        stride: Stride of the feature, a power of two.
        link_share: The bottleneck has as many channels as keep its 8-bit elements within this share of the image's.

    Raises:
        UserError: If the stride is no power of two above 1, or the teacher has no feature of this stride.
    """
    if stride < 2 or stride & (stride - 1):
        raise UserError(f"the stride of a distilled feature must be 2, 4, 8, ..., not {stride}")
    n = teacher_cut(teacher, stride)
    feature = teacher.tensor(crossing_tensors(teacher, n)[0]).shape
    halvings = stride.bit_length() - 1
    bottleneck = max(1, int(link_share * link_bytes(teacher, 0) / (feature[0] * feature[1])))
    encoder = [
        Convolution(name=f"encoder_{i}", filters=width << max(0, i - 1), kernel=3, stride=2) for i in range(halvings)
    ]
    return HeadStudent(
        teacher_operations=n,
        feature=feature,
        encoder=(*encoder, Convolution(name="bottleneck", filters=bottleneck, kernel=1, relu=False)),
        decoder=(
            Convolution(name="decoder_0", filters=feature[-1], kernel=3),
            Convolution(name="decoder_1", filters=feature[-1], kernel=3),
            Convolution(name="decoder_2", filters=feature[-1], kernel=1, relu=False),
        ),
    )


def student_graph(teacher: Graph, student: HeadStudent) -> tuple[Graph, int]:
    """Returns the network of encoder, decoder and the teacher's tail, and how many operations are the encoder's."""
    builder = GraphBuilder(f"{teacher.name}_distilled")
    x = builder.input(teacher.inputs[0], _image(teacher))
    x = _add(builder, student.encoder, x)
    sensor_operations = _count(student.encoder)
    x = _add(builder, student.decoder, x)
    front = builder.build([x])
    tail = part(teacher, student.teacher_operations, len(teacher.operations))
    if tail is None or len(tail.inputs) != 1 or front.tensor(x).shape != student.feature:
        raise ValueError(f"the student does not make the one tensor {student.feature} that the teacher's tail reads")
    (replaced,) = tail.inputs
    behind = tuple(
        replace(operation, inputs=tuple(x if name == replaced else name for name in operation.inputs))
        for operation in tail.operations
    )
    graph = Graph(
        name=front.name,
        operations=(*front.operations, *behind),
        tensors=(*front.tensors, *(tensor for tensor in tail.tensors if tensor.name != replaced)),
        inputs=front.inputs,
        outputs=tail.outputs,
    )
    return graph, sensor_operations


def head_distillation(teacher: Graph, student: HeadStudent, system: System, *, bits: int = 8) -> Partition:
    """Prices a student on a system, cut behind its bottleneck.

    Args:
        teacher: The teacher's graph, unfused.
        student: What replaces its head.
        system: The devices and links.
        bits: Bits of the bottleneck's elements on the link.
    """
    graph, n = student_graph(teacher, student)
    return partition_at("head-distillation", graph, (n,) * len(system.hops), system, bits=bits)


def design_student(
    teacher: Graph, system: System, *, stride: int = STRIDE, widths: Sequence[int] = WIDTHS
) -> HeadStudent:
    """Chooses the student's width without training any: the widest that the system allows.

    A width is allowed if the sensor's `peak_bytes` (the paper's figure) is within its memory and the overall latency is
    at most half that of the teacher's best feasible placement. Accuracy is not asked: trying widths out would repeat
    the training for each.

    Args:
        teacher: The teacher's graph, unfused.
        system: The devices and links.
        stride: Stride of the feature.
        widths: Widths to choose from, ascending.

    Returns:
        The student; where no width is allowed, the narrowest one.

    Raises:
        UserError: If no placement of the teacher fits into memory, or it has no feature of this stride.
    """
    limit_ms = LATENCY_SHARE * neurosurgeon(teacher, system).latency_ms
    chosen = head_student(teacher, width=widths[0], stride=stride)
    for width in widths:
        wider = head_student(teacher, width=width, stride=stride)
        placed = head_distillation(teacher, wider, system)
        if not placed.feasible or placed.latency_ms > limit_ms:
            break
        chosen = wider
    return chosen


def _image(teacher: Graph) -> tuple[int, ...]:
    shape = teacher.tensor(teacher.inputs[0]).shape
    if len(teacher.inputs) != 1 or len(shape) != 3 or shape[0] != shape[1]:
        raise UserError(f"{teacher.name}: a network to distil takes one square image, not inputs {teacher.inputs}")
    return shape


def _add(builder: GraphBuilder, rows: Sequence[Convolution], x: str) -> str:
    for row in rows:
        for suffix in _suffixes(row):
            builder.layer = name = f"{row.name}_{suffix}"
            if suffix == "conv":
                x = builder.conv2d(name, x, row.filters, row.kernel, row.stride)
            elif suffix == "bn":
                x = builder.batch_norm(name, x)
            else:
                x = builder.activation(name, x, "relu")
    return x


def _suffixes(row: Convolution) -> tuple[str, ...]:
    return ("conv", "bn", "relu") if row.relu else ("conv", "bn")


def _count(rows: Sequence[Convolution]) -> int:
    return sum(len(_suffixes(row)) for row in rows)
