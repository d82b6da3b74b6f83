"""The student of Head Distillation as data: where the teacher is cut, how wide the student is, what it costs."""

import dataclasses

import pytest

from splitnets_tf.errors import UserError
from splitnets_tf.graph import build_backbone
from splitnets_tf.hardware import crossing_tensors, load_system, total_macs, total_params
from splitnets_tf.partition import design_student, head_distillation, head_student, neurosurgeon, student_graph
from splitnets_tf.partition.head_distillation import WIDTHS, teacher_cut


def with_memory(system, memory_bytes):
    sensor = dataclasses.replace(system.sensor, memory_bytes=memory_bytes)
    return dataclasses.replace(system, processors=(sensor, *system.processors[1:]))


@pytest.mark.parametrize(
    ("backbone", "resolution", "last", "feature"),
    [
        ("MobileNet-v2", 224, "block2_2_add", (28, 28, 32)),
        ("MobileNet-v2", 40, "block2_2_add", (5, 5, 32)),
        ("ResNet-18", 224, "block1_1_out", (28, 28, 128)),
        ("ResNet-152", 224, "block1_7_out", (28, 28, 512)),
    ],
)
def test_teacher_is_cut_behind_its_last_block_of_stride_8(backbone, resolution, last, feature):
    teacher = build_backbone(backbone, resolution=resolution)
    n = teacher_cut(teacher)
    assert teacher.operations[n - 1].name == last
    (sent,) = crossing_tensors(teacher, n)
    assert teacher.tensor(sent).shape == feature
    assert head_student(teacher, width=8).feature == feature


def test_strides_without_a_feature_are_refused():
    teacher = build_backbone("MobileNet-v2", resolution=64)
    with pytest.raises(UserError, match="stride 64"):
        head_student(teacher, width=8, stride=128 // 2)
    for stride in (1, 6):
        with pytest.raises(UserError, match=f"not {stride}"):
            head_student(teacher, width=8, stride=stride)


@pytest.mark.parametrize("resolution", [32, 33, 40, 64, 224])
@pytest.mark.parametrize("stride", [4, 8, 16])
def test_bottleneck_is_the_widest_within_a_sixteenth_of_the_image(resolution, stride):
    teacher = build_backbone("MobileNet-v2", resolution=resolution, classes=10)
    student = head_student(teacher, width=8, stride=stride)
    graph, n = student_graph(teacher, student)
    (sent,) = crossing_tensors(graph, n)
    side, _, channels = graph.tensor(sent).shape
    assert side == -(-resolution // stride)
    assert channels == student.encoder[-1].filters
    assert side * side * channels <= 3 * resolution**2 / 16 < side * side * (channels + 1)


def test_published_bottleneck_at_224_pixels():
    """12 channels at stride 8, as the three rows of Table 4 have."""
    teacher = build_backbone("MobileNet-v2", resolution=224)
    assert head_student(teacher, width=8).encoder[-1].filters == 12


def test_student_costs_its_convolutions_and_the_teachers_tail():
    teacher = build_backbone("MobileNet-v2", resolution=64, classes=34)
    student = head_student(teacher, width=28)
    graph, n = student_graph(teacher, student)
    tail = teacher.operations[student.teacher_operations :]
    encoder = [(27, 28, 32), (9 * 28, 28, 16), (9 * 28, 56, 8), (56, 12, 8)]
    decoder = [(9 * 12, 32, 8), (9 * 32, 32, 8), (32, 32, 8)]
    macs = [sum(a * b * side * side for a, b, side in rows) for rows in (encoder, decoder)]
    params = [sum(a * b + 2 * b for a, b, _ in rows) for rows in (encoder, decoder)]
    assert total_macs(graph) == sum(macs) + sum(op.macs for op in tail)
    assert total_params(graph) == sum(params) + sum(op.params for op in tail)
    placed = head_distillation(teacher, student, load_system("hmd-demo"))
    assert (placed.sensor.macs, placed.sensor.params) == (macs[0], params[0])
    assert placed.sensor.peak_bytes == params[0] + 2 * 32 * 32 * 28
    assert placed.link.bytes == 12 * 8 * 8
    assert placed.cuts == (n,)


@pytest.mark.parametrize(
    ("name", "resolution", "memory_bytes"),
    [("hmd-demo", 64, 88430), ("hmd-demo", 64, None), ("hmd-demo", 48, 30_000), ("hmd", 224, 2_000_000)],
)
def test_width_is_the_widest_allowed(name, resolution, memory_bytes):
    system = with_memory(load_system(name), memory_bytes)
    teacher = build_backbone("MobileNet-v2", resolution=resolution, classes=34)
    limit_ms = neurosurgeon(teacher, system).latency_ms / 2
    allowed = []
    for width in WIDTHS:
        placed = head_distillation(teacher, head_student(teacher, width=width), system)
        if placed.feasible and placed.latency_ms <= limit_ms:
            allowed.append(width)
    student = design_student(teacher, system)
    assert student.encoder[0].filters == max(allowed)
    assert student == head_student(teacher, width=max(allowed))


def test_where_nothing_fits_the_narrowest_is_named_infeasible():
    system = with_memory(load_system("hmd-demo"), 1000)
    teacher = build_backbone("MobileNet-v2", resolution=64)
    student = design_student(teacher, system)
    assert student.encoder[0].filters == WIDTHS[0]
    placed = head_distillation(teacher, student, system)
    assert not placed.feasible
    assert "1000" in placed.reason
