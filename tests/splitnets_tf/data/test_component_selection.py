"""Look-alikes go, families stay together, and splits share nothing that looks the same."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from splitnets_tf.data.component_classes import CLASSES, classify
from splitnets_tf.data.component_selection import Candidate, select_objects
from splitnets_tf.data.family_split import FamilyTable, SplitShares, assign_families
from splitnets_tf.data.near_duplicates import distinct_objects, near_view_pairs


def _random_objects(count: int, views: int = 4, size: int = 16, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (count, views, size, size, 3)).astype(np.uint8)


def test_near_pairs_equal_brute_force() -> None:
    generator = np.random.default_rng(1)
    base = _random_objects(30).astype(int)
    noise = generator.normal(size=base.shape) * generator.uniform(0, 40, (30, 4, 1, 1, 1))
    other = np.clip(np.rint(base + noise), 0, 255).astype(np.uint8)
    first = base.astype(np.uint8)
    pairs = near_view_pairs(first, other, threshold=0.1)
    expected = set()
    for i, a, j, b in itertools.product(range(30), range(4), range(30), range(4)):
        x, y = first[i, a].astype(float), other[j, b].astype(float)
        if np.linalg.norm(x - y) / np.sqrt(((x**2).sum() + (y**2).sum()) / 2) < 0.1:
            expected.add((i, a, j, b))
    found = {(*p, *q) for p, q in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)}
    assert found == expected
    assert 20 < len(expected) < 110


def test_pairs_within_a_set_are_given_once_and_no_view_pairs_with_itself() -> None:
    images = _random_objects(3)
    images[2, 1] = images[0, 3]
    pairs = near_view_pairs(images)
    assert pairs.first.tolist() == [[0, 3]]
    assert pairs.second.tolist() == [[2, 1]]


def test_copies_and_turned_copies_are_found_but_objects_alike_from_one_side_stay() -> None:
    images = _random_objects(6)
    images[2] = images[0]
    images[3] = np.roll(images[1], 1, axis=0)
    images[4, :3] = images[1, :3]
    np.testing.assert_array_equal(distinct_objects(images), [0, 1, 4, 5])


def _table(sizes: list[int], classes: list[int]) -> FamilyTable:
    count = len(sizes)
    return FamilyTable(sizes=np.array(sizes), classes=np.array(classes), conflicts=np.zeros((count, count)))


def test_families_fill_each_split_of_each_class_near_its_share() -> None:
    generator = np.random.default_rng(2)
    table = _table(generator.integers(1, 9, 80).tolist(), np.repeat(np.arange(8), 10).tolist())
    assignment = assign_families(table, SplitShares(steps=20_000), np.random.default_rng(0))
    for label in range(8):
        sizes, splits = table.sizes[table.classes == label], assignment[table.classes == label]
        shares = np.bincount(splits, weights=sizes, minlength=3) / sizes.sum()
        np.testing.assert_allclose(shares, [0.60, 0.13, 0.27], atol=0.06)


def test_families_that_look_alike_land_in_the_same_split() -> None:
    table = _table([10] * 12, [0] * 6 + [1] * 6)
    for plug, socket in zip(range(6), range(6, 12), strict=True):
        table.conflicts[plug, socket] = table.conflicts[socket, plug] = 10.0
    assignment = assign_families(table, SplitShares(steps=20_000), np.random.default_rng(0))
    np.testing.assert_array_equal(assignment[:6], assignment[6:])
    assert set(assignment.tolist()) == {0, 1, 2}


def test_classes_with_few_families_get_what_they_can() -> None:
    table = _table([9, 5, 5, 4, 4, 4], [0, 1, 1, 2, 2, 2])
    assignment = assign_families(table, SplitShares(steps=3000), np.random.default_rng(0))
    assert assignment[0] == 0
    assert sorted(assignment[1:3]) == [0, 2]
    assert sorted(assignment[3:]) == [0, 1, 2]


def test_selection_leaves_no_look_alikes_across_splits_and_bounds_families() -> None:
    images = _random_objects(120, views=2)
    candidates = [
        Candidate(path=f"F.3dshapes/part_{number}.wrl", class_name=f"class{number % 2}", family=f"series{number // 12}")
        for number in range(120)
    ]
    generator = np.random.default_rng(3)
    for _ in range(40):  # One side of an object copied to another object.
        a, b = generator.integers(0, 120, 2)
        images[a, 0] = images[b, 1]
    images[7] = images[5]
    selection = select_objects(candidates, images, family_limit=5, class_limit=45)
    chosen = [candidates[index] for index in selection.kept]
    assert not {5, 7} <= set(selection.kept.tolist())
    for name, series in {(row.class_name, row.family) for row in chosen}:
        members = [
            split
            for row, split in zip(chosen, selection.splits, strict=True)
            if (row.class_name, row.family) == (name, series)
        ]
        assert len(members) <= 5
        assert len(set(members)) == 1
    splits = np.array(selection.splits)
    for one, other in itertools.combinations(("train", "validation", "test"), 2):
        pairs = near_view_pairs(images[selection.kept[splits == one]], images[selection.kept[splits == other]])
        assert len(pairs.distance) == 0


@pytest.mark.parametrize(
    ("folder", "stem", "expected"),
    [
        ("Package_QFP", "LQFP-64-1EP_10x10mm_P0.5mm_EP5x5mm", ("qfp", "lqfp_p0.5")),
        ("Package_QFP", "LQFP-48_7x7mm_P0.5mm", ("qfp", "lqfp_p0.5")),
        ("Package_QFP", "LQFP-32_7x7mm_P0.8mm", ("qfp", "lqfp_p0.8")),
        ("Package_DFN_QFN", "DFN-8-1EP_3x2mm_P0.5mm_EP1.3x1.5mm", ("dfn", "dfn_p0.5")),
        ("Package_DFN_QFN", "QFN-16-1EP_4x4mm_P0.65mm_EP2.1x2.1mm", ("qfn", "qfn_p0.65")),
        ("Package_SO", "TSSOP-14_4.4x5mm_P0.65mm", ("tssop", "tssop_p0.65")),
        ("Package_SO", "SOIC-14_3.9x8.7mm_P1.27mm", ("soic", "soic_p1.27")),
        (
            "Connector_Phoenix_MSTB",
            "PhoenixContact_MSTBV_2,5_10-GF-5,08_1x10_P5.08mm_Vertical_ThreadedFlange_MountHole",
            ("phoenix_mstb", "MSTBV_P5.08_ThreadedFlange".lower()),
        ),
        ("Connector_PinHeader_2.54mm", "PinHeader_2x05_P2.54mm_Vertical", ("pinheader_vertical", "2x_p2.54")),
        ("Connector_PinHeader_1.27mm", "PinHeader_1x05_P1.27mm_Vertical_SMD_Pin1Left", ("pinheader_smd", "1x_p1.27")),
        ("Connector_JST", "JST_XH_S10B-XH-A_1x10_P2.50mm_Horizontal", ("jst", "xh_horizontal")),
        ("LED_THT", "LED_D3.0mm_Horizontal_O1.27mm_Z2.0mm_IRBlack", ("led_tht", "led_horizontal")),
        ("Diode_THT", "D_DO-35_SOD27_P2.54mm_Vertical_KathodeUp", ("diode_tht", "d_do_sod_vertical")),
        ("Package_TO_SOT_THT", "TO-220-3_Horizontal_TabDown", ("to_tht", "to-220_horizontal")),
        ("Battery", "BatteryHolder_Keystone_103_1x20mm", None),
        ("Button_Switch_THT", "SW_PUSH_6mm", None),
    ],
)
def test_names_tell_class_and_family(folder: str, stem: str, expected: tuple[str, str] | None) -> None:
    assert classify(folder, stem) == expected


def test_class_names_are_unique() -> None:
    assert len({row.name for row in CLASSES}) == len(CLASSES) == 34
